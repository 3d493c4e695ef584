/* Format image-folder: a folder for each split holds a folder for each class, which holds JPEG and
 * PNG files. Classes and files are taken in the order of their names (byte by byte), so that the
 * order of samples is the same on every machine. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "sources/image_files.h"

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entries of a folder without the hidden ones, sorted: its folders, and everything else. */
static int list_folder(const char *folder, struct NameList *folders, struct NameList *files,
                       struct Error *error) {
    DIR *stream = opendir(folder);
    if (!stream)
        return fail_errno(error, "%s: cannot open folder", folder);
    int code = OK;
    for (struct dirent *entry; code == OK && (errno = 0, entry = readdir(stream));) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = memory_print("%s/%s", folder, entry->d_name);
        struct stat about;
        if (stat(path, &about) != 0)
            code = fail_errno(error, "%s: cannot open", path);
        else
            name_list__add(S_ISDIR(about.st_mode) ? folders : files,
                           memory_copy_text(entry->d_name));
        memory_release(path);
    }
    if (code == OK && errno != 0)
        code = fail_errno(error, "%s: cannot read folder", folder);
    closedir(stream);
    if (folders->count > 0)
        qsort(folders->names, (size_t)folders->count, sizeof(char *), compare_names);
    if (files->count > 0)
        qsort(files->names, (size_t)files->count, sizeof(char *), compare_names);
    return code;
}

static bool has_image_name(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 ||
                   strcasecmp(dot, ".png") == 0);
}

static void notice(const struct Ticker *ticker, const char *line) {
    if (ticker && ticker->notice)
        ticker->notice(ticker->context, line);
}

/* Adds the images in the folder of one class to state->files. */
static int list_class(struct ImageFiles *state, const char *folder, bool skip_bad, int64_t *skipped,
                      const struct Ticker *ticker, struct Error *error) {
    struct NameList folders = {0}, files = {0};
    int code = list_folder(folder, &folders, &files, error);
    if (code == OK && folders.count > 0)
        code = fail(error, ERROR_DATA, "%s: is a folder; expected images of one class",
                    folders.names[0]);
    if (code == OK && folders.count > 0)
        error_context(error, "%s", folder);
    int64_t before = state->files.count;
    for (int64_t i = 0; i < files.count && code == OK; i++) {
        char *path = memory_print("%s/%s", folder, files.names[i]);
        if (has_image_name(files.names[i])) {
            name_list__add(&state->files, path);
            continue;
        }
        code = fail(error, ERROR_DATA, "%s: neither .jpg, .jpeg nor .png", path);
        memory_release(path);
        if (skip_bad) {
            notice(ticker, error->text);
            code = OK;
            ++*skipped;
        }
    }
    if (code == OK && state->files.count == before)
        code = fail(error, ERROR_DATA, "%s: is the folder of a class, and holds no images", folder);
    name_list__release(&folders);
    name_list__release(&files);
    return code;
}

/* All splits must have the classes of the first. */
static int agree_on_classes(struct Source *source, const char *first_folder, const char *folder,
                            const struct NameList *classes, struct Error *error) {
    if (!source->targets.names) {
        source_set_classes(source, (const char *const *)classes->names, classes->count);
        return OK;
    }
    int64_t i = 0, j = 0;
    while (i < source->targets.count || j < classes->count) {
        int order = i == source->targets.count ? 1
                    : j == classes->count      ? -1
                                          : strcmp(source->targets.names[i], classes->names[j]);
        if (order < 0)
            return fail(error, ERROR_DATA, "%s: no folder for class '%s', which %s has", folder,
                        source->targets.names[i], first_folder);
        if (order > 0)
            return fail(error, ERROR_DATA,
                        "%s: has a folder for class '%s', which %s does not have", folder,
                        classes->names[j], first_folder);
        i++;
        j++;
    }
    return OK;
}

static int list_split(struct Source *source, const struct SourceOptions *options, const char *name,
                      const char *folder, const char *first_folder, const struct Ticker *ticker,
                      struct Error *error) {
    struct ImageFiles *state = source->state;
    struct NameList classes = {0}, others = {0};
    int64_t first = state->files.count, *ends = NULL;
    int code = list_folder(folder, &classes, &others, error);
    if (code == OK && classes.count == 0)
        code = fail(
            error, ERROR_DATA,
            "%s: holds %s; expected a folder for each class (if this folder is itself a split, "
            "name it as one: train=FOLDER)",
            folder, others.count ? "files and no folders" : "nothing");
    if (code == OK)
        code = agree_on_classes(source, first_folder, folder, &classes, error);
    ends = memory_array(int64_t, classes.count, "classes");
    for (int64_t i = 0; i < classes.count && code == OK; i++) {
        char *path = memory_print("%s/%s", folder, classes.names[i]);
        code = list_class(state, path, options->skip_bad, &source->skipped, ticker, error);
        ends[i] = state->files.count;
        memory_release(path);
    }
    if (code == OK) {
        struct SourceSplit *split = source_add_split(source, name, state->files.count - first);
        int32_t label = 0;
        for (int64_t i = 0; i < split->count; i++) {
            while (first + i >= ends[label])
                label++;
            split->labels[i] = label;
            split->items[i] = first + i;
        }
    }
    memory_release(ends);
    name_list__release(&classes);
    name_list__release(&others);
    return code;
}

