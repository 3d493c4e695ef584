/* A search's folder: what it holds from the start, and the files of its stages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/whole_file.h"
#include "run/check.h"
#include "run/options.h"
#include "search/sample.h"
#include "search/search_parts.h"

char *search__stage_path(const char *folder, int stage) {
    return stage == 1 ? memory_print("%s/space.yaml", folder)
                      : memory_print("%s/stage-%d.yaml", folder, stage);
}

char *search__base_path(const char *folder) {
    return memory_print("%s/" SEARCH_BASE, folder);
}

int search__write_text(const char *path, const char *text, struct Error *error) {
    struct WholeFile file;
    int code = whole_file_open(&file, path, error);
    if (!code) {
        fputs(text, file.stream);
        code = whole_file_publish(&file, error);
    }
    whole_file_close(&file);
    return code;
}

/* ---- The run file that trials are made from ---- */

struct Base {
    struct RunFile *file;
    struct RunOptions options;
};

static int read_base(struct Base *base, const char *path, const char *const *overrides, int count,
                     struct Error *error) {
    *base = (struct Base){0};
    return run_parse(&base->file, path, NULL, overrides, count, &base->options, error);
}

/* What all trials share. Their bits do not depend on how a job divides its ranks. */
static void settle_base(struct Base *base, const struct Space *space) {
    base->options.train.warnings = false; /* of single runs: they would not say of which */
    if (base->options.train.shards < 0)
        base->options.train.shards = space->options.ranks;
}

static int check_base(const struct Base *base, const struct Space *space, struct Error *error) {
    const struct HalvingOptions *halving = &space->options.halving;
    if (run_is_without_validation(&base->options))
        return runfile_fail(base->file, error, ERROR_RUN_FILE, "data.validation",
                            "is none, but a search compares its trials by the validation");
    if (!halving->first)
        return OK;
    if (!base->options.train.length.epochs)
        return runfile_fail(base->file, error, ERROR_RUN_FILE, "train.length",
                            "is in steps; halving needs it in epochs, after which it validates");
    for (int i = 0; i < space->count; i++)
        if (!strcmp(space->axes[i].key, "train.length"))
            return runfile_fail(space->file, error, ERROR_RUN_FILE, "halving",
                                "decides how long trials train; train.length cannot be searched");
    return OK;
}

/* Whether the run file as it is could start: what is wrong with it would be wrong with every trial.
 * One that begins from another run's weights is left to its trials. */
static int check_run(struct Base *base, const struct Space *space, struct Error *error) {
    struct RunParts parts = {0};
    struct RunRequest request = {.file = base->file,
                                 .options = &base->options,
                                 .ranks = space->options.ranks,
                                 .variant = run_best_variant(&base->options)};
    if (base->options.start_from.checkpoint)
        return OK;
    int code = run_check_model(&request, &parts, error);
    run_parts_release(&parts);
    if (code)
        runfile_locate(base->file, error);
    return code;
}

/* One value of an axis alone, in the run file. `advice` follows what is wrong with it. */
static int try_value(const struct Space *space, const char *path, const struct Axis *axis,
                     double position, const char *advice, struct Error *error) {
    char value[AXIS_TEXT];
    struct Base base;
    char *override = memory_print("%s=%s", axis->key, axis_value(axis, position, value));
    int code = read_base(&base, path, (const char *const *)&override, 1, error);
    runfile_release(base.file);
    memory_release(override);
    if (!code)
        return OK;
    char text[sizeof error->text], place[200];
    snprintf(text, sizeof text, "%s", error->text);
    snprintf(place, sizeof place, "keys.%s", axis->key);
    return runfile_fail(space->file, error, ERROR_RUN_FILE, place,
                        "the run file refuses %s=%s: %s%s", axis->key, value, text, advice);
}

/* A place within a range of numbers, which are not whole there. */
#define WITHIN 0.3702

/* The ends of each range and a value within it, and each value of a choice. */
static int try_axes(const struct Space *space, const char *path, struct Error *error) {
    int code = OK;
    for (int i = 0; i < space->count && !code; i++) {
        const struct Axis *axis = &space->axes[i];
        int values = axis->kind == AXIS_CHOICE ? axis->count : 2;
        for (int k = 0; k < values && !code; k++)
            code = try_value(space, path, axis,
                             axis->kind == AXIS_CHOICE ? (k + 0.5) / axis->count : k, "", error);
        if (!code && (axis->kind == AXIS_UNIFORM || axis->kind == AXIS_LOG))
            code = try_value(space, path, axis, WITHIN, "; whole numbers need integer or choice",
                             error);
    }
    return code;
}

