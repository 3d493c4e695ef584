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
#include "base/path.h"
#include "base/temporary.h"
#include "base/text.h"
#include "base/whole_file.h"
#include "checkpoint/checkpoint.h"

char *checkpoint_name(const char *folder, int64_t step) {
    return memory_print("%s/step-%09" PRId64 ".h5", folder, step);
}

/* The step in "step-000000123.h5"; *rest gets the text after ".h5". −1 for any other name. */
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
    *entries = memory_room(*entries, *count, "a list of checkpoints");
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

/* Opens a checkpoint and applies `check`. Returns NULL, with the reason in *why, if either
 * fails. */
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
    memory_release_texts(paths, count);
    *skipped = text.data ? text.data : memory_copy_text("");
    return OK;
}

int checkpoint_link(const char *folder, const char *name, const char *target, struct Error *error) {
    char *path = memory_print("%s/%s", folder, name), *temporary;
    int code = OK;
    if (create_temporary_link(path_base(target), path, &temporary)) {
        code = fail_errno(error, "%s: the link cannot be made", path);
    } else {
        code = temporary_publish(temporary, path, error);
        if (code)
            unlink(temporary);
    }
    if (!code)
        code = sync_folder(folder, error);
    memory_release(temporary);
    memory_release(path);
    return code;
}

static bool is_own(const char *name) {
    const char *rest;
    return (parse_name(name, &rest) >= 0 && !*rest) || !strcmp(name, "latest.h5") ||
           !strcmp(name, "best.h5") ||
           (!strncmp(name, "snapshot-", 9) && text_ends_with(name, ".h5"));
}

void checkpoint_clean(const char *folder) {
    remove_temporaries(folder, is_own);
}

static void add_text(char ***texts, int *count, char *text) {
    *texts = memory_room(*texts, *count, "names of checkpoints");
    (*texts)[(*count)++] = text;
}

/* Lists what the links ("*.h5") point at. */
static int list_targets(const char *folder, char ***targets, int *count, struct Error *error) {
    DIR *directory = opendir(folder);
    if (!directory)
        return fail_errno(error, "%s: cannot be read", folder);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char target[PATH_MAX];
        if (!text_ends_with(entry->d_name, ".h5"))
            continue;
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        if (length < 0)
            continue; /* it is not a link */
        target[length] = 0;
        add_text(targets, count, memory_copy_text(target));
    }
    closedir(directory);
    return OK;
}

/* Whether a path of the list has the same base name. */
static bool is_among(const char *path, char *const *paths, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(path_base(path), path_base(paths[i])))
            return true;
    return false;
}

/* Continues after a file that cannot be removed. */
static int remove_files(char *const *paths, int count, char *const *names, int name_count,
                        struct Error *error) {
    int code = OK;
    for (int i = 0; i < count; i++) {
        if (is_among(paths[i], names, name_count))
            continue;
        if (!unlink(paths[i]))
            log_info("%s: removed, newer ones are kept", paths[i]);
        else if (errno != ENOENT && !code)
            code = fail_errno(error, "%s: cannot be removed", paths[i]);
    }
    return code;
}

int checkpoint_prune(const char *folder, int64_t keep, const int64_t *steps, int step_count,
                     struct Error *error) {
    char **names = NULL, **paths = NULL;
    int name_count = 0, count = 0;
    if (!keep)
        return OK;
    int code = list_targets(folder, &names, &name_count, error);
    for (int i = 0; i < step_count; i++)
        add_text(&names, &name_count, checkpoint_name(folder, steps[i]));
    if (!code)
        code = checkpoint_list(folder, &paths, &count, error);
    if (!code && count > keep)
        code = remove_files(paths + keep, count - (int)keep, names, name_count, error);
    memory_release_texts(paths, count);
    memory_release_texts(names, name_count);
    return code;
}
