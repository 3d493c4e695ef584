/* Formats numpy and matlab: arrays of NPY and NPZ files, and of MATLAB's files. Their names say
 * what they hold: x_train, y_train, train_images, test_labels and the like; arr_0, arr_1 and so on
 * are taken in order. A single array without a name has the file's name. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "sources/folder.h"
#include "sources/mat.h"
#include "sources/npy.h"

#define MOST_ARRAYS 200

enum Role { ROLE_NONE, ROLE_IMAGES, ROLE_LABELS };

/* An array that was found but not read yet. */
struct Found {
    char *path, *name; /* the file, and the name of the array */
    struct Npz *npz;   /* at most one of these is set; if none is, the file is an NPY file */
    struct Mat *mat;
    int index;
    enum Role role;
    const char *split;
};

struct Finding {
    struct Found found[MOST_ARRAYS];
    int count;
    struct Npz *opened[MOST_ARRAYS];
    struct Mat *opened_mats[MOST_ARRAYS];
    int opened_count, mat_count;
};

static void release_finding(struct Finding *finding) {
    for (int i = 0; i < finding->count; i++) {
        memory_release(finding->found[i].path);
        memory_release(finding->found[i].name);
    }
    for (int i = 0; i < finding->opened_count; i++)
        npz__close(finding->opened[i]);
    for (int i = 0; i < finding->mat_count; i++)
        mat__close(finding->opened_mats[i]);
}

static bool is_word(const char *word, size_t length, const char *const *words) {
    for (; *words; words++)
        if (strlen(*words) == length && !strncasecmp(*words, word, length))
            return true;
    return false;
}

/* Interprets one word of a name, such as "x" or "train" of x_train. */
static void take_word(struct Found *found, const char *word, size_t length) {
    static const char *const train[] = {"train", "training", "tr", NULL},
                             *const validation[] = {"val", "valid", "validation", "dev", NULL},
                             *const test[] = {"test", "testing", "te", "t10k", NULL},
                             *const images[] = {"x",     "images",  "image",    "imgs",
                                                "img",   "data",    "features", "inputs",
                                                "input", "samples", NULL},
                             *const labels[] = {"y",       "labels", "label",   "targets", "target",
                                                "classes", "class",  "outputs", "output",  NULL};
    if (is_word(word, length, train))
        found->split = "train";
    else if (is_word(word, length, validation))
        found->split = "validation";
    else if (is_word(word, length, test))
        found->split = "test";
    else if (is_word(word, length, images))
        found->role = ROLE_IMAGES;
    else if (is_word(word, length, labels))
        found->role = ROLE_LABELS;
}

/* Interprets a name. Words end at characters other than letters and digits, and before a capital
 * that follows a small letter. */
static void take_name(struct Found *found) {
    const char *at = found->name;
    while (*at) {
        size_t length = 0;
        while (isalnum((unsigned char)at[length]) &&
               !(length && isupper((unsigned char)at[length]) &&
                 islower((unsigned char)at[length - 1])))
            length++;
        take_word(found, at, length);
        at += length;
        at += *at && !isalnum((unsigned char)*at);
    }
}

/* Adds array `index` of a file that holds several, or of an NPY file. */
static int add_found(struct Finding *finding, const char *path, const char *name, struct Npz *npz,
                     struct Mat *mat, int index, struct Error *error) {
    if (finding->count == MOST_ARRAYS)
        return fail(error, ERROR_DATA, "%s: is one array too many; expected at most %d", path,
                    MOST_ARRAYS);
    struct Found *found = &finding->found[finding->count++];
    *found = (struct Found){
        memory_copy_text(path), memory_copy_text(name), npz, mat, index, ROLE_NONE, NULL};
    take_name(found);
    return OK;
}

/* Returns the name of a file without folder and extension. The caller releases it. */
static char *stem_of(const char *path) {
    const char *base = path_base(path), *dot = strrchr(base, '.');
    return memory_copy_span(base, dot ? (size_t)(dot - base) : strlen(base));
}