/* A folder that holds neither folders nor images (logs, results) is not a split. */
static int could_be_split(const char *folder, bool *could, struct Error *error) {
    struct NameList folders = {0}, files = {0};
    int code = list_folder(folder, &folders, &files, error);
    *could = folders.count > 0;
    for (int64_t i = 0; i < files.count && !*could; i++)
        *could = has_image_name(files.names[i]);
    name_list__release(&folders);
    name_list__release(&files);
    return code;
}

/* Drops the names of folders that cannot be splits, with a notice for each. */
static int keep_splits(const char *folder, struct NameList *splits, const struct Ticker *ticker,
                       struct Error *error) {
    int64_t kept = 0;
    int code = OK;
    for (int64_t i = 0; i < splits->count; i++) {
        char *path = memory_print("%s/%s", folder, splits->names[i]);
        bool could = true;
        if (code == OK)
            code = could_be_split(path, &could, error);
        if (could) {
            splits->names[kept++] = splits->names[i];
        } else {
            char *line =
                memory_print("%s: is not a split: it holds neither folders nor images", path);
            notice(ticker, line);
            memory_release(line);
            memory_release(splits->names[i]);
        }
        memory_release(path);
    }
    splits->count = kept;
    return code;
}

/* The folders in the only path are the splits; "train" comes first. */
static int list_source(struct Source *source, const struct SourceOptions *options,
                       const struct Ticker *ticker, struct Error *error) {
    struct NameList splits = {0}, others = {0};
    const char *folder = options->paths[0];
    int code = list_folder(folder, &splits, &others, error);
    if (code == OK)
        code = keep_splits(folder, &splits, ticker, error);
    if (code == OK && splits.count == 0)
        code = fail(error, ERROR_DATA, "%s: holds no folders; expected train/, test/ …", folder);
    for (int64_t i = 1; i < splits.count; i++)
        if (strcmp(splits.names[i], "train") == 0) {
            char *train = splits.names[i];
            memmove(splits.names + 1, splits.names, (size_t)i * sizeof(char *));
            splits.names[0] = train;
        }
    char *first = splits.count ? memory_print("%s/%s", folder, splits.names[0]) : NULL;
    for (int64_t i = 0; i < splits.count && code == OK; i++) {
        char *path = memory_print("%s/%s", folder, splits.names[i]);
        code = list_split(source, options, splits.names[i], path, first, ticker, error);
        memory_release(path);
    }
    memory_release(first);
    name_list__release(&splits);
    name_list__release(&others);
    return code;
}

static int list_named(struct Source *source, const struct SourceOptions *options,
                      const struct Ticker *ticker, struct Error *error) {
    int code = OK;
    for (int i = 0; i < options->split_count && code == OK; i++)
        code = list_split(source, options, options->splits[i].name, options->splits[i].path,
                          options->splits[0].path, ticker, error);
    return code;
}

/* Decodes images [first, first + count) of a split and moves those that can be used to `kept` and
 * after it. Returns how many images of the split have been kept so far. */
static int64_t keep_good(struct Source *source, struct SourceSplit *split, int64_t first,
                         int64_t count, int64_t kept, struct Error *errors,
                         const struct Ticker *ticker) {
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = 0; i < count; i++) {
        errors[i].code = OK;
        image_files__load(source, split->items[first + i], NULL, &errors[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        if (errors[i].code != OK) {
            notice(ticker, errors[i].text);
            source->skipped++;
            continue;
        }
        split->items[kept] = split->items[first + i];
        split->labels[kept++] = split->labels[first + i];
    }
    return kept;
}

/* Decodes every image of a split once to find out which can be used: a source tells the number of
 * its samples before it reads the first. */
static int drop_bad(struct Source *source, struct SourceSplit *split, const struct Ticker *ticker,
                    struct Error *error) {
    const int64_t batch = 1024;
    struct Error *errors = memory_array(struct Error, batch, "errors of images");
    int64_t kept = 0;
    for (int64_t first = 0; first < split->count; first += batch) {
        int64_t count = split->count - first < batch ? split->count - first : batch;
        kept = keep_good(source, split, first, count, kept, errors, ticker);
    }
    memory_release(errors);
    split->count = kept;
    for (int64_t label = 0; label < source->targets.count; label++) {
        bool present = false;
        for (int64_t i = 0; i < kept && !present; i++)
            present = split->labels[i] == label;
        if (!present)
            return fail(error, ERROR_DATA, "split '%s': no image of class '%s' can be used",
                        split->name, source->targets.names[label]);
    }
    return OK;
}

static int open_folders(struct Source *source, const struct SourceOptions *options,
                        const struct Ticker *ticker, struct Error *error) {
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
    image_files__start(source, options);
    int code = options->split_count > 0 ? list_named(source, options, ticker, error)
                                        : list_source(source, options, ticker, error);
    if (code == OK)
        code = image_files__take_size(source, options->skip_bad, error);
    for (int i = 0; i < source->split_count && code == OK && options->skip_bad; i++)
        code = drop_bad(source, &source->splits[i], ticker, error);
    return code;
}

extern const struct SourceFormat source_image_folder;
const struct SourceFormat source_image_folder = {.name = "image-folder",
                                                 .takes = SOURCE_TAKES_SPLITS | SOURCE_TAKES_SIZE |
                                                          SOURCE_TAKES_SKIP_BAD,
                                                 .open = open_folders,
                                                 .read = image_files__read,
                                                 .release = image_files__release};
