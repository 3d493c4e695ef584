#include "data/dataset/saved_encoding.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define GROUP "/encoding"
#define WHITESPACE " \t" /* the text that stands for the separator 0, runs of blanks and tabs */

bool encoding_fits(const struct TableEncoding *encoding, int64_t inputs,
                   const struct Targets *targets) {
    bool values = targets_are_values(targets);
    int64_t outputs = 0;
    for (int64_t i = 0; i < encoding->column_count; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        if (column->role == (values ? COLUMN_TARGET : COLUMN_LABEL))
            outputs += values ? 1 : column->category_count;
    }
    return table_encoding_features(encoding) == inputs && outputs == targets->count;
}

static char *categories_name(int64_t column) {
    return memory_print(GROUP "/categories/%" PRId64, column);
}

static bool has_categories(const struct TableColumn *column) {
    return column->role == COLUMN_CATEGORIES || column->role == COLUMN_LABEL;
}

bool encoding_has(const struct TableEncoding *encoding, const char *name) {
    static const char *const lists[] = {"names", "roles",   "missing_rules", "targets",
                                        "fill",  "numeric", "features",      "missing"};
    if (encoding->column_count && text_index(name, lists, sizeof lists / sizeof *lists) >= 0)
        return true;
    for (int64_t i = 0; i < encoding->column_count; i++) {
        char *categories = categories_name(i);
        bool is_it = !strcmp(categories + strlen(GROUP "/"), name);
        memory_release(categories);
        if (is_it)
            return has_categories(&encoding->columns[i]);
    }
    return false;
}

/* ---- Writing ---- */

/* Writes one text for each column, which `text_of` returns. */
static int write_column_texts(struct H5Writer *writer, const char *name,
                              const struct TableEncoding *encoding,
                              const char *(*text_of)(const struct TableColumn *column),
                              struct Error *error) {
    const char **texts = memory_array(const char *, encoding->column_count, "names of columns");
    for (int64_t i = 0; i < encoding->column_count; i++)
        texts[i] = text_of(&encoding->columns[i]);
    int code = h5_write_texts(writer, name, texts, encoding->column_count, error);
    memory_release(texts);
    return code;
}

static const char *name_of(const struct TableColumn *column) {
    return column->name;
}

static const char *role_of(const struct TableColumn *column) {
    return column_role_names[column->role];
}

static const char *rule_of(const struct TableColumn *column) {
    return missing_rule_names[column->missing];
}

static int write_numbers(struct H5Writer *writer, const struct TableEncoding *encoding,
                         struct Error *error) {
    int64_t count = encoding->column_count;
    double *fill = memory_array(double, count, "an encoding");
    int32_t *numeric = memory_array(int32_t, count, "an encoding");
    int64_t *targets = memory_array(int64_t, count, "an encoding");
    for (int64_t i = 0; i < count; i++) {
        fill[i] = encoding->columns[i].fill;
        numeric[i] = encoding->columns[i].numeric;
        targets[i] = encoding->columns[i].target;
    }
    int code = h5_write(writer, GROUP "/fill", H5_FLOAT64, 1, &count, fill, error);
    if (code == OK)
        code = h5_write(writer, GROUP "/numeric", H5_INT32, 1, &count, numeric, error);
    if (code == OK)
        code = h5_write(writer, GROUP "/targets", H5_INT64, 1, &count, targets, error);
    memory_release(targets);
    memory_release(fill);
    memory_release(numeric);
    return code;
}

static int write_categories(struct H5Writer *writer, const struct TableEncoding *encoding,
                            struct Error *error) {
    int code = OK;
    for (int64_t i = 0; i < encoding->column_count && code == OK; i++) {
        const struct TableColumn *column = &encoding->columns[i];
        if (!column->category_count)
            continue;
        char *name = categories_name(i);
        code = h5_write_texts(writer, name, (const char *const *)column->categories,
                              column->category_count, error);
        memory_release(name);
    }
    return code;
}

static int write_features(struct H5Writer *writer, const struct TableEncoding *encoding,
                          struct Error *error) {
    int64_t count = table_encoding_features(encoding);
    char **names = table_encoding_feature_names(encoding);
    int code = h5_write_texts(writer, GROUP "/features", (const char *const *)names, count, error);
    memory_release_texts(names, count);
    return code;
}