/* ---- The folder ---- */

/* The file as it is written to the folder, where the run file lies beside it. */
static char *own_text(struct Space *space) {
    space->options.run = SEARCH_BASE;
    return space_text(space, space->axes,
                      "# The space of this search, with every key that was left open.\n");
}

static int write_start(const char *folder, struct Space *space, const struct Base *base,
                       struct Error *error) {
    char *path = search__base_path(folder), *text = runfile_emit(run_keys, &base->options);
    int code = search__write_text(path, text, error);
    memory_release(path);
    memory_release(text);
    path = search__stage_path(folder, 1); /* last: it says that the search has begun */
    text = own_text(space);
    if (!code)
        code = search__write_text(path, text, error);
    memory_release(path);
    memory_release(text);
    return code;
}

static int refuse_difference(const struct Difference *difference, const char *folder,
                             const char *what, struct Error *error) {
    fail(error, ERROR_RUN_FILE,
         "%s: holds a search whose %s has %s: %s, now it is %s; expected the same", folder, what,
         difference->path.data, difference->second.data, difference->first.data);
    return error_advise(error, ADVICE_OTHER_FOLDER, folder, NULL, 0);
}

static int compare_space(const char *folder, const struct Space *space, const struct Space *before,
                         struct Error *error) {
    struct SearchOptions now = space->options;
    struct Difference difference;
    int code = OK;
    bool fixed = now.method == SEARCH_GRID || now.stages > 1; /* they depend on the number */
    now.run = before->options.run;
    int64_t trials = now.trials;
    runfile_copy_free_keys(search_keys, &now, &before->options);
    if (fixed && trials != before->options.trials)
        code = fail(error, ERROR_RUN_FILE,
                    "%s: holds a search of %" PRId64 " trials, now they are %" PRId64
                    "; that of a grid or of stages cannot change",
                    folder, before->options.trials, trials);
    else if (runfile_difference(search_keys, &now, &before->options, &difference)) {
        code = refuse_difference(&difference, folder, "space", error);
        difference_release(&difference);
    } else {
        difference_release(&difference);
    }
    return code;
}

static int compare_base(const char *folder, const struct Base *base, struct Error *error) {
    struct Base before;
    struct Difference difference = {0};
    char *path = search__base_path(folder);
    int code = read_base(&before, path, NULL, 0, error);
    if (!code && runfile_difference(run_keys, &base->options, &before.options, &difference))
        code = refuse_difference(&difference, folder, "run file", error);
    difference_release(&difference);
    runfile_release(before.file);
    memory_release(path);
    return code;
}

/* An older file of the space stays, except for the keys that may change. */
static int continue_search(const char *folder, struct Space *space, struct Base *base,
                           struct Error *error) {
    struct Space before;
    char *path = search__stage_path(folder, 1), *text = NULL;
    int code = space_read(&before, path, NULL, error);
    if (!code)
        code = compare_space(folder, space, &before, error);
    if (!code)
        code = compare_base(folder, base, error);
    if (!code) {
        text = own_text(space);
        code = search__write_text(path, text, error);
    }
    space_release(&before);
    memory_release(text);
    memory_release(path);
    return code;
}

static int enter_folder(const char *folder, struct Space *space, struct Base *base,
                        struct Error *error) {
    struct FolderLock *lock = NULL;
    char *path = search__stage_path(folder, 1);
    int code = ledger_make(folder, error);
    if (!code)
        code = ledger_lock(&lock, folder, error);
    if (!code)
        code = access(path, F_OK) ? write_start(folder, space, base, error)
                                  : continue_search(folder, space, base, error);
    folder_lock_release(lock);
    memory_release(path);
    return code;
}

/* A grid needs two values of each axis. */
static int check_size(const struct Space *space, struct Error *error) {
    if (sample__trials(&space->options, space->axes, space->count) > 0)
        return OK;
    return runfile_fail(space->file, error, ERROR_RUN_FILE, "trials",
                        "%" PRId64 " trials are too few for a grid over %d key%s, which takes two "
                        "values of each range and all of each choice",
                        space->options.trials, space->count, space->count == 1 ? "" : "s");
}

/* The ranks are divided into groups of equal size. */
static int check_groups(const struct Space *space, int ranks, struct Error *error) {
    int64_t size = space->options.ranks;
    if (ranks % size == 0)
        return OK;
    return runfile_fail(space->file, error, ERROR_RUN_FILE, "ranks",
                        "a trial has %" PRId64 " ranks, and the job has %d: they cannot be divided "
                        "into groups of that size",
                        size, ranks);
}

