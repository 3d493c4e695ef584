#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/dataset/opening.h"

#define BLOCK ((int64_t)1 << 20) /* values that are read at a time */

/* ---- Shapes ---- */

bool opening__fits(const struct H5Info *info, int64_t count, int64_t *columns, bool *samples_last) {
    int64_t sizes[2] = {1, 1};
    int found = 0;
    *samples_last = false;
    if (columns)
        *columns = 1;
    for (int i = 0; i < info->rank; i++) {
        if (info->size[i] == 1)
            continue;
        if (found == 2)
            return false;
        sizes[found++] = info->size[i];
    }
    if (found < 2 && sizes[0] == count)
        return true;
    if (!columns || found == 0)
        return false;
    if (found == 1) { /* one sample */
        *columns = sizes[0];
        return count == 1 && sizes[0] > 0;
    }
    *samples_last = sizes[0] != count;
    *columns = sizes[*samples_last ? 0 : 1];
    return sizes[*samples_last ? 1 : 0] == count && *columns > 0;
}

/* ---- Reading ---- */

/* Selects samples [first, first + count) of an array of labels, with all of their columns. */
static void select_samples(const struct Array *array, bool last, int64_t first, int64_t count,
                           int64_t start[H5_RANK], int64_t part[H5_RANK]) {
    const struct H5Info *info = &array->info;
    bool done = false;
    memcpy(part, info->size, H5_RANK * sizeof *part);
    memset(start, 0, H5_RANK * sizeof *start);
    for (int k = 0; k < info->rank && !done; k++) {
        int i = last ? info->rank - 1 - k : k;
        if (info->size[i] != array->count || (array->count == 1 && info->size[i] != 1))
            continue;
        start[i] = first;
        part[i] = count;
        done = true;
    }
}

/* Reads samples [first, first + count) of an array as doubles, (count, columns). */
static int read_rows(const struct Array *array, int64_t columns, bool last, int64_t first,
                     int64_t count, double *rows, struct Error *error) {
    int64_t start[H5_RANK], part[H5_RANK];
    select_samples(array, last, first, count, start, part);
    if (!last)
        return h5_read_part(array->file, array->name.path, H5_FLOAT64, array->info.rank, start,
                            part, rows, error);
    double *turned = memory_array(double, count *columns, "labels");
    int code = h5_read_part(array->file, array->name.path, H5_FLOAT64, array->info.rank, start,
                            part, turned, error);
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < columns; k++)
            rows[i * columns + k] = turned[k * count + i];
    memory_release(turned);
    return code;
}

static int read_integers(const struct Array *array, int64_t *numbers, struct Error *error) {
    int code = OK;
    for (int64_t first = 0; first < array->count && code == OK; first += BLOCK) {
        int64_t count = array->count - first < BLOCK ? array->count - first : BLOCK;
        int64_t start[H5_RANK], part[H5_RANK];
        select_samples(array, false, first, count, start, part);
        code = h5_read_part(array->file, array->name.path, H5_INT64, array->info.rank, start, part,
                            numbers + first, error);
    }
    return code;
}

/* Returns the class of a one-hot row; −1 if the row is not one-hot. */
static int64_t hot_class(const double *row, int64_t columns) {
    int64_t found = -1;
    for (int64_t k = 0; k < columns; k++) {
        if (row[k] != 0 && (row[k] != 1 || found >= 0))
            return -1;
        if (row[k] == 1)
            found = k;
    }
    return found;
}

static int take_row(const struct Array *array, int64_t row, int64_t columns, const double *values,
                    int64_t *number, struct Error *error) {
    const struct ArrayName *name = &array->name;
    *number = columns > 1 ? hot_class(values, columns) : 0;
    if (columns > 1 && *number < 0)
        return fail(error, ERROR_DATA,
                    "%s:%s: row %" PRId64
                    " is not one-hot (one 1, otherwise zeros); name the array under targets if it "
                    "holds values or distributions, or say data.multi_label: true if a sample may "
                    "have several classes",
                    name->file, name->path, row);
    if (columns > 1)
        return OK;
    if (!(fabs(*values) < 0x1p53) || rint(*values) != *values)
        return fail(error, ERROR_DATA,
                    "%s:%s: row %" PRId64 " is %g, expected a whole number, the class; name the "
                    "array under targets if it holds values",
                    name->file, name->path, row, *values);
    *number = (int64_t)*values;
    return OK;
}

/* Reads labels that are stored as floats or one-hot. */
static int read_floats(const struct Array *array, int64_t columns, bool last, int64_t *numbers,
                       struct Error *error) {
    int64_t block = BLOCK / columns < 1 ? 1 : BLOCK / columns;
    double *rows = memory_array(double, block *columns, "labels");
    int code = OK;
    for (int64_t first = 0; first < array->count && code == OK; first += block) {
        int64_t count = array->count - first < block ? array->count - first : block;
        code = read_rows(array, columns, last, first, count, rows, error);
        for (int64_t i = 0; i < count && code == OK; i++)
            code =
                take_row(array, first + i, columns, rows + i * columns, &numbers[first + i], error);
    }
    memory_release(rows);
    return code;
}

