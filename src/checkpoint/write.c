#include <string.h>

#include "base/memory.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/format.h"

/* Rows of an arena to be put into the file. */
struct Rows {
    const struct Arena *arena;
    const char *group;
    bool trained; /* only those with optimiser state */
    const float *values;
    float *copy; /* is `values`; NULL: they are not copied */
    char *text;  /* of a copy: its own `group` */
};

struct CheckpointWriter {
    struct H5Writer *file;
    struct Error error;  /* the first failure */
    bool copies;         /* arrays are copied */
    struct Rows *copied; /* copies that are not yet in the file */
    int copied_count;
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

static bool is_put(const struct Rows *rows, const struct ArenaRow *row) {
    return !rows->trained || row->role != ROLE_STATISTIC;
}

/* Elements of the largest row whose order in memory differs from that in the file. */
static int64_t most_reordered(const struct Rows *rows) {
    int64_t most = 0;
    for (int i = 0; i < rows->arena->row_count; i++) {
        const struct ArenaRow *row = &rows->arena->rows[i];
        if (is_put(rows, row) && !arena_keeps_order(row) && row->count > most)
            most = row->count;
    }
    return most;
}

static int put_row(struct H5Writer *file, const struct Rows *rows, const struct ArenaRow *row,
                   float *scratch, struct Error *error) {
    char *name = memory_print("%s%s", rows->group, row->name);
    const float *dense = rows->values + row->offset;
    if (!arena_keeps_order(row)) {
        arena_to_file(row, rows->values, scratch);
        dense = scratch;
    }
    int code = h5_write_finite(file, name, row->file_rank, row->file_size, dense, error);
    memory_release(name);
    return code;
}

/* One scratch array for all rows: blocks of many sizes, among the pages of the file that is made
 * in memory, would leave gaps between them. */
static void put_into_file(struct CheckpointWriter *writer, const struct Rows *rows) {
    const struct Arena *arena = rows->arena;
    float *scratch = memory_array(float, most_reordered(rows), "a checkpoint's array");
    for (int i = 0; !writer->error.code && i < arena->row_count; i++)
        if (is_put(rows, &arena->rows[i]))
            put_row(writer->file, rows, &arena->rows[i], scratch, &writer->error);
    memory_release(scratch);
}

void checkpoint_copy_arrays(struct CheckpointWriter *writer) {
    writer->copies = true;
}

static void copy_rows(struct CheckpointWriter *writer, struct Rows rows) {
    int64_t count = rows.trained ? rows.arena->parameters : arena_state_elements(rows.arena);
    rows.values = rows.copy = memory_copy_array(rows.values, count, "copies of arrays");
    rows.group = rows.text = memory_copy_text(rows.group);
    writer->copied = memory_room(writer->copied, writer->copied_count, "copies of arrays");
    writer->copied[writer->copied_count++] = rows;
}

static void put_rows(struct CheckpointWriter *writer, struct Rows rows) {
    if (writer->copies)
        copy_rows(writer, rows);
    else
        put_into_file(writer, &rows);
}

void checkpoint_put_state(struct CheckpointWriter *writer, const struct Arena *arena,
                          const float *state) {
    put_rows(writer, (struct Rows){.arena = arena, .group = "/model/", .values = state});
}

void checkpoint_put_average(struct CheckpointWriter *writer, const struct Arena *arena,
                            const float *average) {
    put_rows(writer, (struct Rows){.arena = arena, .group = "/average/", .values = average});
}

void checkpoint_put_slot(struct CheckpointWriter *writer, const struct Arena *arena,
                         const char *slot, const float *values) {
    char *group = memory_print("/optimizer/%s/", slot);
    put_rows(writer,
             (struct Rows){.arena = arena, .group = group, .trained = true, .values = values});
    memory_release(group);
}

static void release_rows(struct Rows *rows) {
    memory_release(rows->copy);
    memory_release(rows->text);
    *rows = (struct Rows){0};
}

static void release_copied(struct CheckpointWriter *writer) {
    for (int i = 0; i < writer->copied_count; i++)
        release_rows(&writer->copied[i]);
    memory_release(writer->copied);
    writer->copied = NULL;
    writer->copied_count = 0;
}

int checkpoint_try(struct CheckpointWriter *writer, struct Error *error) {
    for (int i = 0; i < writer->copied_count; i++) {
        put_into_file(writer, &writer->copied[i]);
        release_rows(&writer->copied[i]);
    }
    release_copied(writer);
    if (!writer->error.code)
        return h5_try_commit(writer->file, error);
    *error = writer->error;
    return error->code;
}

void checkpoint_release_writer(struct CheckpointWriter *writer) {
    if (!writer)
        return;
    release_copied(writer);
    h5_abandon(writer->file);
    memory_release(writer);
}
