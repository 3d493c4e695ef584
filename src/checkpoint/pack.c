/* A checkpoint as one run of bytes, between ranks of one program (never a file: no versions). */
#include <string.h>

#include "base/memory.h"
#include "checkpoint/checkpoint.h"

enum PackMode { MEASURE, PACK, UNPACK };

struct Cursor {
    enum PackMode mode;
    char *at;
    int64_t bytes;
};

/* One walk over the members serves all three: what is measured is what is packed and unpacked. */
static void walk_bytes(struct Cursor *cursor, void *data, int64_t bytes) {
    if (cursor->mode == PACK && bytes)
        memcpy(cursor->at + cursor->bytes, data, (size_t)bytes);
    if (cursor->mode == UNPACK && bytes)
        memcpy(data, cursor->at + cursor->bytes, (size_t)bytes);
    cursor->bytes += bytes;
}

static void walk_text(struct Cursor *cursor, char **text) {
    int64_t length = *text ? (int64_t)strlen(*text) : -1; /* −1: NULL */
    walk_bytes(cursor, &length, sizeof length);
    if (length < 0)
        return;
    if (cursor->mode == UNPACK)
        *text = memory_allocate((size_t)length + 1, "a string");
    walk_bytes(cursor, *text, length);
}

static void walk_floats(struct Cursor *cursor, float **values, int64_t count) {
    bool present = *values != NULL;
    walk_bytes(cursor, &present, sizeof present);
    if (!present)
        return;
    if (cursor->mode == UNPACK)
        *values = memory_allocate((size_t)count * sizeof(float), "a checkpoint's array");
    walk_bytes(cursor, *values, count * (int64_t)sizeof(float));
}

static void walk_names(struct Cursor *cursor, char ***names, int64_t *count) {
    walk_bytes(cursor, count, sizeof *count);
    if (cursor->mode == UNPACK)
        *names = memory_allocate((size_t)*count * sizeof **names, "names");
    for (int64_t i = 0; i < *count; i++)
        walk_text(cursor, &(*names)[i]);
}

static void walk_scale(struct Cursor *cursor, struct Checkpoint *checkpoint) {
    size_t bytes = (size_t)checkpoint->target_count * sizeof(double);
    if (cursor->mode == UNPACK) {
        checkpoint->target_mean = memory_allocate(bytes, "the targets' scale");
        checkpoint->target_deviation = memory_allocate(bytes, "the targets' scale");
    }
    walk_bytes(cursor, checkpoint->target_mean, (int64_t)bytes);
    walk_bytes(cursor, checkpoint->target_deviation, (int64_t)bytes);
}

static void walk_arrays(struct Cursor *cursor, struct Checkpoint *checkpoint) {
    walk_bytes(cursor, &checkpoint->array_count, sizeof checkpoint->array_count);
    if (cursor->mode == UNPACK)
        checkpoint->arrays = memory_allocate(
            (size_t)checkpoint->array_count * sizeof *checkpoint->arrays, "a checkpoint's table");
    for (int i = 0; i < checkpoint->array_count; i++) {
        struct CheckpointArray *array = &checkpoint->arrays[i];
        walk_text(cursor, &array->name);
        walk_bytes(cursor, &array->rank, sizeof array->rank);
        walk_bytes(cursor, array->size, sizeof array->size);
        walk_bytes(cursor, &array->count, sizeof array->count);
        walk_floats(cursor, &array->values, array->count);
    }
}

static void walk(struct Cursor *cursor, struct Checkpoint *checkpoint) {
    walk_text(cursor, &checkpoint->path);
    walk_text(cursor, &checkpoint->run_text);
    walk_bytes(cursor, &checkpoint->seed, sizeof checkpoint->seed);
    walk_bytes(cursor, &checkpoint->shards, sizeof checkpoint->shards);
    walk_bytes(cursor, &checkpoint->threads, sizeof checkpoint->threads);
    walk_text(cursor, &checkpoint->instruction_set);
    walk_text(cursor, &checkpoint->versions);
    walk_text(cursor, &checkpoint->backend);
    walk_text(cursor, &checkpoint->data_digest);
    walk_bytes(cursor, &checkpoint->progress, sizeof checkpoint->progress);
    walk_bytes(cursor, &checkpoint->height, sizeof checkpoint->height);
    walk_bytes(cursor, &checkpoint->width, sizeof checkpoint->width);
    walk_bytes(cursor, &checkpoint->channels, sizeof checkpoint->channels);
    walk_bytes(cursor, &checkpoint->mean_count, sizeof checkpoint->mean_count);
    walk_floats(cursor, &checkpoint->mean, checkpoint->mean_count);
    walk_bytes(cursor, &checkpoint->factor_count, sizeof checkpoint->factor_count);
    walk_floats(cursor, &checkpoint->factor, checkpoint->factor_count);
    walk_bytes(cursor, &checkpoint->matrix_rows, sizeof checkpoint->matrix_rows);
    walk_bytes(cursor, &checkpoint->matrix_columns, sizeof checkpoint->matrix_columns);
    walk_floats(cursor, &checkpoint->matrix, checkpoint->matrix_rows * checkpoint->matrix_columns);
    walk_bytes(cursor, &checkpoint->out_height, sizeof checkpoint->out_height);
    walk_bytes(cursor, &checkpoint->out_width, sizeof checkpoint->out_width);
    walk_bytes(cursor, &checkpoint->out_channels, sizeof checkpoint->out_channels);
    walk_names(cursor, &checkpoint->class_names, &checkpoint->class_count);
    walk_names(cursor, &checkpoint->target_names, &checkpoint->target_count);
    walk_scale(cursor, checkpoint);
    walk_arrays(cursor, checkpoint);
}

void *checkpoint_pack(const struct Checkpoint *checkpoint, int64_t *bytes) {
    struct Checkpoint view = *checkpoint; /* walked over, not changed: the mode only reads it */
    struct Cursor cursor = {.mode = MEASURE};
    walk(&cursor, &view);
    cursor = (struct Cursor){.mode = PACK,
                             .at = memory_allocate((size_t)cursor.bytes, "a packed checkpoint")};
    walk(&cursor, &view);
    *bytes = cursor.bytes;
    return cursor.at;
}

struct Checkpoint *checkpoint_unpack(const void *buffer, int64_t bytes) {
    struct Checkpoint *checkpoint = memory_allocate(sizeof *checkpoint, "a checkpoint");
    struct Cursor cursor = {.mode = UNPACK, .at = (char *)(uintptr_t)buffer};
    walk(&cursor, checkpoint);
    CHECK(cursor.bytes == bytes);
    return checkpoint;
}
