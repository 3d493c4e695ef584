#include "sources/csv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "sources/fields.h"
#include "sources/number.h"

/* Arrays that grow while a table is read. */
struct Growing {
    size_t text, text_room;
    int64_t field_room, line_room;
    size_t *places; /* offset of each field in the text, which may be moved by growing */
    int64_t fields;
};

static void *grow(void *old, int64_t *room, int64_t wanted, size_t element) {
    if (wanted <= *room)
        return old;
    int64_t more = 2 * wanted + 64;
    void *grown = memory_resize(old, (size_t)*room * element, (size_t)more * element, "a table");
    *room = more;
    return grown;
}

static void add_field(struct Csv *csv, struct Growing *growing, const char *field) {
    size_t bytes = strlen(field) + 1, wanted = growing->text + bytes;
    if (wanted > growing->text_room) {
        csv->text = memory_resize(csv->text, growing->text_room, 2 * wanted, "a table");
        growing->text_room = 2 * wanted;
    }
    memcpy(csv->text + growing->text, field, bytes);
    growing->places =
        grow(growing->places, &growing->field_room, growing->fields + 1, sizeof *growing->places);
    growing->places[growing->fields++] = growing->text;
    growing->text += bytes;
}

static int add_record(struct Csv *csv, struct Growing *growing, const struct Record *record,
                      struct Error *error) {
    const struct Place place = {csv->path, record->line};
    int code = OK;
    if (csv->rows >= 0)
        code = column_names__check_count(&place, record->count, csv->columns, error);
    else if (record->count == 1)
        code = column_names__check_separator(&place, ',', record->fields[0], error);
    uint64_t bytes = growing->text + (uint64_t)growing->fields * sizeof *growing->places;
    char words[MEMORY_WORDS];
    if (code == OK && !memory_can_hold(2 * bytes))
        code = fail(error, ERROR_DATA, "%s: the table %s", csv->path,
                    memory_too_large((int64_t)(2 * bytes), words));
    if (code != OK)
        return code;
    csv->columns = record->count;
    csv->rows++;
    csv->lines = grow(csv->lines, &growing->line_room, csv->rows + 1, sizeof *csv->lines);
    csv->lines[csv->rows] = record->line;
    for (int64_t i = 0; i < record->count; i++)
        add_field(csv, growing, record->fields[i]);
    return OK;
}

static void point_to_fields(struct Csv *csv, const struct Growing *growing) {
    csv->fields = memory_array(char *, growing->fields, "a table");
    for (int64_t i = 0; i < growing->fields; i++)
        csv->fields[i] = csv->text + growing->places[i];
}

static int read_records(struct Csv *csv, struct Records *records, struct Error *error) {
    struct Growing growing = {0};
    struct Record record;
    int code;
    while (!(code = records__next(records, &record, error)) && record.count)
        if ((code = add_record(csv, &growing, &record, error)))
            break;
    if (!code)
        point_to_fields(csv, &growing);
    memory_release(growing.places);
    return code;
}

static int check_head(const struct Csv *csv, struct Error *error) {
    if (csv->rows < 1)
        return fail(error, ERROR_DATA, "%s: has %s; expected a line of names and rows below it",
                    csv->path, csv->rows < 0 ? "no line" : "no row");
    const struct Place place = {csv->path, csv->lines[0]};
    int code = column_names__check(&place, csv->fields, csv->columns, error);
    return code ? code : column_names__check_distinct(&place, csv->fields, csv->columns, error);
}

/* Returns whether a line is like "photos/7.jpg 3": a name and a number, as in lists of ImageNet and
 * Caffe. */
static bool ends_in_number(const char *line) {
    const char *blank = strrchr(line, ' ');
    return blank && blank[1] && !blank[1 + strspn(blank + 1, "0123456789")];
}

/* Guesses the separator: a comma, or, if the head has none, a semicolon, a tab or blanks. */
static char guess_separator(const char *path) {
    char head[4096];
    size_t length = read_file_head(path, head, sizeof head - 1);
    head[length] = '\0';
    head[strcspn(head, "\r\n")] = '\0';
    return strchr(head, ',')      ? ','
           : strchr(head, ';')    ? ';'
           : strchr(head, '\t')   ? '\t'
           : ends_in_number(head) ? 0
                                  : ',';
}

int csv__read(struct Csv *csv, const char *path, struct Error *error) {
    *csv = (struct Csv){.path = memory_copy_text(path), .rows = -1};
    const struct RecordForm form = {.separator = guess_separator(path)};
    struct Records *records;
    int code = records__open(&records, path, &form, error);
    if (!code)
        code = read_records(csv, records, error);
    records__close(records);
    return code ? code : check_head(csv, error);
}

void csv__name_columns(struct Csv *csv) {
    int64_t count = (csv->rows + 1) * csv->columns;
    char **fields = memory_array(char *, count + csv->columns, "a table");
    memcpy(fields + csv->columns, csv->fields, (size_t)count * sizeof *fields);
    csv->names = memory_array(char *, csv->columns, "names of columns");
    for (int64_t i = 0; i < csv->columns; i++)
        fields[i] = csv->names[i] = memory_print("%" PRId64, i);
    memory_release(csv->fields);
    csv->fields = fields;
    int64_t *lines = memory_array(int64_t, csv->rows + 2, "a table");
    lines[0] = csv->lines[0];
    memcpy(lines + 1, csv->lines, (size_t)(csv->rows + 1) * sizeof *lines);
    memory_release(csv->lines);
    csv->lines = lines;
    csv->rows++;
}

void csv__release(struct Csv *csv) {
    memory_release(csv->fields);
    memory_release(csv->lines);
    memory_release_texts(csv->names, csv->names ? csv->columns : 0);
    memory_release(csv->text);
    memory_release(csv->path);
    *csv = (struct Csv){0};
}

const char *csv__field(const struct Csv *csv, int64_t row, int64_t column) {
    return csv->fields[(row + 1) * csv->columns + column];
}

int64_t csv__column(const struct Csv *csv, const char *name, struct Error *error) {
    const struct Place place = {csv->path, csv->lines[0]};
    return column_names__find(&place, csv->fields, csv->columns, name, error);
}

int csv__number(const struct Csv *csv, int64_t row, int64_t column, float *value,
                struct Error *error) {
    static const struct NumberFormat format = {.decimal = '.'};
    const char *text = csv__field(csv, row, column);
    double number = 0;
    bool is_whole, decimal = number__read(text, &format, &number, &is_whole);
    *value = (float)number;
    if (decimal && isfinite(*value))
        return OK;
    return fail(error, ERROR_DATA, "%s:%" PRId64 ": column '%s' is '%.*s', expected a number%s",
                csv->path, csv->lines[row + 1], csv->fields[column], field__shown(text), text,
                decimal ? " that a float can hold" : "");
}
