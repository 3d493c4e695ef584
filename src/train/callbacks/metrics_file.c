/* metrics.jsonl in the run's folder. Rank 0 alone has it. */
#include "base/memory.h"
#include "train/trainer.h"

struct State {
    struct MetricsFile *file; /* NULL: on other ranks */
};

static struct MetricsFile *file_of(void *state) {
    return ((struct State *)state)->file;
}

static void release(void *state) {
    metrics_file_close(file_of(state));
}

/* Opens the file with the lines up to the present step. */
static int open_file(struct Trainer *trainer, struct State *state, struct Error *error) {
    char *path = memory_print("%s/metrics.jsonl", trainer->request->folder);
    int code = metrics_file_open(&state->file, path, trainer->saved.progress.step, error);
    memory_release(path);
    return code;
}

static int on_start(struct Trainer *trainer, void *state, struct Error *error) {
    return ranks_rank(trainer->ranks) == 0 ? open_file(trainer, state, error) : OK;
}

static int on_step(struct Trainer *trainer, void *state, const struct StepReport *report,
                   struct Error *error) {
    (void)trainer, (void)error;
    if (file_of(state) && report->fate == STEP_DONE)
        metrics_file_step(file_of(state), report);
    return OK;
}

static void on_epoch(struct Trainer *trainer, void *state, const struct EpochReport *report) {
    (void)trainer;
    if (file_of(state))
        metrics_file_epoch(file_of(state), report);
}

static void on_validated(struct Trainer *trainer, void *state, const struct EpochReport *report) {
    (void)trainer;
    if (file_of(state))
        metrics_file_validation(file_of(state), report);
}

static void on_stop(struct Trainer *trainer, void *state, const struct StopReport *report) {
    (void)trainer;
    if (file_of(state))
        metrics_file_stop(file_of(state), report);
}

/* The lines of steps that the run went back over go. If the file cannot be opened again, it stays
 * as it is. */
static void on_nan(struct Trainer *trainer, void *callback, const struct NanReport *report) {
    struct State *state = callback;
    struct Error error;
    struct MetricsFile *old = state->file;
    if (!old)
        return;
    metrics_file_flush(old, &error); /* if it cannot, the lines are lost when it is opened again */
    if (report->checkpoint >= 0 && !open_file(trainer, state, &error))
        metrics_file_close(old);
    metrics_file_nan(state->file, report);
}

static void on_warning(struct Trainer *trainer, void *state, const struct WarningReport *report) {
    (void)trainer;
    if (file_of(state))
        metrics_file_warning(file_of(state), report);
}

static int on_save(struct Trainer *trainer, void *state, struct Error *error) {
    (void)trainer;
    return file_of(state) ? metrics_file_write(file_of(state), error) : OK;
}

static int synchronise(const void *callback, struct Error *error) {
    const struct State *state = callback;
    return state->file ? metrics_file_synchronise(state->file, error) : OK;
}

const struct Callback callback_metrics_file = {.name = "metrics file",
                                               .state_size = sizeof(struct State),
                                               .release = release,
                                               .on_start = on_start,
                                               .on_step = on_step,
                                               .on_epoch = on_epoch,
                                               .on_validated = on_validated,
                                               .on_nan = on_nan,
                                               .on_warning = on_warning,
                                               .on_save = on_save,
                                               .synchronise = synchronise,
                                               .on_stop = on_stop};
