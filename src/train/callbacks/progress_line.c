/* What people see of a run: the bar or the lines of a log, which rank 0 alone has. */
#include <inttypes.h>

#include "base/log.h"
#include "train/trainer.h"

static int on_step(struct Trainer *trainer, void *state, const struct StepReport *report,
                   struct Error *error) {
    (void)state, (void)error;
    if (report->fate == STEP_DONE)
        progress_step(trainer->bar, report);
    return OK;
}

static void on_epoch(struct Trainer *trainer, void *state, const struct EpochReport *report) {
    (void)state;
    progress_epoch(trainer->bar, report);
}

static void on_validated(struct Trainer *trainer, void *state, const struct EpochReport *report) {
    (void)state;
    progress_validation(trainer->bar, report);
}

static void on_stop(struct Trainer *trainer, void *state, const struct StopReport *report) {
    char best[FIGURE_TEXT];
    (void)state;
    if (report->diverged) {
        progress_note(trainer->bar,
                      "stopped at step %" PRId64 ": the loss has risen far above %s, "
                      "that of the first step",
                      report->step, figure_text(FIGURE_LOSS, report->best, FIGURE_DIGITS, best));
        return;
    }
    progress_note(trainer->bar,
                  "stopped early at step %" PRId64 " of %" PRId64 ": %" PRId64
                  " validation%s in a row did not improve on the %s %s",
                  report->step, trainer->parts.time.total, report->waited,
                  report->waited == 1 ? "" : "s", figure_kinds[report->figure].label,
                  figure_text(report->figure, report->best, FIGURE_DIGITS, best));
}

static void on_warning(struct Trainer *trainer, void *state, const struct WarningReport *report) {
    (void)state;
    if (ranks_rank(trainer->ranks) == 0)
        log_warning("step %" PRId64 ": %s", report->step, report->text);
}

const struct Callback callback_progress_line = {.name = "progress line",
                                                .on_step = on_step,
                                                .on_epoch = on_epoch,
                                                .on_validated = on_validated,
                                                .on_warning = on_warning,
                                                .on_stop = on_stop};
