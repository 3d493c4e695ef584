/* Format stl10: the binary files (https://cs.stanford.edu/~acoates/stl10/). An image is 3 planes of
 * 96x96 bytes, red, green and blue, each stored column by column. A label is one byte, from 1
 * on. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "sources/arrays.h"
#include "sources/class_list.h"

#define SIDE 96
#define PLANE (SIDE * SIDE)
#define CLASSES 10
#define IMAGES_END "_X.bin"
#define LABELS_END "_y.bin"

/* Opens a file of rows of `row` bytes, and sets *count to how many it has. */
static int open_rows(const char *path, int64_t row, struct Array *array, int64_t *count,
                     struct Error *error) {
    struct stat about;
    *array = (struct Array){.name = memory_copy_text(path),
                            .kind = NUMBER_UNSIGNED,
                            .element = 1,
                            .file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (array->file < 0 || fstat(array->file, &about) != 0)
        return fail_errno(error, "%s: cannot open", path);
    if (!S_ISREG(about.st_mode) || about.st_size == 0 || about.st_size % row != 0)
        return fail(error, ERROR_DATA,
                    "%s: %" PRId64 " bytes; expected a multiple of %" PRId64
                    ", as in the binary version of STL-10",
                    path, (int64_t)about.st_size, row);
    *count = about.st_size / row;
    return OK;
}

static int open_images(const char *path, struct Array *images, struct Error *error) {
    int64_t count = 0;
    int code = open_rows(path, 3 * PLANE, images, &count, error);
    images->rank = 4;
    memcpy(images->size, (int64_t[]){count, SIDE, SIDE, 3}, 4 * sizeof(int64_t));
    memcpy(images->stride, (int64_t[]){3 * PLANE, 1, SIDE, PLANE}, 4 * sizeof(int64_t));
    return code;
}

static int open_labels(const char *path, struct Array *labels, struct Error *error) {
    labels->rank = 1;
    int code = open_rows(path, 1, labels, &labels->size[0], error);
    labels->rank = labels->stride[0] = 1;
    return code;
}

/* Returns the path of the labels, "data/train_y.bin" for "data/train_X.bin". The caller releases
 * it. */
static char *labels_of(const char *images) {
    return memory_print("%.*s" LABELS_END, (int)(strlen(images) - strlen(IMAGES_END)), images);
}

/* Adds a file of images. Its name gives the split; "unlabeled" has no labels. */
static int add_file(struct Source *source, const char *path, const struct SourceOptions *options,
                    struct Error *error) {
    const char *base = path_base(path);
    if (!text_ends_with(base, IMAGES_END) || strlen(base) == strlen(IMAGES_END))
        return fail(error, ERROR_DATA,
                    "%s: expected a folder with train" IMAGES_END ", or a file called so", path);
    char *split = memory_copy_span(base, strlen(base) - strlen(IMAGES_END));
    char *truth = labels_of(path);
    bool is_labelled = strcmp(split, "unlabeled") != 0;
    struct Array images = {.file = -1}, labels = {.file = -1};
    int code = source_find_split(source, split)
                   ? fail(error, ERROR_DATA, "%s: is a second file of split '%s'", path, split)
                   : open_images(path, &images, error);
    if (code == OK && is_labelled)
        code = open_labels(truth, &labels, error);
    if (code == OK)
        code = arrays__add(source, split, &images, is_labelled ? &labels : NULL, options, error);
    const struct Arrays *state = source->state;
    if (code == OK && state->last_label >= CLASSES)
        code = fail(error, ERROR_DATA, "%s: has a label %d; expected 1 ... %d", truth,
                    state->last_label + 1, CLASSES);
    array__release(&images);
    array__release(&labels);
    memory_release(split);
    memory_release(truth);
    return code;
}

/* Returns the archive's folder inside `source` if there is one, else `source` itself. The caller
 * releases it. */
static char *archive_folder(const char *source) {
    char *inner = path_inner_folder(source, "stl10_binary");
    return inner ? inner : memory_copy_text(source);
}

/* Adds the files of a folder. The training images must exist; the others need not. */
static int add_folder(struct Source *source, const char *folder,
                      const struct SourceOptions *options, struct Error *error) {
    static const char *const splits[] = {"train", "test", "unlabeled"};
    int code = OK;
    for (int i = 0; i < 3 && code == OK; i++) {
        char *path = memory_print("%s/%s" IMAGES_END, folder, splits[i]);
        if (i == 0 || access(path, F_OK) == 0)
            code = add_file(source, path, options, error);
        memory_release(path);
    }
    return code;
}

/* Names the classes by the archive's file of names, or, without it, by the names that are known
 * here. */
static int name_classes(struct Source *source, const char *folder, struct Error *error) {
    static const char *const known[CLASSES] = {"airplane", "bird",  "car",    "cat",  "deer",
                                               "dog",      "horse", "monkey", "ship", "truck"};
    source_set_classes(source, known, CLASSES);
    char *path = memory_print("%s/class_names.txt", folder);
    int code = class_names__read(source, path, CLASSES, true, error);
    memory_release(path);
    return code;
}

static int open_stl10(struct Source *source, const struct SourceOptions *options,
                      const struct Ticker *ticker, struct Error *error) {
    (void)ticker;
    struct SourceOptions counted = *options;
    counted.arrays.first_label = 1;
    if (options->path_count == 0)
        return fail_option(error, "format", "stl10",
                           "expected the folder of its binary version, or files such as "
                           "train" IMAGES_END);
    arrays__start(source);
    bool is_folder = path_is_folder(options->paths[0]);
    char *folder = is_folder ? archive_folder(options->paths[0]) : path_folder(options->paths[0]);
    int code = OK;
    for (int i = 0; i < options->path_count && code == OK; i++)
        code = is_folder && i == 0 ? add_folder(source, folder, &counted, error)
                                   : add_file(source, options->paths[i], &counted, error);
    if (code == OK)
        code = name_classes(source, folder, error);
    memory_release(folder);
    return code;
}

extern const struct SourceFormat source_stl10;
const struct SourceFormat source_stl10 = {
    .name = "stl10", .open = open_stl10, .read = arrays__read, .release = arrays__release};
