/* --format image-folder: a folder a split, in it a folder a class, in it JPEG and PNG files.
 * Classes and files are taken in the order of their names (bytes), so that every import gives the
 * same file. */
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

/* The entries of a folder, sorted, hidden ones left out: sub-folders and everything else. */
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
            name_list_add(S_ISDIR(about.st_mode) ? folders : files,
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

/* Adds the images of one class folder to state->files. */
static int list_class(struct ImageFiles *state, const char *folder, bool skip_bad, int64_t *skipped,
                      const struct Ticker *ticker, struct Error *error) {
    struct NameList folders = {0}, files = {0};
    int code = list_folder(folder, &folders, &files, error);
    if (code == OK && folders.count > 0)
        code = fail(error, ERROR_DATA, "%s: a folder where images of one class were expected",
                    folders.names[0]);
    if (code == OK && folders.count > 0)
        error_context(error, "%s", folder);
    int64_t before = state->files.count;
    for (int64_t i = 0; i < files.count && code == OK; i++) {
        char *path = memory_print("%s/%s", folder, files.names[i]);
        if (has_image_name(files.names[i])) {
            name_list_add(&state->files, path);
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
        code = fail(error, ERROR_DATA, "%s: a class folder without images", folder);
    name_list_release(&folders);
    name_list_release(&files);
    return code;
}

/* The classes of the first split are those of all. */
static int agree_on_classes(struct Source *source, const char *first_folder, const char *folder,
                            const struct NameList *classes, struct Error *error) {
    if (!source->class_names) {
        source_set_classes(source, (const char *const *)classes->names, classes->count);
        return OK;
    }
    int64_t i = 0, j = 0;
    while (i < source->class_count || j < classes->count) {
        int order = i == source->class_count ? 1
                    : j == classes->count    ? -1
                                             : strcmp(source->class_names[i], classes->names[j]);
        if (order < 0)
            return fail(error, ERROR_DATA, "%s: no folder for class '%s', which %s has", folder,
                        source->class_names[i], first_folder);
        if (order > 0)
            return fail(error, ERROR_DATA, "%s: has a folder for class '%s', which %s has not",
                        folder, classes->names[j], first_folder);
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
        code = fail(error, ERROR_DATA,
                    "%s: holds %s; expected one folder a class (for a folder that is one split: "
                    "--split train=FOLDER)",
                    folder, others.count ? "files and no folders" : "nothing");
    if (code == OK)
        code = agree_on_classes(source, first_folder, folder, &classes, error);
    ends = memory_allocate((size_t)classes.count * sizeof *ends, "classes");
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
    name_list_release(&classes);
    name_list_release(&others);
    return code;
}

/* A folder beside the splits that holds neither folders nor images (logs, results) is none. */
static int could_be_split(const char *folder, bool *could, struct Error *error) {
    struct NameList folders = {0}, files = {0};
    int code = list_folder(folder, &folders, &files, error);
    *could = folders.count > 0;
    for (int64_t i = 0; i < files.count && !*could; i++)
        *could = has_image_name(files.names[i]);
    name_list_release(&folders);
    name_list_release(&files);
    return code;
}

/* Keeps of the sub-folders' names those that could be splits, and says which could not. */
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
            char *line = memory_print("%s: holds neither folders nor images: no split", path);
            notice(ticker, line);
            memory_release(line);
            memory_release(splits->names[i]);
        }
        memory_release(path);
    }
    splits->count = kept;
    return code;
}

/* SOURCE's sub-folders are its splits, "train" first. */
static int list_source(struct Source *source, const struct SourceOptions *options,
                       const struct Ticker *ticker, struct Error *error) {
    struct NameList splits = {0}, others = {0};
    const char *folder = options->paths[0];
    int code = list_folder(folder, &splits, &others, error);
    if (code == OK)
        code = keep_splits(folder, &splits, ticker, error);
    if (code == OK && splits.count == 0)
        code = fail(error, ERROR_DATA, "%s: no folders; expected train/, test/ …", folder);
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
    name_list_release(&splits);
    name_list_release(&others);
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

/* Decodes `count` images of a split from `first` on and keeps, from `kept` on, those that can be
 * used. Returns how many are kept by then. */
static int64_t keep_good(struct Source *source, struct SourceSplit *split, int64_t first,
                         int64_t count, int64_t kept, struct Error *errors,
                         const struct Ticker *ticker) {
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = 0; i < count; i++) {
        errors[i].code = OK;
        image_files_load(source, split->items[first + i], NULL, &errors[i]);
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

/* --skip-bad: decodes everything once to find out what can be used, because the file must know how
 * many images come before the first is written. */
static int drop_bad(struct Source *source, struct SourceSplit *split, const struct Ticker *ticker,
                    struct Error *error) {
    const int64_t batch = 1024;
    struct Error *errors = memory_array(struct Error, batch, "images' verdicts");
    int64_t kept = 0;
    for (int64_t first = 0; first < split->count; first += batch) {
        int64_t count = split->count - first < batch ? split->count - first : batch;
        kept = keep_good(source, split, first, count, kept, errors, ticker);
    }
    memory_release(errors);
    split->count = kept;
    for (int64_t label = 0; label < source->class_count; label++) {
        bool present = false;
        for (int64_t i = 0; i < kept && !present; i++)
            present = split->labels[i] == label;
        if (!present)
            return fail(error, ERROR_DATA, "split '%s': no image of class '%s' can be used",
                        split->name, source->class_names[label]);
    }
    return OK;
}

static int open_folders(struct Source *source, const struct SourceOptions *options,
                        const struct Ticker *ticker, struct Error *error) {
    if (options->split_count == 0 && options->path_count != 1)
        return fail(error, ERROR_USAGE,
                    "--format image-folder: expected one SOURCE with a folder a split, or --split "
                    "NAME=FOLDER; found %d sources",
                    options->path_count);
    if (options->split_count > 0 && options->path_count > 0)
        return fail(error, ERROR_USAGE,
                    "--split: the folders are named by it; '%s' is one too many",
                    options->paths[0]);
    if (options->classes)
        return fail(error, ERROR_USAGE, "--classes: the folders name the classes");
    image_files_start(source, options);
    int code = options->split_count > 0 ? list_named(source, options, ticker, error)
                                        : list_source(source, options, ticker, error);
    if (code == OK)
        code = image_files_take_size(source, options->skip_bad, error);
    for (int i = 0; i < source->split_count && code == OK && options->skip_bad; i++)
        code = drop_bad(source, &source->splits[i], ticker, error);
    return code;
}

extern const struct SourceFormat source_image_folder;
const struct SourceFormat source_image_folder = {
    .name = "image-folder",
    .help = "SOURCE/SPLIT/CLASS/*.jpg, *.png; or --split NAME=FOLDER",
    .open = open_folders,
    .read = image_files_read,
    .release = image_files_release};
