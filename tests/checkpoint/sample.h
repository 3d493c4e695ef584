/* A small model's arena, and a run of it whose every value follows from its place. */
#ifndef TESTS_CHECKPOINT_SAMPLE_H
#define TESTS_CHECKPOINT_SAMPLE_H

#include <string.h>

#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "train/callback.h"
#include "train/callbacks/early_stopping.h"
#include "train/saved_state.h"

/* Conv2d(2, 4, 3), BatchNorm2d(4), ReLU, Flatten, Linear(4 * 3 * 3, 5) of torch.nn.Sequential. */
struct SampleRow {
    const char *name;
    enum ArenaRole role;
    int rank;
    int64_t size[4]; /* in memory */
    int order[4];
    int file_rank;
    int64_t file_size[4];
};
static const struct SampleRow sample_rows[] = {
    {"0.weight", ROLE_WEIGHT, 4, {4, 3, 3, 2}, {0, 3, 1, 2}, 4, {4, 2, 3, 3}},
    {"0.bias", ROLE_BIAS, 1, {4}, {0}, 1, {4}},
    {"1.weight", ROLE_NORMALISATION, 1, {4}, {0}, 1, {4}},
    {"1.bias", ROLE_NORMALISATION, 1, {4}, {0}, 1, {4}},
    {"4.weight", ROLE_WEIGHT, 4, {5, 3, 3, 4}, {0, 3, 1, 2}, 2, {5, 36}},
    {"4.bias", ROLE_BIAS, 1, {5}, {0}, 1, {5}},
    {"1.running_mean", ROLE_STATISTIC, 1, {4}, {0}, 1, {4}},
    {"1.running_var", ROLE_STATISTIC, 1, {4}, {0}, 1, {4}},
};
#define SAMPLE_ROWS ((int)(sizeof sample_rows / sizeof *sample_rows))