static bool is_numbered(const char *name) {
    return !strncmp(name, "arr_", 4) && isdigit((unsigned char)name[4]);
}

/* Fails if no more files can be kept open. */
static int check_room(int count, const char *path, struct Error *error) {
    return count < MOST_ARRAYS
               ? OK
               : fail(error, ERROR_DATA, "%s: is one file too many; expected at most %d", path,
                      MOST_ARRAYS);
}

static int add_npz(struct Finding *finding, const char *path, struct Error *error) {
    struct Npz *npz;
    int code = check_room(finding->opened_count, path, error);
    if (code == OK)
        code = npz__open(&npz, path, error);
    if (code != OK)
        return code;
    finding->opened[finding->opened_count++] = npz;
    int count = npz__count(npz), arrays = 0;
    for (int i = 0; i < count; i++)
        arrays += npz__name(npz, i) != NULL;
    char *stem = stem_of(path);
    for (int i = 0; i < count && code == OK; i++)
        if (npz__name(npz, i)) {
            bool alone = arrays == 1 && is_numbered(npz__name(npz, i));
            code = add_found(finding, path, alone ? stem : npz__name(npz, i), npz, NULL, i, error);
        }
    memory_release(stem);
    return code;
}

/* Adds the arrays of a MATLAB file. If it has two arrays, X and y, the file's name, such as
 * train_32x32.mat, gives the split. */
static int add_mat(struct Finding *finding, const char *path, struct Error *error) {
    struct Mat *mat;
    int code = check_room(finding->mat_count, path, error);
    if (code == OK)
        code = mat__open(&mat, path, error);
    if (code != OK)
        return code;
    finding->opened_mats[finding->mat_count++] = mat;
    struct Found file = {.name = stem_of(path)};
    take_name(&file);
    for (int i = 0; i < mat__count(mat) && code == OK; i++) {
        code = add_found(finding, path, mat__name(mat, i), NULL, mat, i, error);
        struct Found *found = &finding->found[finding->count - 1];
        if (code == OK && !found->split)
            found->split = file.split;
    }
    memory_release(file.name);
    return code;
}

static int add_file(struct Finding *finding, const char *path, struct Error *error) {
    if (mat__is_one(path))
        return add_mat(finding, path, error);
    if (text_ends_with(path, ".npz"))
        return add_npz(finding, path, error);
    if (access(path, R_OK) != 0)
        return fail_errno(error, "%s: cannot open", path);
    if (!npy__is_one(path))
        return fail(error, ERROR_DATA, "%s: %s", path,
                    file_kind_at(path)
                        ? file_kind_at(path)
                        : "does not begin like an array of NumPy or a file of MATLAB");
    char *stem = stem_of(path);
    int code = add_found(finding, path, stem, NULL, NULL, 0, error);
    memory_release(stem);
    return code;
}

/* Adds a file, or the NPY, NPZ and MAT files of a folder. */
static int add_path(struct Finding *finding, const char *path, const struct Ticker *ticker,
                    struct Error *error) {
    int64_t skipped = 0;
    const struct BadLinks links = {.skip_bad = true, .skipped = &skipped, .ticker = ticker};
    struct Folder folder;
    if (!path_is_folder(path))
        return add_file(finding, path, error);
    int code = folder__list(&folder, path, &links, error);
    for (int64_t i = 0; i < folder.files.count && code == OK; i++) {
        const char *name = folder.files.names[i];
        char *file = memory_print("%s/%s", path, name);
        if (text_ends_with(name, ".npy") || text_ends_with(name, ".npz") ||
            text_ends_with(name, ".mat"))
            code = add_file(finding, file, error);
        memory_release(file);
    }
    folder__release(&folder);
    return code;
}

/* Gives arrays that are only numbered their roles: images and labels of "train", then of "test". */
static void take_order(struct Finding *finding) {
    static const char *const splits[] = {"train", "test"};
    for (int i = 0; i < finding->count; i++)
        if (!is_numbered(finding->found[i].name) || finding->count > 4 || finding->count % 2)
            return;
    for (int i = 0; i < finding->count; i++) {
        struct Found *found = &finding->found[i];
        int number = found->name[4] - '0';
        found->role = number % 2 ? ROLE_LABELS : ROLE_IMAGES;
        found->split = splits[number / 2 % 2];
    }
}

