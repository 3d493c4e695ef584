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
    char *text; /* of a copy: its own `group` */
};

struct CheckpointWriter {
    struct H5Writer *file;
    struct Error error;              /* the first failure */
    struct CheckpointCopies *copies; /* NULL: arrays are not copied */
    struct Rows *copied;             /* copied rows that are not yet in the file */
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

/* Puts a row into the file; it is copied only if its order in memory differs from that in the
 * file. */
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

static void put_into_file(struct CheckpointWriter *writer, const struct Rows *rows) {
    const struct Arena *arena = rows->arena;
    for (int i = 0; !writer->error.code && i < arena->row_count; i++)
        if (!rows->trained || arena->rows[i].role != ROLE_STATISTIC)
            put_row(writer->file, rows->group, &arena->rows[i], rows->values, &writer->error);
}

void checkpoint_copy_arrays(struct CheckpointWriter *writer, struct CheckpointCopies *copies) {
    writer->copies = copies;
}

void checkpoint_release_copies(struct CheckpointCopies *copies) {
    for (int i = 0; i < copies->count; i++)
        memory_release(copies->items[i].values);
    memory_release(copies->items);
    *copies = (struct CheckpointCopies){0};
}

/* The memory for copy number `number`, of at least `count` elements. */
static float *room_for(struct CheckpointCopies *copies, int number, int64_t count) {
    if (number == copies->count)
        copies->items = memory_room(copies->items, copies->count++, "copies of arrays");
    struct CheckpointCopy *copy = &copies->items[number];
    if (copy->room < count) {
        memory_release(copy->values);
        *copy = (struct CheckpointCopy){memory_array(float, count, "copies of arrays"), count};
    }
    return copy->values;
}

static void copy_rows(struct CheckpointWriter *writer, struct Rows rows) {
    int64_t count = rows.trained ? rows.arena->parameters : arena_state_elements(rows.arena);
    float *room = room_for(writer->copies, writer->copied_count, count);
    memcpy(room, rows.values, (size_t)count * sizeof *room);
    rows.values = room;
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
    put_rows(writer, (struct Rows){arena, "/model/", false, state, NULL});
}

void checkpoint_put_average(struct CheckpointWriter *writer, const struct Arena *arena,
                            const float *average) {
    put_rows(writer, (struct Rows){arena, "/average/", false, average, NULL});
}

void checkpoint_put_slot(struct CheckpointWriter *writer, const struct Arena *arena,
                         const char *slot, const float *values) {
    char *group = memory_print("/optimizer/%s/", slot);
    put_rows(writer, (struct Rows){arena, group, true, values, NULL});
    memory_release(group);
}

static void release_copied(struct CheckpointWriter *writer) {
    for (int i = 0; i < writer->copied_count; i++)
        memory_release(writer->copied[i].text);
    memory_release(writer->copied);
    writer->copied = NULL;
    writer->copied_count = 0;
}

int checkpoint_try(struct CheckpointWriter *writer, struct Error *error) {
    for (int i = 0; i < writer->copied_count; i++)
        put_into_file(writer, &writer->copied[i]);
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
