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

static int on_start(struct Trainer *trainer, void *callback, struct Error *error) {
    struct State *state = callback;
    if (ranks_rank(trainer->ranks) != 0)
        return OK;
    char *path = memory_print("%s/metrics.jsonl", trainer->request->folder);
    int code = metrics_file_open(&state->file, path, trainer->saved.progress.step, error);
    memory_release(path);
    return code;
}

static int on_step(struct Trainer *trainer, void *state, const struct StepReport *report,
                   struct Error *error) {
    (void)trainer, (void)error;
    if (file_of(state))
        metrics_file_step(file_of(state), report);
    return OK;
}

static void on_epoch(struct Trainer *trainer, void *state, const struct EpochReport *report) {
    (void)trainer;
    if (file_of(state))
        metrics_file_epoch(file_of(state), report);
}

static void on_stop(struct Trainer *trainer, void *state, const struct StopReport *report) {
    (void)trainer;
    if (file_of(state))
        metrics_file_stop(file_of(state), report);
}

static int on_save(struct Trainer *trainer, void *state, struct Error *error) {
    (void)trainer;
    return file_of(state) ? metrics_file_flush(file_of(state), error) : OK;
}

const struct Callback callback_metrics_file = {.name = "metrics file",
                                               .state_size = sizeof(struct State),
                                               .release = release,
                                               .on_start = on_start,
                                               .on_step = on_step,
                                               .on_epoch = on_epoch,
                                               .on_save = on_save,
                                               .on_stop = on_stop};