static int write_format(struct H5Writer *writer, const struct TableEncoding *encoding,
                        struct Error *error) {
    const char separator[] = {encoding->separator, 0}, decimal[] = {encoding->decimal, 0},
               thousands[] = {encoding->thousands, 0}, comment[] = {encoding->comment, 0};
    const int64_t has_head = encoding->has_head;
    const struct {
        const char *name, *text;
    } texts[] = {{"separator", encoding->separator ? separator : WHITESPACE},
                 {"decimal", decimal},
                 {"thousands", thousands},
                 {"comment", encoding->comment ? comment : NULL}};
    int code = OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && code == OK && texts[i].text; i++)
        code = h5_write_attribute(writer, GROUP, texts[i].name, H5_TEXT, texts[i].text, error);
    if (code == OK)
        code = h5_write_attribute(writer, GROUP, "has_head", H5_INT64, &has_head, error);
    if (code == OK && encoding->missing_count)
        code = h5_write_texts(writer, GROUP "/missing", (const char *const *)encoding->missing,
                              encoding->missing_count, error);
    return code;
}

static int save(const void *value, struct H5Writer *writer, struct Error *error) {
    const struct TableEncoding *encoding = value;
    if (!encoding->column_count)
        return OK;
    int code = write_column_texts(writer, GROUP "/names", encoding, name_of, error);
    if (code == OK)
        code = write_column_texts(writer, GROUP "/roles", encoding, role_of, error);
    if (code == OK)
        code = write_column_texts(writer, GROUP "/missing_rules", encoding, rule_of, error);
    if (code == OK)
        code = write_numbers(writer, encoding, error);
    if (code == OK)
        code = write_categories(writer, encoding, error);
    if (code == OK)
        code = write_features(writer, encoding, error);
    return code ? code : write_format(writer, encoding, error);
}

/* ---- Reading ---- */

struct Loading {
    struct TableEncoding *encoding;
    struct H5File *file;
};

static int refuse(const struct Loading *loading, const char *name, int64_t at,
                  struct Error *error) {
    return fail(error, h5_failure(loading->file),
                "%s:" GROUP "/%s: element %" PRId64 " is not valid in an encoding",
                h5_path(loading->file), name, at);
}

/* Reads one text for each column; the caller releases them. */
static int read_column_texts(const struct Loading *loading, const char *name, char ***texts,
                             struct Error *error) {
    int64_t count, expected = loading->encoding->column_count;
    char *path = memory_print(GROUP "/%s", name);
    int code = h5_read_texts(loading->file, path, texts, &count, error);
    if (code == OK && count != expected) {
        memory_release_texts(*texts, count);
        code = refuse(loading, name, count < expected ? count : expected, error);
    }
    memory_release(path);
    return code;
}

static int read_names(const struct Loading *loading, struct Error *error) {
    struct TableEncoding *encoding = loading->encoding;
    char **names;
    int64_t count;
    int code = h5_read_texts(loading->file, GROUP "/names", &names, &count, error);
    if (code != OK)
        return code;
    encoding->column_count = count;
    encoding->columns = memory_array(struct TableColumn, count, "columns");
    for (int64_t i = 0; i < count; i++)
        encoding->columns[i].name = names[i];
    memory_release(names);
    return count ? OK : refuse(loading, "names", 0, error);
}

/* Reads one word of a list for each column. */
static int read_words(const struct Loading *loading, const char *name, const char *const *words,
                      void (*set)(struct TableColumn *column, int word), struct Error *error) {
    struct TableEncoding *encoding = loading->encoding;
    char **texts;
    int code = read_column_texts(loading, name, &texts, error);
    if (code != OK)
        return code;
    for (int64_t i = 0; i < encoding->column_count && code == OK; i++) {
        int word = text_index(texts[i], words, -1);
        if (word < 0)
            code = refuse(loading, name, i, error);
        else
            set(&encoding->columns[i], word);
    }
    memory_release_texts(texts, encoding->column_count);
    return code;
}

static void set_role(struct TableColumn *column, int word) {
    column->role = (enum ColumnRole)word;
}

static void set_rule(struct TableColumn *column, int word) {
    column->missing = (enum MissingRule)word;
}

