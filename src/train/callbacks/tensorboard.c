/* Event files for TensorBoard: figures of steps and epochs, and the first layer's filters as
 * images. A run that resumes writes a new file. monitor.c adds what it records. If the files cannot
 * be written, a warning says so once, and the run goes on. */
#include <math.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "pictures/png_write.h"
#include "train/trainer.h"

#define MOST_FILTERS 256
#define GAP 1 /* pixels between filters */

struct State {
    struct EventFile *file; /* rank 0 */
    bool told;              /* that it cannot be written */
};

static void release(void *state) {
    event_file_close(((struct State *)state)->file);
}

static int on_start(struct Trainer *trainer, void *callback, struct Error *error) {
    struct State *state = callback;
    const char *folder = trainer->request->tensorboard;
    if (!folder || ranks_rank(trainer->ranks) != 0)
        return OK;
    int code = path_make_folders(folder, NULL, error);
    if (!code)
        code = event_file_create(&state->file, folder, trainer->saved.progress.step, error);
    trainer->events = state->file;
    return code ? error_blame_option(error, "tensorboard", NULL) : OK;
}

static void flush(struct State *state) {
    struct Error error;
    if (state->told || !event_file_flush(state->file, &error))
        return;
    state->told = true;
    log_warning("%s; the run goes on without TensorBoard's files", error.text);
}

static void show_figures(const struct State *state, int64_t step, const char *group,
                         const struct Figures *figures) {
    for (int f = 0; f < FIGURE_COUNT; f++) {
        if (!figures->measured[f])
            continue;
        char *tag = memory_print("%s/%s", group, figure_kinds[f].name);
        event_file_scalar(state->file, step, tag, figures->value[f]);
        memory_release(tag);
    }
}

static int on_step(struct Trainer *trainer, void *callback, const struct StepReport *report,
                   struct Error *error) {
    const struct State *state = callback;
    (void)trainer, (void)error;
    if (!state->file || report->fate != STEP_DONE)
        return OK;
    show_figures(state, report->step, "step", &report->figures);
    event_file_scalar(state->file, report->step, "step/rate", report->rate);
    if (!isnan(report->gradient_norm))
        event_file_scalar(state->file, report->step, "step/gradient_norm", report->gradient_norm);
    if (!isnan(report->penalty))
        event_file_scalar(state->file, report->step, "step/penalty", report->penalty);
    return OK;
}

/* ---- Filters ---- */

/* The weights of the first layer that has any, if they are images: (units, height, width, 1 or 3).
 */
static const struct ArenaRow *find_filters(const struct Arena *arena) {
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        if (row->role != ROLE_WEIGHT)
            continue;
        bool images = row->rank == 4 && row->size[1] * row->size[2] > 1 &&
                      (row->size[3] == 1 || row->size[3] == 3);
        return images ? row : NULL;
    }
    return NULL;
}

/* One filter, its smallest value black and its largest white. */
static void draw_filter(const struct ArenaRow *row, const float *weights, uint8_t *pixels,
                        int64_t width) {
    int64_t channels = row->size[3], count = row->count / row->size[0];
    float least = weights[0], most = weights[0];
    for (int64_t i = 1; i < count; i++) {
        least = fminf(least, weights[i]);
        most = fmaxf(most, weights[i]);
    }
    float factor = most > least ? 255 / (most - least) : 0;
    for (int64_t y = 0; y < row->size[1]; y++)
        for (int64_t x = 0; x < row->size[2]; x++)
            for (int64_t c = 0; c < 3; c++) {
                const float *from = weights + (y * row->size[2] + x) * channels;
                pixels[(y * width + x) * 3 + c] =
                    (uint8_t)lrintf((from[channels == 3 ? c : 0] - least) * factor);
            }
}

static void show_filters(const struct Trainer *trainer, const struct State *state) {
    const struct ArenaRow *row = find_filters(model_arena(trainer->parts.model));
    if (!row)
        return;
    int64_t units = row->size[0] < MOST_FILTERS ? row->size[0] : MOST_FILTERS;
    int64_t columns = (int64_t)ceil(sqrt((double)units)), rows = (units + columns - 1) / columns;
    int64_t high = row->size[1] + GAP, wide = row->size[2] + GAP;
    int64_t height = rows * high + GAP, width = columns * wide + GAP;
    uint8_t *pixels = memory_array(uint8_t, height * width * 3, "filters");
    for (int64_t u = 0; u < units; u++)
        draw_filter(row, trainer->state + row->offset + u * (row->count / row->size[0]),
                    pixels + ((u / columns * high + GAP) * width + u % columns * wide + GAP) * 3,
                    width);
    size_t bytes;
    void *png = png_encode(height, width, pixels, &bytes);
    char *tag = memory_print("filters/%s", row->name);
    if (png)
        event_file_png(state->file, trainer->saved.progress.step, tag, height, width, png, bytes);
    memory_release(tag);
    memory_release(png);
    memory_release(pixels);
}

static void on_epoch(struct Trainer *trainer, void *callback, const struct EpochReport *report) {
    struct State *state = callback;
    if (!state->file)
        return;
    show_figures(state, report->step, "train", &report->train);
    show_figures(state, report->step, "validation", &report->validation);
    show_figures(state, report->step, "average", &report->average);
    show_filters(trainer, state);
    flush(state);
}

static int on_save(struct Trainer *trainer, void *callback, struct Error *error) {
    struct State *state = callback;
    (void)trainer, (void)error;
    if (state->file)
        flush(state);
    return OK;
}

const struct Callback callback_tensorboard = {.name = "TensorBoard",
                                              .state_size = sizeof(struct State),
                                              .release = release,
                                              .on_start = on_start,
                                              .on_step = on_step,
                                              .on_epoch = on_epoch,
                                              .on_validated = on_epoch,
                                              .on_save = on_save};
