#include "sources/table_encoding.h"

#include <string.h>

#include "base/memory.h"

const char *const column_role_names[COLUMN_ROLES + 1] = {"number", "boolean", "categories", "label",
                                                         "target", "ignored", "weight",     NULL};
const char *const missing_rule_names[MISSING_RULES + 1] = {"refuse", "drop",      "mean",
                                                           "median", "indicator", NULL};

void table_encoding_release(struct TableEncoding *encoding) {
    for (int64_t i = 0; encoding->columns && i < encoding->column_count; i++) {
        memory_release(encoding->columns[i].name);
        memory_release_texts(encoding->columns[i].categories, encoding->columns[i].category_count);
    }
    memory_release(encoding->columns);
    memory_release_texts(encoding->missing, encoding->missing_count);
    *encoding = (struct TableEncoding){0};
}

static bool same_texts(char *const *a, int64_t a_count, char *const *b, int64_t b_count) {
    bool same = a_count == b_count;
    for (int64_t i = 0; i < a_count && same; i++)
        same = !strcmp(a[i], b[i]);
    return same;
}

static bool same_column(const struct TableColumn *a, const struct TableColumn *b) {
    return !strcmp(a->name, b->name) && a->role == b->role && a->target == b->target &&
           a->missing == b->missing && !(a->fill < b->fill || a->fill > b->fill) &&
           a->numeric == b->numeric &&
           same_texts(a->categories, a->category_count, b->categories, b->category_count);
}

bool table_encoding_equal(const struct TableEncoding *a, const struct TableEncoding *b) {
    bool same = a->separator == b->separator && a->decimal == b->decimal &&
                a->comment == b->comment && a->thousands == b->thousands &&
                a->has_head == b->has_head && a->column_count == b->column_count &&
                same_texts(a->missing, a->missing_count, b->missing, b->missing_count);
    for (int64_t i = 0; i < a->column_count && same; i++)
        same = same_column(&a->columns[i], &b->columns[i]);
    return same;
}

static bool is_feature(const struct TableColumn *column) {
    return column->role == COLUMN_NUMBER || column->role == COLUMN_BOOLEAN ||
           column->role == COLUMN_CATEGORIES;
}

int64_t table_column_features(const struct TableColumn *column) {
    if (!is_feature(column))
        return 0;
    int64_t own = column->role == COLUMN_CATEGORIES ? column->category_count : 1;
    return own + (column->missing == MISSING_INDICATOR);
}

int64_t table_encoding_features(const struct TableEncoding *encoding) {
    int64_t count = 0;
    for (int64_t i = 0; i < encoding->column_count; i++)
        count += table_column_features(&encoding->columns[i]);
    return count;
}

char **table_encoding_feature_names(const struct TableEncoding *encoding) {
    int64_t count = 0;
    char **names = memory_array(char *, table_encoding_features(encoding), "names of features");
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        if (!is_feature(column))
            continue;
        if (column->role != COLUMN_CATEGORIES)
            names[count++] = memory_copy_text(column->name);
        for (int64_t k = 0; column->role == COLUMN_CATEGORIES && k < column->category_count; k++)
            names[count++] = memory_print("%s=%s", column->name, column->categories[k]);
        if (column->missing == MISSING_INDICATOR)
            names[count++] = memory_print("%s missing", column->name);
    }
    return names;
}

int64_t table_encoding_count(const struct TableEncoding *encoding, enum ColumnRole role) {
    int64_t count = 0;
    for (int64_t i = 0; i < encoding->column_count; i++)
        count += encoding->columns[i].role == role;
    return count;
}
