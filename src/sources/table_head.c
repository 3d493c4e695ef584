#include "sources/table_head.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "sources/fields.h"

static int take_names(struct TableHead *head, struct Records *records, struct Record *record,
                      const struct TableEncoding *encoding, struct Error *error) {
    const struct Place place = {head->path, record->line};
    head->count = record->count;
    head->line = record->line;
    head->names = memory_array(char *, record->count, "names of columns");
    head->is_shared = memory_array(bool, record->count, "names of columns");
    int code = OK;
    if (record->count == 1)
        code = column_names__check_separator(&place, encoding->separator, record->fields[0], error);
    if (code != OK)
        return error_advise(error, ADVICE_SEPARATOR, NULL, NULL, 0);
    if (encoding->has_head)
        code = column_names__check(&place, record->fields, record->count, error);
    for (int64_t i = 0; i < record->count && code == OK; i++)
        head->names[i] =
            encoding->has_head ? memory_copy_text(record->fields[i]) : memory_print("%" PRId64, i);
    if (code == OK && encoding->has_head)
        head->numbered = column_names__number(head->names, record->count, head->is_shared);
    if (!encoding->has_head)
        records__seek(records, record->offset, record->line);
    return code;
}

/* Examines the first record: R writes a name before each row, which the head does not have; other
 * programs end each row with a separator. */
static int look_at_first(struct TableHead *head, struct Records *records, struct Error *error) {
    struct Record first;
    int code = records__next(records, &first, error);
    if (code != OK)
        return code;
    if (!first.count)
        return fail(error, ERROR_DATA, "%s: has no row; expected a line of names and rows below it",
                    head->path);
    if (head->names[0][0] == '#' && (first.fields[0][0] == '#' || first.count != head->count)) {
        fail(error, ERROR_DATA, "%s:%" PRId64 ": begins with #, expected the names of columns",
             head->path, head->line);
        return error_advise(error, ADVICE_COMMENT, NULL, NULL, 0);
    }
    bool one_more = first.count == head->count + 1;
    head->has_index = one_more && *first.fields[first.count - 1];
    head->has_tail = one_more && !head->has_index;
    records__seek(records, first.offset, first.line);
    return OK;
}

int table_head__open(struct Records **records, const char *path,
                     const struct TableEncoding *encoding, struct Error *error) {
    const struct RecordForm form = {encoding->separator, encoding->comment};
    return records__open(records, path, &form, error);
}

int table_head__read(struct TableHead *head, const char *path, struct Records *records,
                     const struct TableEncoding *encoding, struct Error *error) {
    struct Record record;
    *head = (struct TableHead){.path = path, .has_head = encoding->has_head, .numbered = -1};
    int code = records__next(records, &record, error);
    if (code == OK && !record.count)
        code = fail(error, ERROR_DATA,
                    "%s: has no line; expected a line of names and rows below it", path);
    if (code == OK)
        code = take_names(head, records, &record, encoding, error);
    if (code == OK && encoding->has_head)
        code = look_at_first(head, records, error);
    return code;
}

void table_head__release(struct TableHead *head) {
    memory_release_texts(head->names, head->count);
    memory_release(head->is_shared);
    *head = (struct TableHead){0};
}

/* Returns whether every field is the name of its column. */
static bool is_head(const struct TableHead *head, const struct Record *record) {
    bool same = record->count == head->count && strcmp(record->fields[0], head->names[0]) == 0;
    for (int64_t i = 1; i < head->count && same; i++)
        same = !strcmp(field__trim(record->fields[i]), head->names[i]);
    return same;
}

int table_head__next(struct TableHead *head, struct Records *records, struct Record *record,
                     struct Error *error) {
    int code;
    while (!(code = records__next(records, record, error)) && record->count && head->has_head &&
           is_head(head, record))
        head->repeated++;
    if (code != OK || !record->count)
        return code;
    const struct Place place = {head->path, record->line};
    if (head->has_index && record->count == head->count + 1) {
        record->fields++;
        record->count--;
    }
    if (head->has_tail && record->count == head->count + 1 && !*record->fields[head->count])
        record->count--;
    code = column_names__check_count(&place, record->count, head->count, error);
    return code && record->fields[0][0] == '#' ? error_advise(error, ADVICE_COMMENT, NULL, NULL, 0)
                                               : code;
}

bool column_name__is_absent(const char *name) {
    static const char pandas[] = "Unnamed: ";
    if (!*name)
        return true;
    const char *number = name + sizeof pandas - 1;
    return !strncmp(name, pandas, sizeof pandas - 1) && *number &&
           !number[strspn(number, "0123456789")];
}