static int read_numbers(const struct Loading *loading, struct Error *error) {
    struct TableEncoding *encoding = loading->encoding;
    int64_t count = encoding->column_count;
    int64_t outputs = table_encoding_count(encoding, COLUMN_TARGET);
    double *fill = memory_array(double, count, "an encoding");
    int32_t *numeric = memory_array(int32_t, count, "an encoding");
    int64_t *targets = memory_array(int64_t, count, "an encoding");
    int code = h5_read(loading->file, GROUP "/fill", H5_FLOAT64, 1, &count, fill, error);
    if (code == OK)
        code = h5_read(loading->file, GROUP "/numeric", H5_INT32, 1, &count, numeric, error);
    if (code == OK)
        code = h5_read(loading->file, GROUP "/targets", H5_INT64, 1, &count, targets, error);
    for (int64_t i = 0; i < count && code == OK; i++) {
        encoding->columns[i].target = targets[i];
        encoding->columns[i].fill = fill[i];
        encoding->columns[i].numeric = numeric[i] != 0;
        bool is_target = encoding->columns[i].role == COLUMN_TARGET;
        if (targets[i] < 0 || targets[i] >= (is_target ? outputs : 1))
            code = refuse(loading, "targets", i, error);
    }
    memory_release(targets);
    memory_release(fill);
    memory_release(numeric);
    return code;
}

/* Returns whether a column is consistent: `fill` of categories must be the index of one of them, or
 * −1. */
static bool is_good(const struct TableColumn *column) {
    if (!isfinite(column->fill))
        return false;
    return column->role != COLUMN_CATEGORIES ||
           (column->fill >= -1 && column->fill < (double)column->category_count &&
            column->fill == floor(column->fill));
}

static int read_categories(const struct Loading *loading, struct Error *error) {
    struct TableEncoding *encoding = loading->encoding;
    int code = OK;
    for (int64_t i = 0; i < encoding->column_count && code == OK; i++) {
        struct TableColumn *column = &encoding->columns[i];
        char *name = categories_name(i);
        if (has_categories(column))
            code = h5_read_texts(loading->file, name, &column->categories, &column->category_count,
                                 error);
        memory_release(name);
        if (code == OK && !is_good(column))
            code = refuse(loading, "fill", i, error);
    }
    return code;
}

/* Reads an attribute of one byte that must be one of `allowed`. */
static int read_byte(const struct Loading *loading, const char *name, const char *allowed,
                     char *byte, struct Error *error) {
    char *text;
    int code = h5_read_attribute(loading->file, GROUP, name, H5_TEXT, &text, error);
    if (code != OK)
        return code;
    bool good = strlen(text) <= 1 && (!allowed || (*text && strchr(allowed, *text)));
    bool whitespace = !strcmp(text, WHITESPACE) && !strcmp(name, "separator");
    *byte = whitespace ? 0 : *text;
    if (!good && !whitespace)
        code = fail(error, h5_failure(loading->file), "%s:" GROUP ": attribute %s is '%.40s'",
                    h5_path(loading->file), name, text);
    memory_release(text);
    return code;
}

static int read_format(const struct Loading *loading, struct Error *error) {
    struct TableEncoding *encoding = loading->encoding;
    int64_t has_head = 0;
    int code = read_byte(loading, "separator", NULL, &encoding->separator, error);
    if (code == OK)
        code = read_byte(loading, "decimal", ".,", &encoding->decimal, error);
    if (code == OK)
        code = read_byte(loading, "thousands", NULL, &encoding->thousands, error);
    if (code == OK && h5_has_attribute(loading->file, GROUP, "comment"))
        code = read_byte(loading, "comment", NULL, &encoding->comment, error);
    if (code == OK)
        code = h5_read_attribute(loading->file, GROUP, "has_head", H5_INT64, &has_head, error);
    encoding->has_head = has_head != 0;
    if (code == OK && h5_exists(loading->file, GROUP "/missing"))
        code = h5_read_texts(loading->file, GROUP "/missing", &encoding->missing,
                             &encoding->missing_count, error);
    return code;
}

static void release(void *value) {
    table_encoding_release(value);
}

static int load(void *value, struct H5File *file, struct Error *error) {
    struct TableEncoding *encoding = value;
    const struct Loading loading = {encoding, file};
    *encoding = (struct TableEncoding){0};
    if (!h5_exists(file, GROUP "/names"))
        return OK;
    int code = read_names(&loading, error);
    if (code == OK)
        code = read_words(&loading, "roles", column_role_names, set_role, error);
    if (code == OK)
        code = read_words(&loading, "missing_rules", missing_rule_names, set_rule, error);
    if (code == OK)
        code = read_numbers(&loading, error);
    if (code == OK)
        code = read_categories(&loading, error);
    if (code == OK)
        code = read_format(&loading, error);
    if (code != OK)
        release(value);
    return code;
}

const struct SavedGroup encoding_saved = {.save = save, .load = load, .release = release};