static int read_found(const struct Found *found, struct Array *array, struct Error *error) {
    return found->npz   ? npz__read(found->npz, found->index, array, error)
           : found->mat ? mat__read(found->mat, found->index, array, error)
                        : npy__open(found->path, array, error);
}

static bool has_size(const struct Array *array, int64_t size) {
    for (int i = 0; i < array->rank; i++)
        if (array->size[i] == size)
            return true;
    return false;
}

/* In MATLAB, samples are often the last dimension: (32,32,3,N) or (784,N). The number of labels, N,
 * shows it. Sets *axes if samples come last, and leaves it if they come first. */
static int order_of_matlab(const struct Array *images, struct Array *labels, const char **axes,
                           struct Error *error) {
    static const char *const last[] = {NULL, NULL, "FN", "HWN", "HWCN"};
    int rank = images->rank;
    bool first = has_size(labels, images->size[0]);
    bool samples_last = !first && rank <= 4 && has_size(labels, images->size[rank - 1]);
    if (!first && !samples_last) {
        struct Text shapes = {0};
        text_add_shape(&shapes, images->size, rank);
        text_add(&shapes, " and %s ", labels->name);
        text_add_shape(&shapes, labels->size, labels->rank);
        fail(error, ERROR_DATA, "%s: has shape %s; expected as many labels as images", images->name,
             shapes.data);
        text_release(&shapes);
        return error->code;
    }
    int64_t count = images->size[first ? 0 : rank - 1];
    if (labels->rank == 2 && labels->size[0] != count) {
        int64_t size = labels->size[0], stride = labels->stride[0];
        labels->size[0] = count;
        labels->stride[0] = labels->stride[1];
        labels->size[1] = size;
        labels->stride[1] = stride;
    }
    if (samples_last)
        *axes = last[rank];
    return OK;
}

static const struct Found *find(const struct Finding *finding, const char *split, enum Role role) {
    for (int i = 0; i < finding->count; i++)
        if (finding->found[i].role == role &&
            !strcmp(finding->found[i].split ? finding->found[i].split : "train", split))
            return &finding->found[i];
    return NULL;
}

static int add_pair(struct Source *source, const char *split, const struct Found *images,
                    const struct Found *labels, const struct SourceOptions *options,
                    struct Error *error) {
    struct Array pixels = {.file = -1}, truth = {.file = -1};
    int code = read_found(images, &pixels, error);
    if (code == OK)
        code = read_found(labels, &truth, error);
    struct SourceOptions ordered = *options;
    if (code == OK && images->mat && !options->arrays.axes)
        code = order_of_matlab(&pixels, &truth, &ordered.arrays.axes, error);
    if (code == OK)
        code = arrays__add(source, split, &pixels, &truth, &ordered, error);
    array__release(&pixels);
    array__release(&truth);
    return code;
}

/* Fails with a message that lists what was found. */
static int refuse(const struct Finding *finding, const char *path, const char *what,
                  struct Error *error) {
    struct Text names = {0};
    for (int i = 0; i < finding->count && i < 20; i++)
        text_add(&names, "%s%s", i ? ", " : "", finding->found[i].name);
    int code = fail(error, ERROR_DATA,
                    "%s: holds %s; expected %s, as in x_train with y_train or train_images with "
                    "train_labels",
                    path, names.length ? names.data : "no arrays", what);
    text_release(&names);
    return finding->count == 2 ? error_advise(error, ADVICE_PAIR, path, NULL, 0) : code;
}

/* Adds a named split of one or two arrays. The names of two arrays say which holds the images;
 * otherwise images come first. */
