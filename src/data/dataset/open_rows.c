/* Determines the rows of a pair that a split has: all, those that data.splits lists, a part, or as
 * many as a limit allows. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/dataset/folds.h"
#include "data/dataset/limit.h"
#include "data/dataset/opening.h"
#include "data/dataset/part.h"

/* Rows of a pair, in the order of the split. */
struct Rows {
    int64_t count;
    int64_t *items;
};

static int refuse(const char *split, const char *text, const char *what, struct Error *error) {
    char *key = memory_print("data.splits.%s.indices", split);
    int code = fail_key(error, ERROR_RUN_FILE, key, "'%.100s': %s", text, what);
    memory_release(key);
    return code;
}

static void add_row(struct Rows *rows, int64_t row) {
    rows->items = memory_room(rows->items, rows->count, "rows");
    rows->items[rows->count++] = row;
}

/* Reads one end of a range: a number from 0, or a negative one that counts from the end. */
static const char *read_end(const char *text, int64_t count, int64_t *end) {
    const char *digits = text + (*text == '-');
    char *after;
    if (*digits < '0' || *digits > '9')
        return NULL;
    *end = strtoll(text, &after, 10);
    *end += *text == '-' ? count : 0;
    return after;
}

struct Range {
    int64_t first, end, step;
};

/* Reads "7", or a range as in Python: "0:1000", "1000:", ":1000", "-1000:", "::2". Returns false if
 * the text is neither. */
static bool read_range(const char *text, int64_t count, struct Range *range) {
    *range = (struct Range){.step = 1};
    const char *at = *text == ':' ? text : read_end(text, count, &range->first);
    range->end = range->first + 1;
    if (at && *at == ':') {
        range->end = count;
        at = at[1] && at[1] != ':' ? read_end(at + 1, count, &range->end) : at + 1;
    }
    if (at && *at == ':')
        at = at[1] ? read_end(at + 1, 0, &range->step) : at + 1;
    return at && !*at;
}

/* Reads row numbers. They may be floats, because MATLAB writes doubles. */
static int read_whole(const struct Array *array, int64_t count, int64_t *values,
                      struct Error *error) {
    double *found = memory_array(double, count, "rows");
    int code = h5_read(array->file, array->name.path, H5_FLOAT64, array->info.rank,
                       array->info.size, found, error);
    for (int64_t i = 0; i < count && code == OK; i++) {
        if (!(fabs(found[i]) < 0x1p53) || rint(found[i]) != found[i])
            code = fail(error, ERROR_DATA, "%s:%s: element %" PRId64 " is %g, expected a row",
                        array->name.file, array->name.path, i, found[i]);
        else
            values[i] = (int64_t)found[i];
    }
    memory_release(found);
    return code;
}

/* Returns whether numbers are a mask, 0 or 1 for each row, as MATLAB writes logical arrays. A list
 * of the first two rows alone is not a mask. */
static bool are_mask(const int64_t *values, int64_t count, int64_t rows) {
    bool mask = count == rows && count > 2;
    for (int64_t i = 0; i < count && mask; i++)
        mask = values[i] == 0 || values[i] == 1;
    return mask;
}

/* Reads an array of row numbers, or of one boolean for each row. */
static int read_array(const struct Array *array, const struct Pair *pair, struct Rows *rows,
                      struct Error *error) {
    const struct H5Info *info = &array->info;
    const char *file = array->name.file, *path = array->name.path;
    int64_t count = memory_product(info->size, info->rank);
    bool mask = !strcmp(info->type_name, "booleans");
    bool last, numbers = info->type < H5_TEXT;
    if (!numbers || !opening__fits(info, count, NULL, &last) || (mask && count != pair->count))
        return fail(error, ERROR_DATA,
                    "%s:%s: holds %s, expected a list of row numbers, or a boolean for each of the "
                    "%" PRId64 " samples (\"ARRAY == VALUE\" takes the rows with a value)",
                    file, path, info->type_name, pair->count);
    char words[MEMORY_WORDS];
    int64_t bytes = memory_product((int64_t[]){count, (int64_t)sizeof(int64_t)}, 2);
    if (bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, ERROR_DATA, "%s:%s: %s", file, path, memory_too_large(bytes, words));
    int64_t *values = memory_array(int64_t, count, "rows");
    int code = info->type == H5_FLOAT32 || info->type == H5_FLOAT64
                   ? read_whole(array, count, values, error)
                   : h5_read(array->file, path, H5_INT64, info->rank, info->size, values, error);
    mask |= code == OK && are_mask(values, count, pair->count);
    for (int64_t i = 0; i < count && code == OK; i++) {
        if (mask ? values[i] != 0 : values[i] >= 0 && values[i] < pair->count)
            add_row(rows, mask ? i : values[i]);
        else if (!mask)
            code = fail(error, ERROR_DATA,
                        "%s:%s: element %" PRId64 " is %" PRId64 ", expected a row, 0 to %" PRId64,
                        file, path, i, values[i], pair->count - 1);
    }
    memory_release(values);
    return code;
}

