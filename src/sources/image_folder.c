/* Format image-folder: a folder for each split contains a folder for each class, which contains
 * pictures, also in subfolders. Classes and files are in the order of their names (byte by byte),
 * so that the order of samples is the same on every machine. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "pictures/picture_decode.h"
#include "sources/image_files.h"

/* What is needed to search all splits. */
struct Search {
    struct Source *source;
    const struct SourceOptions *options;
    const struct Ticker *ticker;
    struct BadLinks links;
    const char *reference; /* the folder of the split that determines the classes */
};

/* Adds the files of a folder and its subfolders. The first `root` bytes of their paths are not part
 * of their names. */
static int list_files(const struct Search *search, const char *path, size_t root,
                      const struct FolderNest *outer, struct Error *error) {
    struct Folder folder = {0};
    struct FolderNest nest;
    bool enters;
    int code = folder__enter(&nest, path, outer, &search->links, &enters, error);
    if (code == OK && enters)
        code = folder__list(&folder, path, &search->links, error);
    for (int64_t i = 0; i < folder.files.count && code == OK; i++)
        image_files__add(search->source->state, memory_print("%s/%s", path, folder.files.names[i]),
                         root);
    for (int64_t i = 0; i < folder.folders.count && code == OK; i++) {
        char *inner = memory_print("%s/%s", path, folder.folders.names[i]);
        code = list_files(search, inner, root, &nest, error);
        memory_release(inner);
    }
    folder__release(&folder);
    return code;
}

/* Returns the index of a class, or −1 with ERROR_DATA if the reference does not have it. */
static int64_t find_class(const struct Search *search, const char *folder, const char *name,
                          struct Error *error) {
    const struct Targets *classes = &search->source->targets;
    for (int64_t i = 0; i < classes->count; i++)
        if (strcmp(classes->names[i], name) == 0)
            return i;
    fail(error, ERROR_DATA, "%s: has a folder for class '%s', which %s does not have", folder, name,
         search->reference);
    return -1;
}

static int check_classes(const struct Search *search, const char *path, const struct Folder *folder,
                         bool is_reference, struct Error *error) {
    if (folder->folders.count == 0) {
        fail(error, ERROR_DATA,
             "%s: holds %s; expected a folder for each class (if this folder is itself a split, "
             "name it as one: train=FOLDER)",
             path, folder->files.count ? "files and no folders" : "nothing");
        return folder->files.count ? error_advise(error, ADVICE_PREDICT, path, NULL, 0)
                                   : error->code;
    }
    if (is_reference)
        source_set_classes(search->source, (const char *const *)folder->folders.names,
                           folder->folders.count);
    return OK;
}

/* Lists the folders of the classes. Sets *labels to the label of each, and *ends to the number of
 * files up to its end. The reference must have images of each class. */
static int list_classes(const struct Search *search, const char *path, const struct Folder *folder,
                        bool is_reference, int64_t *labels, int64_t *ends, struct Error *error) {
    const struct ImageFiles *state = search->source->state;
    struct FolderNest nest;
    bool enters;
    int code = folder__enter(&nest, path, NULL, &search->links, &enters, error);
    for (int64_t i = 0; i < folder->folders.count && code == OK; i++) {
        const char *name = folder->folders.names[i];
        char *inner = memory_print("%s/%s", path, name);
        int64_t before = state->files.count;
        labels[i] = find_class(search, path, name, error);
        code =
            labels[i] < 0 ? error->code : list_files(search, inner, strlen(path) + 1, &nest, error);
        ends[i] = state->files.count;
        if (code == OK && is_reference && ends[i] == before)
            code = fail(error, ERROR_DATA,
                        "%s: is the folder of a class but holds no images; expected images, or no "
                        "such folder",
                        inner);
        memory_release(inner);
    }
    return code;
}

static void add_split(struct Source *source, const char *name, int64_t first, const int64_t *labels,
                      const int64_t *ends) {
    const struct ImageFiles *state = source->state;
    struct SourceSplit *split = source_add_split(source, name, state->files.count - first);
    int64_t class = 0;
    for (int64_t i = 0; i < split->count; i++) {
        while (first + i >= ends[class])
            class ++;
        split->labels[i] = (int32_t)labels[class];
        split->items[i] = first + i;
    }
}

/* Adds pictures without folders of classes as an unlabelled split, beside a split that has
 * classes. */
static void add_unlabelled(struct Source *source, const char *name, const char *path,
                           const struct NameList *files) {
    struct ImageFiles *state = source->state;
    struct SourceSplit *split = source_add_unlabelled(source, name, files->count);
    for (int64_t i = 0; i < files->count; i++) {
        split->items[i] = state->files.count;
        image_files__add(state, memory_print("%s/%s", path, files->names[i]), strlen(path) + 1);
    }
    log_warning("%s: holds files but no folders of classes: split %s has no labels and can only be "
                "predicted",
                path, name);
}

