#include "sources/table_rows.h"

#include <inttypes.h>

#include "base/memory.h"
#include "sources/table_reader.h"

static void *grow(void *old, int64_t count, int64_t room, size_t element) {
    return memory_resize(old, (size_t)count * element, (size_t)room * element, "rows of a table");
}

/* Makes room for one more row. *room is the number of rows that there is room for. */
static int make_room(struct TableRows *rows, int64_t *room, const struct TableReader *reader,
                     bool has_label, int64_t targets, struct Error *error) {
    if (rows->count < *room)
        return OK;
    int64_t more = 2 * *room + 256;
    size_t bytes = ((size_t)rows->features + (size_t)targets + 4) * sizeof(float);
    char words[MEMORY_WORDS];
    if (!memory_can_hold((uint64_t)more * bytes))
        return fail(error, ERROR_DATA, "%s: the table %s", reader->path,
                    memory_too_large((int64_t)((size_t)more * bytes), words));
    rows->values =
        grow(rows->values, *room * rows->features, more * rows->features, sizeof *rows->values);
    rows->numbers = grow(rows->numbers, *room, more, sizeof *rows->numbers);
    if (has_label)
        rows->labels = grow(rows->labels, *room, more, sizeof *rows->labels);
    if (targets)
        rows->targets = grow(rows->targets, *room * targets, more * targets, sizeof *rows->targets);
    *room = more;
    return OK;
}

static void add_note(void *context, char *note) {
    struct TableRows *rows = context;
    rows->notes = memory_room(rows->notes, rows->note_count, "notes");
    rows->notes[rows->note_count++] = note;
}

static int32_t class_of(const struct TableReader *reader, const char *label) {
    int64_t column = table_reader__column(reader->encoding, COLUMN_LABEL, 0);
    return *label
               ? (int32_t)cells__category(&reader->cells, &reader->encoding->columns[column], label)
               : -1;
}

static int read_rows(struct TableRows *rows, struct TableReader *reader, struct Error *error) {
    int64_t target = table_reader__column(reader->encoding, COLUMN_TARGET, 0);
    bool has_targets = target >= 0 && reader->places[target] >= 0, dropped;
    int64_t room = 0, unknown = 0, number = 0;
    int64_t targets = has_targets ? table_encoding_count(reader->encoding, COLUMN_TARGET) : 0;
    struct Record record;
    int code;
    while (!(code = table_reader__next(reader, &record, error)) && record.count) {
        const char *label = table_reader__label(reader, &record);
        code = make_room(rows, &room, reader, label != NULL, targets, error);
        if (code == OK)
            code = table_reader__features(
                reader, &record, rows->values + rows->count * rows->features, &dropped, error);
        if (code == OK && targets && !dropped)
            code = table_reader__targets(reader, &record, rows->targets + rows->count * targets,
                                         error);
        if (code != OK)
            return code;
        rows->numbers[rows->count] = number++;
        if (label)
            rows->labels[rows->count] = class_of(reader, label);
        unknown += label && *label && !dropped && rows->labels[rows->count] < 0;
        rows->dropped += dropped;
        rows->count += !dropped;
    }
    if (code == OK && unknown)
        add_note(rows,
                 memory_print("%s: %" PRId64 " rows have a label that the training split does not "
                              "have, and count as rows without a label",
                              reader->path, unknown));
    return code;
}

int table_encode(struct TableRows *rows, const char *path, const struct TableEncoding *encoding,
                 struct Error *error) {
    struct TableReader reader;
    *rows = (struct TableRows){.features = table_encoding_features(encoding)};
    int code = table_reader__open(&reader, path, encoding, false, error);
    if (code != OK)
        return code;
    code = read_rows(rows, &reader, error);
    if (code == OK && !rows->count)
        code = fail(error, ERROR_DATA, "%s: no row is left: a value is missing in each", path);
    if (code == OK)
        table_reader__tell(&reader, add_note, rows);
    if (code == OK && rows->dropped)
        add_note(rows, memory_print("%s: left out %" PRId64 " of %" PRId64
                                    " rows, in which a value is missing",
                                    path, rows->dropped, rows->dropped + rows->count));
    table_reader__close(&reader);
    return code;
}

void table_rows_release(struct TableRows *rows) {
    memory_release_texts(rows->notes, rows->note_count);
    memory_release(rows->values);
    memory_release(rows->numbers);
    memory_release(rows->labels);
    memory_release(rows->targets);
    *rows = (struct TableRows){0};
}
