/* Format image-list: a CSV file for each split, with column names in its first line. Column "path"
 * names an image file, absolute or relative to the list's folder. The columns that the user names
 * are its targets; if none is named, all others are. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "sources/csv.h"
#include "sources/image_files.h"

static void take_all_targets(struct Source *source, const struct Csv *csv, int64_t path) {
    const char **names = memory_array(const char *, csv->columns, "target names");
    int64_t count = 0;
    for (int64_t i = 0; i < csv->columns; i++)
        if (i != path)
            names[count++] = csv__field(csv, -1, i);
    source_set_targets(source, names, count);
    memory_release(names);
}

static char *file_beside(const char *list, const char *path) {
    const char *slash = strrchr(list, '/');
    if (path[0] == '/' || !slash)
        return memory_copy_text(path);
    return memory_print("%.*s/%s", (int)(slash - list), list, path);
}

static int add_rows(struct Source *source, const char *name, const struct Csv *csv, int64_t path,
                    struct Error *error) {
    struct ImageFiles *state = source->state;
    struct SourceSplit *split = source_add_split(source, name, csv->rows);
    for (int64_t row = 0; row < csv->rows; row++) {
        split->items[row] = state->files.count;
        name_list__add(&state->files, file_beside(csv->path, csv__field(csv, row, path)));
        name_list__add(&state->lines, memory_print("%s:%" PRId64, csv->path, csv->lines[1 + row]));
    }
    for (int64_t k = 0; k < targets_values(&source->targets); k++) {
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

static int add_list(struct Source *source, const char *name, const char *file,
                    struct Error *error) {
    struct Csv csv;
    int code = csv__read(&csv, file, error);
    int64_t path = code ? -1 : csv__column(&csv, "path", error);
    if (!code && path < 0)
        code = error->code;
    if (!code && source->targets.count == 0)
        take_all_targets(source, &csv, path);
    if (!code && source->targets.count == 0)
        code =
            fail(error, ERROR_DATA, "%s:%" PRId64 ": has no column beside 'path'; expected targets",
                 csv.path, csv.lines[0]);
    if (!code)
        code = add_rows(source, name, &csv, path, error);
    csv__release(&csv);
    return code;
}

static int open_lists(struct Source *source, const struct SourceOptions *options,
                      const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    if ((options->split_count > 0) == (options->path_count > 0) || options->path_count > 1)
        return fail(
            error, ERROR_USAGE,
            "format image-list: expected one FILE.csv, the split 'train', or NAME=FILE.csv for "
            "each split");
    if (options->classes)
        return fail_option(error, "classes", NULL, "the targets of an image list are values");
    image_files__start(source, options);
    if (options->target_count)
        source_set_targets(source, options->targets, options->target_count);
    int code = OK;
    if (options->path_count)
        code = add_list(source, "train", options->paths[0], error);
    for (int i = 0; !code && i < options->split_count; i++)
        code = add_list(source, options->splits[i].name, options->splits[i].path, error);
    return code ? code : image_files__take_size(source, false, error);
}

extern const struct SourceFormat source_image_list;
const struct SourceFormat source_image_list = {.name = "image-list",
                                               .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_SIZE |
                                                        SOURCE_TAKES_TARGETS,
                                               .open = open_lists,
                                               .read = image_files__read,
                                               .release = image_files__release};