static int read_selected(const struct Array *array, const struct Pair *pair, const char *value,
                         struct Rows *rows, struct Error *error) {
    bool *chosen = memory_array(bool, pair->count, "rows");
    int code = opening__select(array, pair->count, value, chosen, error);
    for (int64_t i = 0; i < pair->count && code == OK; i++)
        if (chosen[i])
            add_row(rows, i);
    memory_release(chosen);
    return code;
}

/* Reads an array of rows; if `value` is not NULL, takes the rows for which the array has that
 * value. */
static int read_indices_array(struct Opening *opening, const struct Pair *pair, const char *text,
                              const char *value, struct Rows *rows, struct Error *error) {
    struct Array array = {0};
    int code = array_name_parse(&array.name, text, opening->request->options->file, error);
    char *place = code == OK ? opening__place(opening, array.name.file) : NULL;
    if (code == OK)
        code = opening__file(opening, place, &array.file, error);
    if (code == OK)
        code = h5_info(array.file, array.name.path, &array.info, error);
    if (code == OK)
        code = value ? read_selected(&array, pair, value, rows, error)
                     : read_array(&array, pair, rows, error);
    memory_release(place);
    array_name_release(&array.name);
    return code;
}

static int read_indices(struct Opening *opening, const struct Pair *pair, const char *split,
                        const struct Strings *indices, struct Rows *rows, struct Error *error) {
    for (int i = 0; i < indices->count; i++) {
        const char *text = indices->values[i];
        struct Range range;
        if (!read_range(text, pair->count, &range)) {
            char *array = NULL, *value = NULL;
            bool selects = selection__split(text, &array, &value);
            int code =
                read_indices_array(opening, pair, selects ? array : text, value, rows, error);
            memory_release(array);
            memory_release(value);
            if (code == OK)
                continue;
            char *key = memory_print("data.splits.%s.indices", split);
            error_blame_key(error, key);
            memory_release(key);
            return error->code;
        }
        if (range.first < 0 || range.end > pair->count || range.first >= range.end ||
            range.step < 1) {
            char *what =
                memory_print("expected rows within 0:%" PRId64 ", the rows of %s:%s", pair->count,
                             pair->images.items[0].name.file, pair->images.items[0].name.path);
            refuse(split, text, what, error);
            memory_release(what);
            return error->code;
        }
        for (int64_t row = range.first; row < range.end; row += range.step)
            add_row(rows, row);
    }
    return rows->count ? OK : refuse(split, indices->values[0], "selects no samples", error);
}

/* ---- Parts of another split ---- */

/* Chains of fraction_of form a tree. A split has the rows that its parts leave. */
static bool is_part(struct Opening *opening, const char *name, const char *of) {
    const struct SplitOptions *options = opening__options(opening, name);
    if (opening_held_out_of(opening, name)) /* the fold takes the place of such a part */
        return false;
    return options && options->fraction_of && !strcmp(options->fraction_of, of);
}

/* Returns the labels of some rows. The caller releases them. */
static int32_t *labels_of(const struct Pair *pair, const struct Rows *rows) {
    int32_t *labels = memory_array(int32_t, rows->count, "labels");
    for (int64_t i = 0; i < rows->count; i++)
        labels[i] = pair->classes[rows->items[i]];
    return labels;
}

static int64_t take(const struct Pair *pair, const struct Rows *from,
                    const struct SplitOptions *options, int64_t classes, const bool *taken,
                    bool *chosen) {
    int32_t *labels = options->stratified && pair->classes ? labels_of(pair, from) : NULL;
    const struct PartRequest request = {.count = from->count,
                                        .labels = labels,
                                        .classes = labels ? classes : 1,
                                        .taken = taken,
                                        .part = options->fraction,
                                        .seed = (uint64_t)options->seed};
    int64_t total = part__choose(&request, chosen);
    memory_release(labels);
    return total;
}

static void keep(const struct Rows *from, const bool *wanted, bool value, struct Rows *to) {
    *to = (struct Rows){0};
    for (int64_t i = 0; i < from->count; i++)
        if (wanted[i] == value)
            add_row(to, from->items[i]);
}

/* Removes from `own`, the rows of split `name`, the rows of the splits that are parts of it, in the
 * order of the run file. If `stop` is not NULL, it ends at that part and sets *part to its rows. */