/* What rank 0 does alone. */
static int prepare(const struct SearchRequest *request, int ranks, struct Error *error) {
    struct Space space;
    struct Base base = {0};
    char *run = NULL;
    int code = space_read(&space, request->space_path, NULL, error);
    if (!code)
        code = check_size(&space, error);
    if (!code)
        code = check_groups(&space, ranks, error);
    if (!code) {
        run = path_beside(request->space_path, space.options.run);
        code = read_base(&base, run, request->overrides, request->override_count, error);
    }
    if (!code) {
        settle_base(&base, &space);
        code = check_base(&base, &space, error);
    }
    if (!code)
        code = try_axes(&space, run, error);
    if (!code)
        code = check_run(&base, &space, error);
    if (!code)
        code = enter_folder(request->folder, &space, &base, error);
    memory_release(run);
    runfile_release(base.file);
    space_release(&space);
    return code;
}

/* ---- What every rank knows ---- */

int search__know_stage(struct Search *search, struct Error *error) {
    char *path = search__stage_path(search->request->folder, search->known + 1);
    struct Space *space = &search->stages[search->known];
    int code = space_read(space, path, NULL, error);
    if (!code && search->known && space->count != search->stages[0].count)
        code = fail(error, ERROR_RUN_FILE, "%s: has %d keys; expected the %d of space.yaml", path,
                    space->count, search->stages[0].count);
    for (int i = 0; i < space->count && !code && search->known; i++)
        if (strcmp(space->axes[i].key, search->stages[0].axes[i].key))
            code = fail(error, ERROR_RUN_FILE, "%s: has %s in the place of %s, as in space.yaml",
                        path, space->axes[i].key, search->stages[0].axes[i].key);
    if (!code && !sample__trials(&search->stages[0].options, space->axes, space->count))
        code = check_size(space, error);
    if (!code)
        search->known++;
    else
        space_release(space);
    memory_release(path);
    return code;
}

bool search__stage_exists(const char *folder, int stage) {
    char *path = search__stage_path(folder, stage);
    bool exists = access(path, F_OK) == 0;
    memory_release(path);
    return exists;
}

static int know(struct Search *search, struct Error *error) {
    struct Space first;
    struct Base base;
    const char *folder = search->request->folder;
    char *path = search__stage_path(folder, 1), *run = search__base_path(folder);
    int code = space_read(&first, path, NULL, error);
    if (!code)
        code = read_base(&base, run, NULL, 0, error);
    if (!code) {
        const struct HalvingOptions *halving = &first.options.halving;
        int stages = (int)first.options.stages;
        search->stages = memory_array(struct Space, stages, "stages");
        search->epochs = base.options.train.length.epochs ? base.options.train.length.value : 0;
        search->rungs = schedule_rungs(halving->first, halving->factor, search->epochs);
        search->last = search->request->one_stage ? 1 : stages;
        while (search->last < stages && search__stage_exists(folder, search->last + 1))
            search->last++;
        runfile_release(base.file);
    }
    space_release(&first);
    memory_release(path);
    memory_release(run);
    return code ? code : search__know_stage(search, error);
}

int search_open(struct Search *search, struct Ranks *ranks, const struct SearchRequest *request,
                struct Error *error) {
    *search = (struct Search){.request = request};
    int code = ranks_rank(ranks) == 0 ? prepare(request, ranks_size(ranks), error) : OK;
    code = ranks_agree(ranks, code, error);
    return code ? code : ranks_agree(ranks, know(search, error), error);
}

bool search_is_one(const char *folder) {
    char *ledger = memory_print("%s/ledger", folder);
    bool is_one = search__stage_exists(folder, 1) && path_is_folder(ledger);
    memory_release(ledger);
    return is_one;
}

int search_look(struct Search *search, const struct SearchRequest *request, struct Error *error) {
    *search = (struct Search){.request = request};
    return know(search, error);
}

void search_release(struct Search *search) {
    for (int i = 0; i < search->known; i++)
        space_release(&search->stages[i]);
    memory_release(search->stages);
    *search = (struct Search){0};
}

bool search_takes(const struct Search *search, const char *key, const char *value) {
    struct Base base;
    struct Error ignored = {0};
    char *path = search__base_path(search->request->folder);
    char *override = memory_print("%s=%s", key, value);
    int code = read_base(&base, path, (const char *const *)&override, 1, &ignored);
    runfile_release(base.file);
    memory_release(override);
    memory_release(path);
    return !code;
}
