/* A small model's arena, and a checkpoint of it whose every value follows from its place. */
#ifndef TESTS_CHECKPOINT_SAMPLE_H
#define TESTS_CHECKPOINT_SAMPLE_H

#include <string.h>

#include "base/memory.h"
#include "checkpoint/checkpoint.h"

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

static inline struct Checkpoint *sample_checkpoint(const struct Arena *arena, int64_t step) {
    struct Checkpoint *checkpoint = memory_allocate(sizeof *checkpoint, "a checkpoint");
    static const char *const classes[] = {"ant", "bee", "Käfer", "", "wasp"};
    checkpoint->run_text = memory_copy_text("train:\n  batch: 64\n");
    checkpoint->seed = 0xfedcba9876543210u;
    checkpoint->shards = 4;
    checkpoint->threads = 2;
    checkpoint->instruction_set = memory_copy_text("avx2");
    checkpoint->versions = memory_copy_text("OpenBLAS 0.3.21 Haswell");
    checkpoint->backend = memory_copy_text("openblas");
    checkpoint->data_digest = memory_copy_text("00112233445566778899aabbccddeeff");
    checkpoint->progress = (struct Progress){.step = step,
                                             .epoch = 3,
                                             .step_in_epoch = 7,
                                             .epoch_loss = 1.0 / 3,
                                             .epoch_correct = 17,
                                             .epoch_samples = 448,
                                             .best_metric = 0.1 + 0.2,
                                             .best_step = step / 2,
                                             .seconds = 12.5};
    figures_set(&checkpoint->progress.validation, FIGURE_LOSS, 1e-300);
    figures_set(&checkpoint->progress.validation, FIGURE_ACCURACY, 0.7);
    checkpoint->height = 5;
    checkpoint->width = 5;
    checkpoint->channels = 2;
    checkpoint->mean_count = 2;
    checkpoint->factor_count = 2;
    checkpoint->out_height = 5;
    checkpoint->out_width = 5;
    checkpoint->out_channels = 2;
    checkpoint->mean = memory_allocate(2 * sizeof(float), "a mean");
    checkpoint->factor = memory_allocate(2 * sizeof(float), "a factor");
    checkpoint->mean[0] = 120.7f;
    checkpoint->mean[1] = 99.1f;
    checkpoint->factor[0] = 1 / 255.0f;
    checkpoint->factor[1] = 1 / 63.0f;
    checkpoint->class_count = 5;
    checkpoint->class_names = memory_allocate(sizeof classes, "class names");
    for (int i = 0; i < 5; i++)
        checkpoint->class_names[i] = memory_copy_text(classes[i]);
    float *state = sample_values(arena, arena_state_elements(arena), (int)step);
    float *slot = sample_values(arena, arena->parameters, -(int)step);
    checkpoint_put_state(checkpoint, arena, state);
    checkpoint_put_slot(checkpoint, arena, "momentum", slot);
    memory_release(slot);
    memory_release(state);
    return checkpoint;
}

#endif