static inline struct Arena sample_arena(void) {
    struct Arena arena = {.row_count = SAMPLE_ROWS};
    arena.rows = memory_allocate(SAMPLE_ROWS * sizeof *arena.rows, "rows");
    int64_t offset = 0;
    for (int i = 0; i < SAMPLE_ROWS; i++) {
        const struct SampleRow *from = &sample_rows[i];
        struct ArenaRow *row = &arena.rows[i];
        *row = (struct ArenaRow){.name = memory_copy_text(from->name),
                                 .role = from->role,
                                 .offset = offset,
                                 .rank = from->rank,
                                 .file_rank = from->file_rank};
        memcpy(row->size, from->size, sizeof from->size);
        memcpy(row->order, from->order, sizeof from->order);
        memcpy(row->file_size, from->file_size, sizeof from->file_size);
        row->count = memory_product(row->size, row->rank);
        int64_t padded = (row->count + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
        *(row->role == ROLE_STATISTIC ? &arena.statistics : &arena.parameters) += padded;
        arena.trained += row->role == ROLE_STATISTIC ? 0 : row->count;
        offset += padded;
    }
    return arena;
}

/* Element i of a row in file order is (i + 1) / 64 + 8 * row + salt: exact in float. */
static inline float sample_value(int row, int64_t element, int salt) {
    return (float)(element + 1) / 64 + 8 * (float)row + (float)salt;
}

/* `elements` floats; padding stays zero. */
static inline float *sample_values(const struct Arena *arena, int64_t elements, int salt) {
    float *values = memory_allocate((size_t)elements * sizeof *values, "values");
    float file[1024];
    for (int i = 0; i < arena->row_count; i++) {
        if (arena->rows[i].offset >= elements)
            continue;
        for (int64_t j = 0; j < arena->rows[i].count; j++)
            file[j] = sample_value(i, j, salt);
        arena_from_file(&arena->rows[i], file, values);
    }
    return values;
}

/* All that is saved of a run. Each set of arrays has an arena of its own, so that a test can change
 * the rows of one. */
struct Sample {
    const char *run_text;
    struct SavedState saved;
    struct Patience stopping; /* the saved value of a callback */
    struct Arena model_rows, average_rows, slot_rows;
    float *state, *average, *slot; /* average NULL: none */
};

static inline struct Preprocess sample_preprocess(void) {
    static const float mean[] = {120.7f, 99.1f}, factor[] = {1 / 255.0f, 1 / 63.0f};
    return (struct Preprocess){.height = 5,
                               .width = 5,
                               .channels = 2,
                               .mean_count = 2,
                               .mean = memory_copy_array(mean, 2, "a mean"),
                               .factor_count = 2,
                               .factor = memory_copy_array(factor, 2, "a factor"),
                               .out_height = 5,
                               .out_width = 5,
                               .out_channels = 2};
}

static inline struct Sample sample_make(int64_t step) {
    static const char *const classes[] = {"ant", "bee", "Käfer", "", "wasp"};
    struct Sample sample = {.run_text = "train:\n  batch: 64\n",
                            .model_rows = sample_arena(),
                            .average_rows = sample_arena(),
                            .slot_rows = sample_arena()};
    const struct Arena *arena = &sample.model_rows;
    struct SavedState *saved = &sample.saved;
    saved_state_start(saved);
    saved->provenance = (struct Provenance){
        .seed = 0xfedcba9876543210u,
        .shards = 4,
        .threads = 2,
        .instruction_set = memory_copy_text("avx2"),
        .versions = memory_copy_text("OpenBLAS 0.3.21 Haswell"),
        .backend = memory_copy_text("openblas"),
        .data_digest = memory_copy_text("00112233445566778899aabbccddeeff"),
        .blocks_digest = memory_copy_text("0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        .validation_digest = memory_copy_text("ffeeddccbbaa99887766554433221100")};
    saved->progress = (struct Progress){
        .step = step,
        .epoch = 3,
        .step_in_epoch = 7,
        .epoch_sums = {[TALLY_LOSS] = 1.0 / 3, [TALLY_CORRECT] = 17, [TALLY_SAMPLES] = 448},
        .seconds = 12.5};
    saved->best = (struct Best){.metric = 0.1 + 0.2, .step = step / 2};
    figures_set(&saved->validation, FIGURE_LOSS, 1e-300);
    figures_set(&saved->validation, FIGURE_ACCURACY, 0.7);
    saved->preprocess = sample_preprocess();
    saved->targets = targets_copy(TARGET_CLASSES, classes, 5);
    sample.state = sample_values(arena, arena_state_elements(arena), (int)step);
    sample.slot = sample_values(arena, arena->parameters, -(int)step);
    return sample;
}

/* Writes the file and releases the writer. */
static inline int sample_commit(struct CheckpointWriter *writer, struct Error *error) {
    int code = checkpoint_try(writer, error);
    checkpoint_release_writer(writer);
    return code;
}

static inline int sample_write(const struct Sample *sample, const char *path, struct Error *error) {
    struct CheckpointWriter *writer = checkpoint_create(path, sample->run_text);
    struct Patience stopping = sample->stopping;
    struct CheckpointPart part = {
        .value = &stopping, .table = &patience_saved, .prefix = "stopping_"};
    saved_state_write(&sample->saved, writer);
    checkpoint_put_part(writer, &part);
    checkpoint_put_state(writer, &sample->model_rows, sample->state);
    if (sample->average)
        checkpoint_put_average(writer, &sample->average_rows, sample->average);
    checkpoint_put_slot(writer, &sample->slot_rows, "momentum", sample->slot);
    return sample_commit(writer, error);
}

static inline void sample_release(struct Sample *sample) {
    saved_state_release(&sample->saved);
    arena_release(&sample->model_rows);
    arena_release(&sample->average_rows);
    arena_release(&sample->slot_rows);
    memory_release(sample->state);
    memory_release(sample->average);
    memory_release(sample->slot);
}

#endif