static int read_texts(struct Pair *pair, const struct Array *array, int64_t offset,
                      struct Error *error) {
    char **texts;
    int64_t count;
    if (!pair->stored.texts)
        pair->stored.texts = memory_array(char *, pair->count, "labels");
    int code = h5_read_texts(array->file, array->name.path, &texts, &count, error);
    for (int64_t i = 0; i < count; i++)
        pair->stored.texts[offset + i] = texts[i];
    memory_release(texts);
    return code;
}

static int refuse_shape(const struct Array *array, const char *what, struct Error *error) {
    struct Text shape = {0};
    text_add_shape(&shape, array->info.size, array->info.rank);
    int code =
        array->info.rank == 1
            ? fail(error, ERROR_DATA, "%s:%s: has %" PRId64 " %s for %" PRId64 " images",
                   array->name.file, array->name.path, array->info.size[0], what, array->count)
            : fail(error, ERROR_DATA,
                   "%s:%s: has shape %s for %" PRId64 " images; expected (N), (N,1) or "
                   "one-hot (N, classes)%s",
                   array->name.file, array->name.path, shape.data, array->count,
                   array->info.rank ? "" : "; if each array of images is one, say axes: HWC");
    text_release(&shape);
    return code;
}

/* Reads the names that the file gives to numbers. They must be the same in all arrays of a pair. */
static int read_enumeration(struct Pair *pair, const struct Array *array, int64_t offset,
                            struct Error *error) {
    struct H5Enumeration own, *members = &pair->stored.enumeration;
    int code = h5_read_enumeration(array->file, array->name.path, &own, error);
    if (code != OK)
        return code;
    bool same = !offset || own.count == members->count;
    for (int64_t i = 0; i < own.count && same && offset; i++)
        same = own.values[i] == members->values[i] && !strcmp(own.names[i], members->names[i]);
    if (!same)
        code = fail(
            error, ERROR_DATA,
            "%s:%s: has another enumeration than %s:%s; expected the same in all arrays of a split",
            array->name.file, array->name.path, pair->labels.items[0].name.file,
            pair->labels.items[0].name.path);
    if (!offset)
        *members = own;
    else
        h5_release_enumeration(&own);
    return code;
}

/* Refuses objects of MATLAB's newer classes: their values are stored elsewhere in an undocumented
 * form. */
static int refuse_matlab_object(const struct Array *array, struct Error *error) {
    if (!h5_has_attribute(array->file, array->name.path, "MATLAB_object_decode"))
        return OK;
    return fail(error, ERROR_DATA,
                "%s:%s: is an object of MATLAB, such as a string or categorical array, whose "
                "values only MATLAB can read; in MATLAB, save cellstr(...) or double(...) of it",
                array->name.file, array->name.path);
}

/* Returns the name of an array, of its group or of its file, without the part from the last dot on.
 * The caller releases it. */
static char *name_of(const struct ArrayName *name, enum LabelsFrom from) {
    const char *text = from == LABELS_OF_FILES ? name->file : name->path;
    const char *end = text + strlen(text), *slash = strrchr(text, '/');
    if (from == LABELS_OF_GROUPS) {
        end = slash;
        slash = memrchr(text, '/', (size_t)(slash - text));
    }
    const char *begin = slash ? slash + 1 : text;
    const char *dot = from == LABELS_OF_FILES ? strrchr(begin, '.') : NULL;
    if (end < begin) /* the array lies in the root */
        begin = end;
    return memory_copy_span(begin, (size_t)((dot && dot > begin ? dot : end) - begin));
}

static void take_names(struct Pair *pair, const struct Array *array, int64_t offset) {
    if (!pair->stored.texts)
        pair->stored.texts = memory_array(char *, pair->count, "labels");
    for (int64_t i = 0; i < array->count; i++)
        pair->stored.texts[offset + i] = name_of(&array->name, pair->labels_from);
}

/* Returns the path of the object that has an attribute: the array, or its group. The caller
 * releases it. Returns NULL and sets *error if neither has it. */
static char *object_with(const struct Array *array, const char *attribute, struct Error *error) {
    const char *path = array->name.path, *slash = strrchr(path, '/');
    char *group =
        slash > path ? memory_copy_span(path, (size_t)(slash - path)) : memory_copy_text("/");
    char *found = h5_has_attribute(array->file, path, attribute)    ? memory_copy_text(path)
                  : h5_has_attribute(array->file, group, attribute) ? memory_copy_text(group)
                                                                    : NULL;
    if (!found && h5_check(array->file, error) == OK)
        fail(error, ERROR_DATA, "%s:%s: neither the array nor its group has an attribute '%s'",
             array->name.file, path, attribute);
    memory_release(group);
    return found;
}