static int take_parts(struct Opening *opening, const struct Pair *pair, const char *name,
                      const char *stop, struct Rows *own, struct Rows *part, struct Error *error) {
    const struct Named *splits = &opening->request->options->splits;
    bool *taken = memory_array(bool, own->count, "rows");
    int64_t left = own->count;
    int code = OK;
    for (int i = 0; i < splits->count && code == OK; i++) {
        const struct SplitOptions *options = splits->items[i].options;
        if (!is_part(opening, splits->items[i].name, name))
            continue;
        bool *chosen = memory_array(bool, own->count, "rows");
        int64_t total = take(pair, own, options, opening->dataset->targets.count, taken, chosen);
        left -= total;
        if (!total || left < 1) {
            char *key = memory_print("data.splits.%s.fraction", splits->items[i].name);
            code =
                fail_key(error, ERROR_RUN_FILE, key,
                         "%g of the %" PRId64 " samples of split '%s' leaves none for '%s'",
                         options->fraction, own->count, name, total ? name : splits->items[i].name);
            memory_release(key);
        } else if (stop && !strcmp(splits->items[i].name, stop)) {
            keep(own, chosen, true, part);
        }
        for (int64_t r = 0; r < own->count; r++)
            taken[r] |= chosen[r];
        memory_release(chosen);
    }
    if (code == OK && !stop && left < own->count) {
        struct Rows rest;
        keep(own, taken, false, &rest);
        memory_release(own->items);
        *own = rest;
    }
    memory_release(taken);
    return code;
}

/* Finds the rows that split `name` has before its own parts are removed. */
static int rows_before_parts(struct Opening *opening, const struct Pair *pair, const char *name,
                             struct Rows *rows, struct Error *error) {
    const struct SplitOptions *options = opening__options(opening, name);
    if (options && options->fraction_of) {
        struct Rows base = {0};
        int code = rows_before_parts(opening, pair, options->fraction_of, &base, error);
        if (code == OK)
            code = take_parts(opening, pair, options->fraction_of, name, &base, rows, error);
        memory_release(base.items);
        return code;
    }
    if (options && options->indices.count)
        return read_indices(opening, pair, name, &options->indices, rows, error);
    for (int64_t i = 0; i < pair->count; i++)
        add_row(rows, i);
    return OK;
}

static int parts_of(struct Opening *opening, const struct Pair *pair, const char *name,
                    struct Rows *rows, struct Error *error) {
    int code = rows_before_parts(opening, pair, name, rows, error);
    return code ? code : take_parts(opening, pair, name, NULL, rows, NULL, error);
}

/* ---- The split ---- */

static bool has_parts(struct Opening *opening, const char *name) {
    const struct DataOptions *options = opening->request->options;
    for (int i = 0; options && i < options->splits.count; i++)
        if (is_part(opening, options->splits.items[i].name, name))
            return true;
    return false;
}

static void *own(struct DatasetStorage *storage, void *pointer) {
    storage->owned = memory_room(storage->owned, storage->owned_count, "a data set");
    storage->owned[storage->owned_count++] = pointer;
    return pointer;
}

/* Copies the labels and targets of some rows so that they are contiguous. */
static void copy_rows(struct Opening *opening, const struct Pair *pair, const struct Rows *rows,
                      struct Split *split) {
    struct DatasetStorage *storage = opening->dataset->storage;
    int64_t columns = opening->dataset->targets.count;
    if (pair->classes) {
        split->labels = own(storage, labels_of(pair, rows));
    }
    if (pair->values) {
        float *targets = own(storage, memory_array(float, rows->count *columns, "targets"));
        for (int64_t i = 0; i < rows->count; i++)
            memcpy(targets + i * columns, pair->values + rows->items[i] * columns,
                   (size_t)columns * sizeof *targets);
        split->targets = targets;
    }
    if (pair->sample_weights) {
        float *weights = own(storage, memory_array(float, rows->count, "weights"));
        for (int64_t i = 0; i < rows->count; i++)
            weights[i] = pair->sample_weights[rows->items[i]];
        split->weights = weights;
    }
}

/* ---- Folds ---- */

static bool is_folded(const struct Opening *opening, const char *name) {
    const struct DataOptions *options = opening->request->options;
    return options && options->folds.count &&
           (!strcmp(name, options->train) || !strcmp(name, options->validation));
}

static float *targets_of(const struct Pair *pair, const struct Rows *rows, int64_t columns) {
    float *targets = memory_array(float, rows->count *columns, "targets");
    for (int64_t i = 0; i < rows->count; i++)
        memcpy(targets + i * columns, pair->values + rows->items[i] * columns,
               (size_t)columns * sizeof *targets);
    return targets;
}

