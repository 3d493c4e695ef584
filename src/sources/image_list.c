/* Format image-list: a CSV file for each split, with the names of the columns in its first line, or
 * without names, which then are numbers. A column called "path", "file", "image", "id" or similar
 * names an image file, absolute or relative to the list's folder or to --images. The user names the
 * column of classes or those of targets. If none is named, all other columns are targets; a single
 * one whose first field is not a number holds classes. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "sources/class_list.h"
#include "sources/csv.h"
#include "sources/fields.h"
#include "sources/image_files.h"

/* What the first list determines for the others. */
struct Lists {
    struct Source *source;
    const struct SourceOptions *options;
    char *label;              /* the column of classes; NULL: the targets are values */
    struct ClassList classes; /* those of the first list */
    int32_t *numbers;         /* (classes): their labels */
};

static void take_all_targets(struct Source *source, const struct Csv *csv, int64_t path) {
    const char **names = memory_array(const char *, csv->columns, "target names");
    int64_t count = 0;
    for (int64_t i = 0; i < csv->columns; i++)
        if (i != path)
            names[count++] = csv__field(csv, -1, i);
    source_set_targets(source, names, count);
    memory_release(names);
}

/* Returns the file that a list names, relative to `folder`, or to the folder of the list if that is
 * NULL, and sets where the name begins in it. Some lists leave out the extensions of files. */
static char *find_file(const char *list, const char *folder, const char *name, size_t *start) {
    static const char *const ends[] = {".jpg", ".png", ".jpeg", ".tif", ".tiff",
                                       ".JPG", ".bmp", ".webp", ".ppm"};
    char *file =
        folder && *name != '/' ? memory_print("%s/%s", folder, name) : path_beside(list, name);
    *start = strlen(file) - strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends && !path_is_file(file); i++) {
        char *longer = memory_print("%s%s", file, ends[i]);
        if (path_is_file(longer)) {
            memory_release(file);
            return longer;
        }
        memory_release(longer);
    }
    if (!strchr(name, '\\') || path_is_file(file))
        return file;
    memory_release(file);
    char *turned = memory_copy_text(name); /* the list was written on Windows */
    for (char *at = turned; *at; at++)
        *at = *at == '\\' ? '/' : *at;
    file = find_file(list, folder, turned, start);
    memory_release(turned);
    return file;
}

static void add_files(const struct Lists *lists, struct SourceSplit *split, const struct Csv *csv,
                      int64_t path) {
    struct ImageFiles *state = lists->source->state;
    for (int64_t row = 0; row < csv->rows; row++) {
        const char *name = csv__field(csv, row, path);
        size_t start;
        char *file = find_file(csv->path, lists->options->images, name, &start);
        split->items[row] = state->files.count;
        image_files__add(state, file, start);
        name_list__add(&state->lines, memory_print("%s:%" PRId64, csv->path, csv->lines[1 + row]));
    }
}

static int add_values(const struct Source *source, struct SourceSplit *split, const struct Csv *csv,
                      struct Error *error) {
    for (int64_t k = 0; k < source->targets.count; k++) {
        int64_t column = csv__column(csv, source->targets.names[k], error);
        int code = column < 0 ? error->code : OK;
        for (int64_t row = 0; !code && row < csv->rows; row++)
            code = csv__number(csv, row, column, split->targets + row * source->targets.count + k,
                               error);
        if (code)
            return code;
    }
    return OK;
}

/* Returns the index of a text among `count` others; −1: none. */
static int64_t place_of(const char *text, const char *const *others, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!strcmp(text, others[i]))
            return i;
    return -1;
}

/* Sets the classes to those of the first list. If the user names them and all labels are among the
 * names, the names determine their order. */
static void settle_classes(struct Lists *lists, const struct Csv *csv, int64_t column) {
    const struct SourceOptions *options = lists->options;
    const char **texts = memory_array(const char *, csv->rows, "labels");
    for (int64_t row = 0; row < csv->rows; row++)
        texts[row] = csv__field(csv, row, column);
    class_list__make(&lists->classes, texts, csv->rows);
    source_set_classes(lists->source, (const char *const *)lists->classes.names,
                       lists->classes.count);
    memory_release(texts);
    lists->numbers = memory_array(int32_t, lists->classes.count, "labels");
    bool named = options->classes != NULL;
    for (int64_t i = 0; i < lists->classes.count && named; i++) {
        int64_t k = place_of(lists->classes.names[i], options->classes, options->class_count);
        lists->numbers[i] = (int32_t)k;
        named = k >= 0;
    }
    if (named)
        source_set_classes(lists->source, options->classes, options->class_count);
    for (int64_t i = 0; i < lists->classes.count && !named; i++)
        lists->numbers[i] = (int32_t)i;
}

static int add_labels(const struct Lists *lists, struct SourceSplit *split, const struct Csv *csv,
                      int64_t column, struct Error *error) {
    for (int64_t row = 0; row < csv->rows; row++) {
        const char *text = csv__field(csv, row, column);
        int64_t class = *text ? class_list__find(&lists->classes, text) : -1;
        if (class < 0)
            return fail(error, ERROR_DATA, "%s:%" PRId64 ": column '%s' is '%s', expected %s",
                        csv->path, csv->lines[1 + row], lists->label, text,
                        *text ? "a class of the first list" : "the name of a class");
        split->labels[row] = lists->numbers[class];
    }
    return OK;
}