/* Takes an attribute as the label of all images of its array. */
static int take_attribute(struct Pair *pair, const struct Array *array, int64_t offset,
                          struct Error *error) {
    const char *attribute = pair->options->labels.values[0] + 1;
    struct Error unused;
    char *text = NULL, *object = object_with(array, attribute, error);
    double number = 0;
    if (!object)
        return error->code;
    int code = h5_read_attribute(array->file, object, attribute, H5_TEXT, &text, &unused);
    if (code != OK)
        code = h5_read_attribute(array->file, object, attribute, H5_FLOAT64, &number, error);
    bool first = offset == 0, kept = pair->stored.texts != NULL;
    if (code == OK && !text && !(fabs(number) < 0x1p53 && rint(number) == number))
        code = fail(error, ERROR_DATA,
                    "%s:%s, attribute %s: is %g, expected a whole number or a text, the class",
                    array->name.file, object, attribute, number);
    if (code == OK && !first && kept != (text != NULL))
        code = fail(error, ERROR_DATA, "%s:%s, attribute %s: is %s, that of %s is %s",
                    array->name.file, object, attribute, text ? "a text" : "a number",
                    pair->labels.items[0].name.path, kept ? "a text" : "a number");
    if (code == OK && text && first)
        pair->stored.texts = memory_array(char *, pair->count, "labels");
    for (int64_t i = offset; i < offset + array->count && code == OK; i++) {
        if (text)
            pair->stored.texts[i] = memory_copy_text(text);
        else
            pair->stored.numbers[i] = (int64_t)number;
    }
    memory_release(text);
    memory_release(object);
    return code;
}

static int read_array(struct Pair *pair, struct Array *array, int64_t offset, struct Error *error) {
    const struct H5Info *info = &array->info;
    int64_t columns;
    bool last, text = info->type == H5_TEXT || info->type == H5_CELLS;
    bool floats = info->type == H5_FLOAT32 || info->type == H5_FLOAT64;
    if (info->type == H5_OTHER || info->type == H5_BYTES)
        return fail(error, ERROR_DATA, "%s:%s: holds %s, expected integers or texts",
                    array->name.file, array->name.path, info->type_name);
    if (refuse_matlab_object(array, error) != OK)
        return error->code;
    if (!opening__fits(info, array->count, text ? NULL : &columns, &last))
        return refuse_shape(array, "labels", error);
    if (text != (pair->stored.texts != NULL) && offset > 0)
        return fail(error, ERROR_DATA, "%s:%s: holds %s, %s:%s holds %s", array->name.file,
                    array->name.path, info->type_name, pair->labels.items[0].name.file,
                    pair->labels.items[0].name.path, pair->labels.items[0].info.type_name);
    if (text)
        return read_texts(pair, array, offset, error);
    if (offset > 0 && columns != (pair->stored.columns ? pair->stored.columns : 1))
        return fail(error, ERROR_DATA,
                    "%s:%s: has %" PRId64 " column%s, %s:%s has %" PRId64 "; expected one kind",
                    array->name.file, array->name.path, columns, columns == 1 ? "" : "s",
                    pair->labels.items[0].name.file, pair->labels.items[0].name.path,
                    pair->stored.columns ? pair->stored.columns : 1);
    pair->stored.columns = columns > 1 ? columns : 0;
    if (columns > 1 || floats)
        return read_floats(array, columns, last, pair->stored.numbers + offset, error);
    if (read_enumeration(pair, array, offset, error) != OK)
        return error->code;
    return read_integers(array, pair->stored.numbers + offset, error);
}

int opening__labels(struct Opening *opening, struct Pair *pair, struct Error *error) {
    (void)opening;
    struct Arrays *labels = &pair->labels;
    int code = OK;
    char words[MEMORY_WORDS];
    int64_t bytes = memory_product((int64_t[]){pair->count, (int64_t)sizeof(int64_t)}, 2);
    if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:%s: %s", labels->items[0].name.file,
                    labels->items[0].name.path, memory_too_large(bytes, words));
    pair->stored.numbers = memory_array(int64_t, pair->count, "labels");
    if (labels->count != 1 && labels->count != pair->images.count) {
        fail(error, ERROR_DATA,
             "names %d arrays for %d arrays of images; expected one for each of them, or one for "
             "all",
             labels->count, pair->images.count);
        return pair__blame(pair, "labels", error);
    }
    int64_t offset = 0;
    for (int i = 0; i < labels->count && code == OK; i++) {
        struct Array *array = &labels->items[i];
        array->count = labels->count == 1 ? pair->count : pair->images.items[i].count;
        if (pair->labels_from == LABELS_OF_ATTRIBUTES)
            code = take_attribute(pair, array, offset, error);
        else if (pair->labels_from)
            take_names(pair, array, offset);
        else
            code = read_array(pair, array, offset, error);
        offset += array->count;
    }
    return code == OK ? OK : pair__blame(pair, "labels", error);
}