static int add_finding(struct Source *source, const struct Finding *finding, const char *path,
                       const char *split, const struct SourceOptions *options,
                       struct Error *error) {
    const struct Found *images = NULL, *labels = NULL;
    for (int i = 0; i < finding->count; i++) {
        const struct Found *found = &finding->found[i];
        images = found->role == ROLE_IMAGES && !images ? found : images;
        labels = found->role == ROLE_LABELS && !labels ? found : labels;
    }
    if (finding->count == 2 && (!images || !labels)) {
        images = &finding->found[0];
        labels = &finding->found[1];
    }
    if (!images || !labels)
        return refuse(finding, path, "images and labels", error);
    return add_pair(source, split, images, labels, options, error);
}

/* Adds a split given as NAME=FILE.npz or NAME=IMAGES.npy,LABELS.npy. */
static int add_named(struct Source *source, const struct SourceNamedPath *split,
                     const struct SourceOptions *options, const struct Ticker *ticker,
                     struct Error *error) {
    struct Finding *finding = memory_allocate(sizeof *finding, "arrays");
    const char *comma = access(split->path, F_OK) ? strchr(split->path, ',') : NULL;
    char *first = comma ? memory_copy_span(split->path, (size_t)(comma - split->path))
                        : memory_copy_text(split->path);
    int code = add_path(finding, first, ticker, error);
    if (code == OK && comma)
        code = add_path(finding, comma + 1, ticker, error);
    if (code == OK)
        code = add_finding(source, finding, split->path, split->name, options, error);
    release_finding(finding);
    memory_release(finding);
    memory_release(first);
    return code;
}

static int add_splits(struct Source *source, const struct Finding *finding,
                      const struct SourceOptions *options, struct Error *error) {
    static const char *const splits[] = {"train", "validation", "test"};
    int code = OK;
    for (int i = 0; i < 3 && code == OK; i++) {
        const struct Found *images = find(finding, splits[i], ROLE_IMAGES);
        const struct Found *labels = find(finding, splits[i], ROLE_LABELS);
        if (images && labels)
            code = add_pair(source, splits[i], images, labels, options, error);
        else if (images || labels)
            log_warning("split %s has %s but no %s, and is not read", splits[i],
                        (images ? images : labels)->name, images ? "labels" : "images");
    }
    if (code == OK && source->split_count == 0)
        code = refuse(finding, options->paths[0], "images and labels", error);
    return code;
}

static int add_paths(struct Source *source, const struct SourceOptions *options,
                     const struct Ticker *ticker, struct Error *error) {
    struct Finding *finding = memory_allocate(sizeof *finding, "arrays");
    int code = OK;
    for (int i = 0; i < options->path_count && code == OK; i++)
        code = add_path(finding, options->paths[i], ticker, error);
    take_order(finding);
    if (code == OK)
        code = add_splits(source, finding, options, error);
    release_finding(finding);
    memory_release(finding);
    return code;
}

static int open_numpy(struct Source *source, const struct SourceOptions *options,
                      const struct Ticker *ticker, struct Error *error) {
    if ((options->split_count > 0) == (options->path_count > 0))
        return fail(error, ERROR_USAGE,
                    "format %s: expected files or folders of arrays, or NAME=FILE.npz or "
                    "NAME=IMAGES.npy,LABELS.npy for each split",
                    options->format);
    arrays__start(source);
    struct Arrays *state = source->state;
    state->transposed = options->arrays.transpose == TRANSPOSE_YES;
    int code = options->path_count ? add_paths(source, options, ticker, error) : OK;
    for (int i = 0; i < options->split_count && code == OK; i++)
        code = add_named(source, &options->splits[i], options, ticker, error);
    if (code == OK)
        arrays__name_classes(source, options);
    return code;
}

extern const struct SourceFormat source_numpy;
const struct SourceFormat source_numpy = {.name = "numpy",
                                          .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_ARRAYS |
                                                   SOURCE_TAKES_AXES,
                                          .open = open_numpy,
                                          .read = arrays__read,
                                          .release = arrays__release};
extern const struct SourceFormat source_matlab;
const struct SourceFormat source_matlab = {.name = "matlab",
                                           .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_ARRAYS |
                                                    SOURCE_TAKES_AXES,
                                           .open = open_numpy,
                                           .read = arrays__read,
                                           .release = arrays__release};
