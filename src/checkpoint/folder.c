/* The checkpoints folder of a run. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_file.h"
#include "checkpoint/checkpoint.h"

#define LINK_TEMPORARY ".tmp-link" /* "latest.h5.tmp-link" */
#define FILE_TEMPORARY ".tmp-"     /* "step-000000123.h5.tmp-4711-0": store/ makes it */

char *checkpoint_name(const char *folder, int64_t step) {
    return memory_print("%s/step-%09" PRId64 ".h5", folder, step);
}

/* The step in "step-000000123.h5", and in *rest what follows it; −1 for any other name. */
static int64_t parse_name(const char *name, const char **rest) {
    if (strncmp(name, "step-", 5) || name[5] < '0' || name[5] > '9')
        return -1;
    char *end;
    errno = 0;
    long long step = strtoll(name + 5, &end, 10);
    if (errno || end - (name + 5) < 9 || strncmp(end, ".h5", 3))
        return -1;
    *rest = end + 3;
    return step;
}

struct Entry {
    int64_t step;
    char *path;
};

static int newest_first(const void *left, const void *right) {
    const struct Entry *a = left, *b = right;
    return (a->step < b->step) - (a->step > b->step);
}

static void add_entry(struct Entry **entries, int *count, int64_t step, char *path) {
    size_t old = (size_t)*count * sizeof **entries;
    *entries = memory_resize(*entries, old, old + sizeof **entries, "a list of checkpoints");
    (*entries)[(*count)++] = (struct Entry){step, path};
}

int checkpoint_list(const char *folder, char ***paths, int *count, struct Error *error) {
    *paths = NULL;
    *count = 0;
    DIR *directory = opendir(folder);
    if (!directory)
        return errno == ENOENT ? OK : fail_errno(error, "%s", folder);
    struct Entry *entries = NULL;
    const char *rest;
    for (struct dirent *entry; (entry = readdir(directory));) {
        int64_t step = parse_name(entry->d_name, &rest);
        if (step >= 0 && !*rest)
            add_entry(&entries, count, step, memory_print("%s/%s", folder, entry->d_name));
    }
    closedir(directory);
    if (*count)
        qsort(entries, (size_t)*count, sizeof *entries, newest_first);
    *paths = memory_array(char *, *count, "a list of checkpoints");
    for (int i = 0; i < *count; i++)
        (*paths)[i] = entries[i].path;
    memory_release(entries);
    return OK;
}

static void release_paths(char **paths, int count) {
    for (int i = 0; i < count; i++)
        memory_release(paths[i]);
    memory_release(paths);
}

/* NULL, and what is wrong, if it does not open or does not pass. */
static struct Checkpoint *open_checked(const char *path,
                                       int (*check)(const struct Checkpoint *checkpoint,
                                                    struct Error *error),
                                       struct Error *why) {
    struct Checkpoint *checkpoint;
    if (!checkpoint_open(&checkpoint, path, why) && check && check(checkpoint, why)) {
        checkpoint_close(checkpoint);
        checkpoint = NULL;
    }
    return checkpoint;
}

int checkpoint_newest_valid(const char *folder,
                            int (*check)(const struct Checkpoint *checkpoint, struct Error *error),
                            struct Checkpoint **checkpoint, char **skipped, struct Error *error) {
    char **paths;
    int count;
    struct Text text = {0};
    *checkpoint = NULL;
    *skipped = NULL;
    int code = checkpoint_list(folder, &paths, &count, error);
    if (code)
        return code;
    for (int i = 0; i < count && !*checkpoint; i++) {
        struct Error why;
        *checkpoint = open_checked(paths[i], check, &why);
        if (!*checkpoint)
            text_add(&text, "%s%s", text.length ? "; " : "", why.text);
    }
    release_paths(paths, count);
    *skipped = text.data ? text.data : memory_copy_text("");
    return OK;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int checkpoint_link(const char *folder, const char *name, const char *target, struct Error *error) {
    char *path = memory_print("%s/%s", folder, name);
    char *temporary = memory_print("%s/%s" LINK_TEMPORARY, folder, name);
    int code = OK;
    unlink(temporary); /* left by a writer that was killed between the next two calls */
    if (symlink(base_name(target), temporary) || rename(temporary, path)) {
        code = fail_errno(error, "%s", path);
        unlink(temporary);
    }
    if (!code)
        code = sync_folder(folder, error);
    memory_release(temporary);
    memory_release(path);
    return code;
}

/* What a killed writer left: a checkpoint's or a link's temporary file. */
static bool is_debris(const char *name) {
    const char *rest;
    if (text_ends_with(name, ".h5" LINK_TEMPORARY))
        return true;
    return parse_name(name, &rest) >= 0 && !strncmp(rest, FILE_TEMPORARY, strlen(FILE_TEMPORARY));
}

/* One walk through the folder: removes debris, and lists what the links ("*.h5") point at. */
static int remove_leftovers(const char *folder, char ***targets, int *count, struct Error *error) {
    DIR *directory = opendir(folder);
    if (!directory)
        return fail_errno(error, "%s", folder);
    int code = OK;
    for (struct dirent *entry; !code && (entry = readdir(directory));) {
        char target[PATH_MAX];
        if (is_debris(entry->d_name) && unlinkat(dirfd(directory), entry->d_name, 0) &&
            errno != ENOENT)
            code = fail_errno(error, "%s/%s: cannot be removed", folder, entry->d_name);
        if (!text_ends_with(entry->d_name, ".h5"))
            continue;
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        if (length < 0)
            continue; /* no link */
        target[length] = 0;
        size_t old = (size_t)*count * sizeof **targets;
        *targets = memory_resize(*targets, old, old + sizeof **targets, "links");
        (*targets)[(*count)++] = memory_copy_text(base_name(target));
    }
    closedir(directory);
    return code;
}

static bool is_among(const char *path, char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(base_name(path), names[i]))
            return true;
    return false;
}

int checkpoint_prune(const char *folder, int64_t keep, struct Error *error) {
    char **targets = NULL, **paths = NULL;
    int target_count = 0, count = 0;
    int code = remove_leftovers(folder, &targets, &target_count, error);
    if (!code)
        code = checkpoint_list(folder, &paths, &count, error);
    for (int64_t i = keep; !code && keep > 0 && i < count; i++)
        if (!is_among(paths[i], targets, target_count)) {
            log_info("%s: removed, the newest %" PRId64 " are kept", paths[i], keep);
            if (unlink(paths[i]) && errno != ENOENT)
                code = fail_errno(error, "%s: cannot be removed", paths[i]);
        }
    release_paths(paths, count);
    release_paths(targets, target_count);
    return code;
}
