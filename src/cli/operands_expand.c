#include "cli/operands_expand.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/text.h"
#include "checkpoint/ensemble.h"
#include "cli/note.h"
#include "cli/run_folder.h"
#include "cli/shown.h"
#include "train/saved_state.h"

void paths_release(struct Paths *paths) {
    memory_release_texts(paths->items, paths->count);
    *paths = (struct Paths){0};
}

/* Adds a path, and takes ownership of it. */
static void add(struct Paths *paths, char *path) {
    paths->items = memory_room(paths->items, paths->count, "paths");
    paths->items[paths->count++] = path;
}

static int add_ensemble(struct Paths *paths, const char *path, struct Error *error) {
    struct EnsembleFile ensemble;
    int code = ensemble_file_read(&ensemble, path, error);
    for (int i = 0; !code && i < ensemble.count; i++)
        add(paths, ensemble_file_member(path, i));
    ensemble_file_release(&ensemble);
    return code;
}

/* Adds the checkpoints of DIR/fold-1, DIR/fold-2, …; false if there is no DIR/fold-1. */
static bool add_folds(struct Paths *paths, const char *path) {
    for (int fold = 1;; fold++) {
        char *folder = memory_print("%s/fold-%d", path, fold);
        char *checkpoint = run_folder_find(folder);
        memory_release(folder);
        if (!checkpoint)
            return fold > 1;
        add(paths, checkpoint);
    }
}

static void list_folder(struct Paths *names, const char *folder) {
    DIR *directory = opendir(folder);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            add(names, memory_print("%s/%s", folder, entry->d_name));
    closedir(directory);
    if (names->count)
        qsort(names->items, (size_t)names->count, sizeof *names->items, text_compare);
}

/* Adds the checkpoints of the trials of a search; false if there are none. */
static bool add_trials(struct Paths *paths, const char *path) {
    struct Paths folders = {0};
    int before = paths->count, without = 0;
    char *trials = memory_print("%s/trials", path);
    list_folder(&folders, trials);
    for (int i = 0; i < folders.count; i++) {
        char *checkpoint = run_folder_find(folders.items[i]);
        if (checkpoint)
            add(paths, checkpoint);
        else
            without += path_is_folder(folders.items[i]);
    }
    if (without && paths->count > before)
        note("%s: trials without a checkpoint, which are left out: %d", shown(trials), without);
    paths_release(&folders);
    memory_release(trials);
    return paths->count > before;
}

int paths_add_operand(struct Paths *paths, const char *path, bool several, struct Error *error) {
    if (ensemble_file_is_one(path))
        return add_ensemble(paths, path, error);
    if (several && path_is_folder(path) && !run_folder_is_one(path) &&
        (add_folds(paths, path) || add_trials(paths, path)))
        return OK;
    char *checkpoint = run_folder_checkpoint(path, error);
    if (!checkpoint)
        return error->code;
    add(paths, checkpoint);
    return OK;
}

/* ---- The best ---- */

struct Ranked {
    int number; /* the index of the path */
    double metric;
    enum Figure figure;
};

static int read_best(struct Ranked *ranked, const char *path, struct Error *error) {
    struct Checkpoint *checkpoint;
    struct SavedState saved = {0};
    int code = checkpoint_open(&checkpoint, path, error);
    if (!code)
        code = saved_state_read(&saved, checkpoint, error);
    ranked->metric = saved.best.step > 0 ? saved.best.metric : NAN;
    if (!code)
        ranked->figure = best_figure(&saved.best, saved.targets.kind);
    saved_state_release(&saved);
    checkpoint_close(checkpoint);
    return code;
}

/* A metric that is missing or not finite is worse than any other. */
static bool is_better(const struct Ranked *one, const struct Ranked *than) {
    return isnan(than->metric) ? !isnan(one->metric)
                               : figure_is_better(one->figure, one->metric, than->metric);
}

/* How many paths rank before number `one`; of equal ones, those with lower numbers do. */
static int count_better(const struct Ranked *all, int count, int one) {
    int better = 0;
    for (int i = 0; i < count; i++)
        better += is_better(&all[i], &all[one]) || (i < one && !is_better(&all[one], &all[i]));
    return better;
}

int paths_keep_best(struct Paths *paths, int64_t top, struct Error *error) {
    struct Ranked *ranked = memory_array(struct Ranked, paths->count, "members");
    struct Paths kept = {0};
    int code = OK;
    for (int i = 0; i < paths->count && !code; i++) {
        code = read_best(&ranked[i], paths->items[i], error);
        if (!code && ranked[i].figure != ranked[0].figure)
            code = fail(error, ERROR_USAGE, "--top: the best of %s is by %s, that of %s by %s",
                        paths->items[i], figure_kinds[ranked[i].figure].name, paths->items[0],
                        figure_kinds[ranked[0].figure].name);
    }
    for (int i = 0; i < paths->count && !code; i++)
        if (count_better(ranked, paths->count, i) < top)
            add(&kept, memory_copy_text(paths->items[i]));
    memory_release(ranked);
    if (code)
        return code;
    paths_release(paths);
    *paths = kept;
    return OK;
}
