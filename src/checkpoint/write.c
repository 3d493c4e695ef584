#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/format.h"

struct CheckpointWriter {
    struct H5Writer *file;
    struct Error error; /* the first failure */
};

struct CheckpointWriter *checkpoint_create(const char *path, const char *run_text) {
    struct CheckpointWriter *writer = memory_array(struct CheckpointWriter, 1, "a checkpoint");
    struct Error *error = &writer->error;
    int64_t version = CHECKPOINT_VERSION;
    int code = h5_create_in_memory(&writer->file, path, error);
    if (!code)
        code = h5_write_attribute(writer->file, "/", "format", H5_TEXT, CHECKPOINT_FORMAT, error);
    if (!code)
        code = h5_write_attribute(writer->file, "/", "format_version", H5_INT64, &version, error);
    if (!code)
        h5_write_text(writer->file, "/run/run_file", run_text, error);
    return writer;
}

void checkpoint_put_part(struct CheckpointWriter *writer, const struct CheckpointPart *part) {
    struct Error *error = &writer->error;
    if (error->code)
        return;
    if (part->table)
        saved_write(writer->file, "/run", part->prefix, part->table, part->value, error);
    else
        part->group->save(part->value, writer->file, error);
}

/* A row whose order in memory is the file's needs no copy. */
static int put_row(struct H5Writer *file, const char *group, const struct ArenaRow *row,
                   const float *values, struct Error *error) {
    char *name = memory_print("%s%s", group, row->name);
    float *scratch = NULL;
    const float *dense = values + row->offset;
    if (!arena_keeps_order(row)) {
        scratch = memory_array(float, row->count, "a checkpoint's array");
        arena_to_file(row, values, scratch);
        dense = scratch;
    }
    int code = h5_write_finite(file, name, row->file_rank, row->file_size, dense, error);
    memory_release(scratch);
    memory_release(name);
    return code;
}

/* `trained`: only rows that have optimiser state. */
static void put_rows(struct CheckpointWriter *writer, const struct Arena *arena, const char *group,
                     bool trained, const float *values) {
    for (int i = 0; !writer->error.code && i < arena->row_count; i++)
        if (!trained || arena->rows[i].role != ROLE_STATISTIC)
            put_row(writer->file, group, &arena->rows[i], values, &writer->error);
}

void checkpoint_put_state(struct CheckpointWriter *writer, const struct Arena *arena,
                          const float *state) {
    put_rows(writer, arena, "/model/", false, state);
}

void checkpoint_put_average(struct CheckpointWriter *writer, const struct Arena *arena,
                            const float *average) {
    put_rows(writer, arena, "/average/", false, average);
}

void checkpoint_put_slot(struct CheckpointWriter *writer, const struct Arena *arena,
                         const char *slot, const float *values) {
    char *group = memory_print("/optimizer/%s/", slot);
    put_rows(writer, arena, group, true, values);
    memory_release(group);
}

int checkpoint_commit(struct CheckpointWriter *writer, struct Error *error) {
    int code = writer->error.code;
    if (code) {
        *error = writer->error;
        h5_abandon(writer->file);
    } else {
        code = h5_commit(writer->file, error);
    }
    memory_release(writer);
    return code;
}
