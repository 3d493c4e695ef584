#include "cli/columns.h"

#include <inttypes.h>

#include "base/text.h"
#include "cli/shown.h"

#define SHOWN_CATEGORIES 6

static bool is_filled(const struct TableColumn *column) {
    return column->missing > MISSING_DROP;
}

/* Adds "3 categories: Oslo, Paris, Rome". */
static void add_categories(struct Text *line, const struct TableColumn *column) {
    text_add(line, "%" PRId64 " %s:", column->category_count,
             column->role == COLUMN_LABEL ? "classes" : "categories");
    for (int64_t i = 0; i < column->category_count && i < SHOWN_CATEGORIES; i++)
        text_add(line, "%s %s", i ? "," : "", shown(column->categories[i]));
    if (column->category_count > SHOWN_CATEGORIES)
        text_add(line, ", ...");
}

/* Adds what replaces a missing value; nothing if missing values are refused. */
static void add_missing(struct Text *line, const struct TableColumn *column) {
    if (column->missing == MISSING_REFUSE)
        return;
    text_add(line, "; missing: %s", missing_rule_names[column->missing]);
    if (!is_filled(column))
        return;
    if (!column->category_count)
        text_add(line, ", %.6g", column->fill);
    else if (column->fill >= 0)
        text_add(line, ", %s", shown(column->categories[(int64_t)column->fill]));
}

void columns_print(FILE *out, const struct TableEncoding *encoding) {
    if (encoding->column_count)
        fprintf(out, "%-24s what it becomes\n", "column");
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        struct Text line = {0};
        if (column->role == COLUMN_CATEGORIES || column->role == COLUMN_LABEL)
            add_categories(&line, column);
        else
            text_add(&line, "%s", column_role_names[column->role]);
        add_missing(&line, column);
        fprintf(out, "%-24s %s\n", shown(column->name), line.data);
        text_release(&line);
    }
}

json_t *columns_to_json(const struct TableEncoding *encoding) {
    json_t *list = json_array();
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        json_t *categories = json_array();
        json_t *object = json_pack("{s:o, s:s, s:s}", "name", shown_json(column->name), "role",
                                   column_role_names[column->role], "missing",
                                   missing_rule_names[column->missing]);
        for (int64_t k = 0; k < column->category_count; k++)
            json_array_append_new(categories, shown_json(column->categories[k]));
        json_object_set_new(object, "categories", categories);
        if (is_filled(column))
            json_object_set_new(object, "fill", json_real(column->fill));
        json_array_append_new(list, object);
    }
    return list;
}