/* Returns the only column beside the path if it holds texts, else −1. */
static int64_t find_texts(const struct Csv *csv, int64_t path) {
    struct Error ignored;
    float value;
    int64_t other = path == 0 ? 1 : 0;
    return csv->columns == 2 && csv__number(csv, 0, other, &value, &ignored) ? other : -1;
}

/* Determines the roles of the columns of the first list. */
static int settle_columns(struct Lists *lists, const struct Csv *csv, int64_t path,
                          struct Error *error) {
    struct Source *source = lists->source;
    const struct SourceOptions *options = lists->options;
    if (lists->label || source->targets.count)
        return OK;
    int64_t texts = options->target_count ? -1 : find_texts(csv, path);
    if (options->label)
        lists->label = memory_copy_text(options->label);
    else if (options->target_count)
        source_set_targets(source, options->targets, options->target_count);
    else if (texts >= 0)
        lists->label = memory_copy_text(csv__field(csv, -1, texts));
    else if (csv->columns > 1)
        take_all_targets(source, csv, path);
    else
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": has no column beside '%s'; expected targets", csv->path,
                    csv->lines[0], csv__field(csv, -1, path));
    if (!lists->label && options->classes)
        return fail_option(error, "classes", NULL, "the targets of this image list are values");
    return OK;
}

static int add_rows(struct Lists *lists, const char *name, const struct Csv *csv, int64_t path,
                    struct Error *error) {
    struct Source *source = lists->source;
    int64_t column = lists->label ? csv__column(csv, lists->label, error) : 0;
    if (column < 0)
        return error->code;
    if (lists->label && column == path)
        return fail_option(error, "label", lists->label, "is the column of the image files");
    if (lists->label && !source->targets.count)
        settle_classes(lists, csv, column);
    struct SourceSplit *split = source_add_split(source, name, csv->rows);
    add_files(lists, split, csv, path);
    return lists->label ? add_labels(lists, split, csv, column, error)
                        : add_values(source, split, csv, error);
}

/* If the first line names a file, makes it a row, because the list has no head. Returns the column
 * of the file, or −1. */
static int64_t take_head_for_row(const struct Lists *lists, struct Csv *csv) {
    for (int64_t i = 0; i < csv->columns; i++) {
        size_t start;
        char *file = find_file(csv->path, lists->options->images, csv__field(csv, -1, i), &start);
        bool found = path_is_file(file);
        memory_release(file);
        if (!found)
            continue;
        csv__name_columns(csv);
        return i;
    }
    return -1;
}

static int add_list(struct Lists *lists, const char *name, const char *file, struct Error *error) {
    struct Csv csv;
    int code = csv__read(&csv, file, error);
    int64_t path = code ? -1 : column_names__of_files(csv.fields, csv.columns);
    if (!code && path < 0)
        path = take_head_for_row(lists, &csv);
    if (!code && path < 0)
        path = csv__column(&csv, "path", error);
    if (!code && path < 0)
        code = error->code;
    if (!code)
        code = settle_columns(lists, &csv, path, error);
    if (!code)
        code = add_rows(lists, name, &csv, path, error);
    csv__release(&csv);
    return code;
}

/* Adds the lists. That of "train" comes first, because it determines the classes. */
static int add_lists(struct Lists *lists, struct Error *error) {
    const struct SourceOptions *options = lists->options;
    int code = OK, train = 0;
    if (options->path_count)
        return add_list(lists, "train", options->paths[0], error);
    for (int i = 0; i < options->split_count; i++)
        if (!strcmp(options->splits[i].name, "train"))
            train = i;
    for (int i = 0; !code && i < options->split_count; i++) {
        const struct SourceNamedPath *split = &options->splits[i == 0       ? train
                                                               : i <= train ? i - 1
                                                                            : i];
        code = add_list(lists, split->name, split->path, error);
    }
    return code;
}

static int open_lists(struct Source *source, const struct SourceOptions *options,
                      const struct Ticker *ticker, struct Error *error) {
    struct Lists lists = {.source = source, .options = options};
    if ((options->split_count > 0) == (options->path_count > 0) || options->path_count > 1)
        return fail(
            error, ERROR_USAGE,
            "format image-list: expected one FILE.csv, the split 'train', or NAME=FILE.csv for "
            "each split");
    if (options->label && options->target_count)
        return fail_option(error, "label", options->label,
                           "an image list has classes or values, not both");
    image_files__start(source, options);
    int code = add_lists(&lists, error);
    if (!code)
        code = image_files__settle(source, options, error);
    for (int i = 0; i < source->split_count && !code && options->pictures.skip_bad; i++) {
        image_files__drop_bad(source, &source->splits[i], ticker);
        if (source->splits[i].count == 0)
            code = fail(error, ERROR_DATA, "split '%s': none of its images can be used",
                        source->splits[i].name);
    }
    memory_release(lists.label);
    memory_release(lists.numbers);
    class_list__release(&lists.classes);
    return code;
}

extern const struct SourceFormat source_image_list;
const struct SourceFormat source_image_list = {
    .name = "image-list",
    .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_SIZE | SOURCE_TAKES_SKIP_BAD |
             SOURCE_TAKES_TARGETS | SOURCE_TAKES_LABEL | SOURCE_TAKES_IMAGES,
    .open = open_lists,
    .read = image_files__read,
    .name_of = image_files__name,
    .release = image_files__release};