/* Keeps the part that is held out, or the other parts. */
static int take_fold(struct Opening *opening, const struct Pair *pair, bool held_out,
                     struct Rows *rows, struct Error *error) {
    const struct FoldsOptions *options = &opening->request->options->folds;
    int64_t *fold = memory_array(int64_t, rows->count, "folds");
    struct Rows kept;
    if (rows->count < options->count) {
        memory_release(fold);
        return fail_key(error, ERROR_RUN_FILE, "data.folds.count",
                        "%" PRId64 " parts cannot be cut from the %" PRId64 " samples of split %s",
                        options->count, rows->count, opening->request->options->train);
    }
    int64_t columns = opening->dataset->targets.count;
    int32_t *labels = options->stratified && pair->classes ? labels_of(pair, rows) : NULL;
    float *targets =
        options->stratified && !labels && pair->values ? targets_of(pair, rows, columns) : NULL;
    const struct FoldsRequest request = {.count = rows->count,
                                         .labels = labels,
                                         .classes = labels ? columns : 1,
                                         .targets = targets,
                                         .columns = columns,
                                         .sets = opening->sets,
                                         .folds = options->count,
                                         .seed = (uint64_t)options->seed};
    folds__assign(&request, fold);
    bool *wanted = memory_array(bool, rows->count, "rows");
    for (int64_t i = 0; i < rows->count; i++)
        wanted[i] = (fold[i] == options->held_out - 1) == held_out;
    keep(rows, wanted, true, &kept);
    memory_release(rows->items);
    *rows = kept;
    memory_release(wanted);
    memory_release(targets);
    memory_release(labels);
    memory_release(fold);
    return OK;
}

/* ---- Limits ---- */

static const struct SplitLimit *limit_of(const struct Opening *opening, int index) {
    return opening->request->splits ? opening->request->splits[index].limit : NULL;
}

/* Keeps as many rows of the split as the limit allows. */
static int take_limit(const struct Opening *opening, const struct Pair *pair,
                      const struct SplitLimit *limit, struct Split *split, struct Rows *rows,
                      struct Error *error) {
    if (limit->per_class && !pair->classes)
        return fail_key(error, ERROR_RUN_FILE, "data.limit.per_class",
                        "needs one class for each sample, but the samples of %s have none",
                        pair->split);
    int32_t *labels = pair->classes ? labels_of(pair, rows) : NULL;
    const struct LimitRequest request = {.count = rows->count,
                                         .labels = labels,
                                         .classes = labels ? opening->dataset->targets.count : 1,
                                         .limit = limit};
    bool *chosen = memory_array(bool, rows->count, "rows");
    struct Rows kept;
    limit_choose(&request, chosen);
    keep(rows, chosen, true, &kept);
    split->first_alone =
        limit->choose == LIMIT_FIRST && !limit->per_class && kept.count < rows->count;
    memory_release(rows->items);
    *rows = kept;
    memory_release(chosen);
    memory_release(labels);
    return OK;
}

static void take_all(const struct Pair *pair, struct Split *split) {
    split->count = pair->count;
    split->images = pair->images.count == 1 ? pair->runs[0].images : NULL;
    split->labels = pair->classes;
    split->targets = pair->values;
    split->weights = pair->sample_weights;
}

int opening__rows(struct Opening *opening, int index, struct Error *error) {
    struct Dataset *dataset = opening->dataset;
    const struct Pair *pair = &dataset->storage->pairs[opening->pair_of[index]];
    struct Split *split = &dataset->splits[index];
    const char *held_out_of = opening_held_out_of(opening, split->name);
    const char *name = held_out_of ? held_out_of : split->name;
    bool folded = is_folded(opening, split->name);
    const struct SplitOptions *own_options = opening__options(opening, name);
    split->bytes = pair->bytes;
    split->runs = pair->runs;
    split->block_digests = pair->block_digests;
    split->run_count = pair->images.count;
    split->pair = pair;
    for (int i = 0; i < pair->images.count; i++)
        split->in_blocks |= !pair->runs[i].images;
    bool whole = !folded &&
                 !(own_options && (own_options->fraction_of || own_options->indices.count)) &&
                 !has_parts(opening, name);
    const struct SplitLimit *limit = limit_of(opening, index);
    if (whole && (!limit || (!limit->per_class && limit->samples >= pair->count))) {
        take_all(pair, split);
        return OK;
    }
    struct Rows rows = {0};
    int code = parts_of(opening, pair, name, &rows, error);
    if (code == OK && folded)
        code = take_fold(opening, pair, held_out_of != NULL, &rows, error);
    if (code == OK && limit)
        code = take_limit(opening, pair, limit, split, &rows, error);
    split->limited = whole;
    split->count = rows.count;
    split->rows = own(dataset->storage, rows.items);
    if (code == OK)
        copy_rows(opening, pair, &rows, split);
    return code;
}