static bool is_picture(const char *path) {
    uint8_t head[PICTURE_HEAD];
    bool reads = false;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t count = file < 0 ? 0 : read(file, head, sizeof head);
    if (file >= 0)
        close(file);
    picture_format(head, count > 0 ? (size_t)count : 0, &reads);
    return reads;
}

/* Warns of pictures that are left out because folders were expected in their place. */
static void warn_of_loose(const char *path, const struct NameList *files, const char *expected) {
    int64_t loose = 0, first = 0;
    for (int64_t i = files->count - 1; i >= 0; i--) {
        char *file = memory_print("%s/%s", path, files->names[i]);
        if (is_picture(file)) {
            loose++;
            first = i;
        }
        memory_release(file);
    }
    if (loose)
        log_warning("%s: left out %" PRId64 " picture%s beside the folders of %s, first '%s'", path,
                    loose, loose == 1 ? "" : "s", expected, files->names[first]);
}

static int list_split(const struct Search *search, const char *name, const char *path,
                      struct Error *error) {
    const struct ImageFiles *state = search->source->state;
    bool is_reference = strcmp(path, search->reference) == 0;
    int64_t first = state->files.count;
    struct Folder folder;
    int code = folder__list(&folder, path, &search->links, error);
    if (code == OK && !is_reference && folder.files.count && !folder.folders.count) {
        add_unlabelled(search->source, name, path, &folder.files);
        folder__release(&folder);
        return OK;
    }
    int64_t *labels = memory_array(int64_t, folder.folders.count, "classes");
    int64_t *ends = memory_array(int64_t, folder.folders.count, "classes");
    if (code == OK)
        code = check_classes(search, path, &folder, is_reference, error);
    if (code == OK)
        code = list_classes(search, path, &folder, is_reference, labels, ends, error);
    if (code == OK && state->files.count == first)
        code = fail(error, ERROR_DATA, "%s: its folders hold no images", path);
    if (code == OK) {
        add_split(search->source, name, first, labels, ends);
        warn_of_loose(path, &folder.files, "classes");
    }
    memory_release(labels);
    memory_release(ends);
    folder__release(&folder);
    return code;
}

/* Sets whether a folder could be a split: it holds folders or pictures, and not only logs, for
 * example. */
static int could_be_split(const char *path, bool *could, struct Error *error) {
    int64_t skipped = 0;
    const struct BadLinks links = {.skip_bad = true, .skipped = &skipped};
    struct Folder folder;
    int code = folder__list(&folder, path, &links, error);
    *could = folder.folders.count > 0;
    for (int64_t i = 0; i < folder.files.count && !*could; i++) {
        char *file = memory_print("%s/%s", path, folder.files.names[i]);
        *could = is_picture(file);
        memory_release(file);
    }
    folder__release(&folder);
    return code;
}

/* Drops the names of folders that cannot be splits, with a notice for each. */
static int keep_splits(const struct Search *search, const char *folder, struct NameList *splits,
                       struct Error *error) {
    int64_t kept = 0, count = splits->count;
    int code = OK;
    for (int64_t i = 0; i < count; i++) {
        char *path = memory_print("%s/%s", folder, splits->names[i]);
        bool could = true;
        if (code == OK)
            code = could_be_split(path, &could, error);
        if (could || code != OK) {
            splits->names[kept++] = splits->names[i];
        } else {
            char *line =
                memory_print("%s: is not a split: it holds neither folders nor images", path);
            source_notice(search->ticker, line);
            memory_release(line);
            memory_release(splits->names[i]);
        }
        memory_release(path);
    }
    splits->count = kept;
    return code;
}

/* Moves "train" to the front: the first split determines the classes. */
static void move_train_first(struct NameList *splits) {
    for (int64_t i = 1; i < splits->count; i++)
        if (strcmp(splits->names[i], "train") == 0) {
            char *train = splits->names[i];
            memmove(splits->names + 1, splits->names, (size_t)i * sizeof(char *));
            splits->names[0] = train;
        }
}

/* Returns whether the folders that should be splits are classes: pictures lie in them, and none has
 * a usual name of a split. */
static bool are_classes(const struct Search *search, const struct NameList *folders) {
    static const char *const splits[] = {"train", "val", "valid", "dev", "test", "eval"};
    for (int64_t i = 0; i < folders->count; i++)
        for (size_t k = 0; k < sizeof splits / sizeof *splits; k++)
            if (strcasestr(folders->names[i], splits[k]))
                return false;
    for (int64_t i = 0; i < folders->count; i++) {
        struct Folder folder;
        struct Error ignored = {0};
        char *path = memory_print("%s/%s", search->options->paths[0], folders->names[i]);
        int code = folder__list(&folder, path, &search->links, &ignored);
        bool found = false;
        for (int64_t k = 0; k < folder.files.count && code == OK && !found; k++) {
            char *file = memory_print("%s/%s", path, folder.files.names[k]);
            found = is_picture(file);
            memory_release(file);
        }
        folder__release(&folder);
        memory_release(path);
        if (found)
            return true;
    }
    return false;
}

