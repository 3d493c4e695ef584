#include "cli/run_folder.h"

#include "base/memory.h"
#include "base/path.h"
#include "checkpoint/checkpoint.h"
#include "cli/note.h"
#include "cli/shown.h"
#include "search/search.h"

/* The checkpoint of a folder of checkpoints; NULL if there is none. */
static char *choose(const char *folder, const char **which) {
    static const char *const links[] = {"best.h5", "latest.h5"};
    static const char *const words[] = {"best", "newest, as none is marked as the best"};
    for (int i = 0; i < 2; i++) {
        char *path = memory_print("%s/%s", folder, links[i]);
        *which = words[i];
        if (path_is_file(path))
            return path;
        memory_release(path);
    }
    struct Error ignored;
    char **paths, *newest = NULL;
    int count = 0;
    checkpoint_list(folder, &paths, &count, &ignored);
    for (int i = 0; i < count; i++) {
        if (i == 0)
            newest = memory_copy_text(paths[i]);
        memory_release(paths[i]);
    }
    memory_release(paths);
    return newest;
}

static char *find(const char *path, const char **which) {
    char *inside = memory_print("%s/checkpoints", path);
    char *found = path_is_folder(path) ? choose(inside, which) : NULL;
    memory_release(inside);
    return found || !path_is_folder(path) ? found : choose(path, which);
}

char *run_folder_find(const char *path) {
    const char *which;
    return find(path, &which);
}

bool run_folder_is_one(const char *path) {
    char *found = run_folder_find(path);
    memory_release(found);
    return found != NULL;
}

int run_folder_refuse(const char *path, const char *what, struct Error *error) {
    char *fold = memory_print("%s/fold-1", path);
    if (search_is_one(path))
        fail(error, ERROR_CHECKPOINT,
             "%s: holds a search; expected one of its trials, such as %s/trials/0001", path, path);
    else if (run_folder_is_one(fold))
        fail(error, ERROR_CHECKPOINT,
             "%s: holds the runs of folds; expected one of them, such as %s", path, fold);
    else
        fail(error, ERROR_CHECKPOINT, "%s: %s", path, what);
    memory_release(fold);
    return error->code;
}

char *run_folder_checkpoint(const char *path, struct Error *error) {
    const char *which;
    if (!path_is_folder(path))
        return memory_copy_text(path);
    char *found = find(path, &which);
    if (found)
        note("%s: takes the checkpoint %s (%s)", shown(path), shown(found), which);
    else
        run_folder_refuse(
            path, "is a folder without checkpoints; expected a checkpoint or a run's folder",
            error);
    return found;
}
