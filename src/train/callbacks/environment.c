/* environment.jsonl in the run's folder: a line for each start of the run, by which program and
 * where. Rank 0 alone has it. */
#include "base/memory.h"
#include "train/trainer.h"

static void add_line(const struct Trainer *trainer, struct MetricsFile *file) {
    const struct Progress *progress = &trainer->saved.progress;
    const struct Provenance *provenance = &trainer->saved.provenance;
    const struct Outside *outside = trainer->request->outside;
    metrics_file_begin(file, "start", progress->step, progress->epoch + 1);
    metrics_file_number(file, "ranks", ranks_size(trainer->ranks));
    metrics_file_number(file, "threads", (double)provenance->threads);
    metrics_file_text(file, "backend", provenance->backend);
    metrics_file_text(file, "instruction_set", provenance->instruction_set);
    for (const struct OutsideFact *fact = outside->facts; fact && fact->name; fact++)
        metrics_file_text(file, fact->name, fact->text);
    metrics_file_end(file);
}

/* Earlier lines stay, unless the run begins anew. Nothing else is written while the run goes on, so
 * that the file is closed at once. */
static int write_line(const struct Trainer *trainer, struct Error *error) {
    struct MetricsFile *file;
    char *path = memory_print("%s/environment.jsonl", trainer->request->folder);
    int code = metrics_file_open(&file, path, trainer->saved.progress.step, error);
    if (!code) {
        add_line(trainer, file);
        metrics_file_close(file);
    }
    memory_release(path);
    return code;
}

static int on_start(struct Trainer *trainer, void *state, struct Error *error) {
    (void)state;
    bool writes = ranks_rank(trainer->ranks) == 0 && trainer->request->outside;
    return writes ? write_line(trainer, error) : OK;
}

const struct Callback callback_environment = {.name = "environment", .on_start = on_start};