/* Lists the splits if there is one path: they are the folders in it. */
static int list_source(struct Search *search, struct Error *error) {
    const char *path = search->options->paths[0];
    struct Folder folder;
    int code = folder__list(&folder, path, &search->links, error);
    struct NameList *splits = &folder.folders;
    if (code == OK)
        code = keep_splits(search, path, splits, error);
    if (code == OK && splits->count == 0)
        code = fail(error, ERROR_DATA, "%s: holds no folders; expected train/, test/ …", path);
    if (code == OK && are_classes(search, splits)) {
        fail(error, ERROR_DATA,
             "%s: its folders hold pictures, so they are classes such as '%s', not splits", path,
             splits->names[0]);
        code = error_advise(error, ADVICE_SPLIT, path, NULL, 0);
    }
    if (code == OK)
        warn_of_loose(path, &folder.files, "splits");
    move_train_first(splits);
    char *reference = code == OK ? memory_print("%s/%s", path, splits->names[0]) : NULL;
    search->reference = reference;
    for (int64_t i = 0; i < splits->count && code == OK; i++) {
        char *inner = memory_print("%s/%s", path, splits->names[i]);
        code = list_split(search, splits->names[i], inner, error);
        memory_release(inner);
    }
    memory_release(reference);
    folder__release(&folder);
    return code;
}

static int list_named(struct Search *search, struct Error *error) {
    const struct SourceOptions *options = search->options;
    int reference = 0, code = OK;
    for (int i = 0; i < options->split_count; i++)
        if (strcmp(options->splits[i].name, "train") == 0)
            reference = i;
    search->reference = options->splits[reference].path;
    code = list_split(search, options->splits[reference].name, search->reference, error);
    for (int i = 0; i < options->split_count && code == OK; i++)
        if (i != reference)
            code = list_split(search, options->splits[i].name, options->splits[i].path, error);
    return code;
}

/* Fails unless the reference has kept images of each class, and every other split at least one
 * image. */
static int check_kept(const struct Source *source, const struct SourceSplit *split,
                      bool is_reference, struct Error *error) {
    if (split->count == 0)
        return fail(error, ERROR_DATA, "split '%s': none of its images can be used", split->name);
    if (!split->labels)
        return OK;
    bool *present = memory_array(bool, source->targets.count, "classes");
    for (int64_t i = 0; i < split->count; i++)
        present[split->labels[i]] = true;
    int code = OK;
    for (int64_t label = 0; label < source->targets.count && code == OK && is_reference; label++)
        if (!present[label])
            code = fail(error, ERROR_DATA, "split '%s': no image of class '%s' can be used",
                        split->name, source->targets.names[label]);
    memory_release(present);
    return code;
}

static int check_options(const struct SourceOptions *options, struct Error *error) {
    if (options->split_count == 0 && options->path_count != 1)
        return fail(
            error, ERROR_USAGE,
            "format image-folder: expected one path with a folder for each split, or NAME=FOLDER "
            "for each split; found %d paths",
            options->path_count);
    if (options->split_count > 0 && options->path_count > 0)
        return fail(
            error, ERROR_USAGE,
            "format image-folder: splits are named one by one, so '%s' is one path too many",
            options->paths[0]);
    if (options->classes)
        return fail_option(error, "classes", NULL, "the folders name the classes");
    return OK;
}

static int open_folders(struct Source *source, const struct SourceOptions *options,
                        const struct Ticker *ticker, struct Error *error) {
    struct Search search = {.source = source,
                            .options = options,
                            .ticker = ticker,
                            .links = {options->pictures.skip_bad, &source->skipped, ticker}};
    int code = check_options(options, error);
    if (code != OK)
        return code;
    image_files__start(source, options);
    code = options->split_count > 0 ? list_named(&search, error) : list_source(&search, error);
    if (code == OK)
        code = image_files__settle(source, options, error);
    for (int i = 0; i < source->split_count && code == OK && options->pictures.skip_bad; i++) {
        image_files__drop_bad(source, &source->splits[i], ticker);
        code = check_kept(source, &source->splits[i], i == 0, error);
    }
    return code;
}

extern const struct SourceFormat source_image_folder;
const struct SourceFormat source_image_folder = {.name = "image-folder",
                                                 .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_SIZE |
                                                          SOURCE_TAKES_SKIP_BAD,
                                                 .open = open_folders,
                                                 .read = image_files__read,
                                                 .name_of = image_files__name,
                                                 .release = image_files__release};
