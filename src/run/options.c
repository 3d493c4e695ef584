#include "run/options.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "nn/plan.h"
#include "optim/schedule.h"

struct UpdaterRequest run_updater_request(const struct RunOptions *options) {
    return (struct UpdaterRequest){.optimizer = &options->optimizer,
                                   .rules = &options->parameters,
                                   .clip = &options->clip,
                                   .lookahead = &options->lookahead};
}

static bool is_default(const struct StartOptions *start) {
    return start->fresh.count == 0 && start->take.count == 1 &&
           !strcmp(start->take.values[0], "*") && start->parameters == START_AUTO;
}

static int settle_start(const struct RunFile *file, struct StartOptions *start,
                        struct Error *error) {
    if (!start->checkpoint && !is_default(start))
        return runfile_fail(file, error, ERROR_RUN_FILE, "start_from",
                            "missing key 'checkpoint', without which the others have no effect");
    if (!start->checkpoint && start->preprocess == START_PREPROCESS_AUTO)
        start->preprocess = START_PREPROCESS_DONOR;
    return OK;
}

/* If the donor's preprocessing is kept, a section of the run's own would have no effect and is
 * refused. A saved run file has every key, so a default value is allowed there, and in older ones
 * any value is replaced. The preprocessing of targets is always the run's own. */
static int settle_preprocess(const struct RunFile *file, struct RunOptions *options, bool saved,
                             struct Error *error) {
    struct PreprocessOptions defaults = {0};
    struct RunFile *empty = NULL;
    struct Difference difference;
    if (!options->start_from.checkpoint || options->start_from.preprocess != START_PREPROCESS_DONOR)
        return OK;
    int code = runfile_parse(&empty, "defaults", "{}", NULL, 0, preprocess_keys, &defaults, error);
    if (code)
        return code;
    defaults.targets = options->preprocess.targets;
    if (saved)
        options->preprocess = defaults;
    if (runfile_difference(preprocess_keys, &options->preprocess, &defaults, &difference)) {
        char *path = memory_print("preprocess.%s", difference.path.data);
        code = runfile_fail(file, error, ERROR_RUN_FILE, path,
                            "is overruled by start_from.preprocess: donor; say own to use it, or "
                            "leave it out");
        memory_release(path);
    }
    difference_release(&difference);
    runfile_release(empty);
    return code;
}

/* Refuses sections without the key that switches them on. */
static int check_switches(const struct RunFile *file, struct Error *error) {
    for (const struct Key *section = run_keys; section->name; section++)
        for (const struct Key *key = section->keys; key && key->name; key++) {
            if (!key->switches_on || !runfile_given(file, section->name))
                continue;
            char *path = memory_print("%s.%s", section->name, key->name);
            bool given = runfile_given(file, path);
            memory_release(path);
            if (!given)
                return runfile_fail(file, error, ERROR_RUN_FILE, section->name,
                                    "missing key '%s', without which the others have no effect",
                                    key->name);
        }
    return OK;
}

/* Keys that depend on the validation and name no figure use that of best.h5. A saved run file names
 * all figures. */
static void settle_metrics(const struct RunFile *file, struct RunOptions *options) {
    int best = options->checkpoint.best;
    if (best == BEST_AUTO)
        return;
    if (options->early_stopping.patience && !runfile_given(file, "early_stopping.metric"))
        options->early_stopping.metric = best_metric(best);
    if (!runfile_given(file, "schedule.plateau.metric"))
        schedule_follow(&options->schedule, best_metric(best));
}

static int check_folds(const struct RunFile *file, const struct DataOptions *data,
                       struct Error *error) {
    const struct FoldsOptions *folds = &data->folds;
    if (!folds->count)
        return OK;
    if (folds->count == 1)
        return runfile_fail(file, error, ERROR_RUN_FILE, "data.folds.count",
                            "a single part would be held out and nothing left to train on; "
                            "expected 2 or more, or 0 for none");
    if (folds->held_out > folds->count)
        return runfile_fail(file, error, ERROR_RUN_FILE, "data.folds.held_out",
                            "there are %" PRId64 " parts; expected 1 to %" PRId64, folds->count,
                            folds->count);
    if (!strcmp(data->validation, "none") || !strcmp(data->validation, data->train))
        return runfile_fail(file, error, ERROR_RUN_FILE, "data.validation",
                            "names the part that data.folds holds out; expected a name of its own");
    return OK;
}

/* A split that is used for training and for validation has only one limit. */
static int check_limits(const struct RunFile *file, const struct DataOptions *data,
                        struct Error *error) {
    const struct LimitOptions *limit = &data->limit;
    bool limited = limit->train > 0 || limit->validation > 0;
    if (!strcmp(data->train, data->validation) && limit->validation > 0)
        return runfile_fail(file, error, ERROR_RUN_FILE, "data.limit.validation",
                            "the validation split is the training split; expected its limit in "
                            "data.limit.train alone");
    if (limit->per_class && !limited)
        return runfile_fail(file, error, ERROR_RUN_FILE, "data.limit.per_class",
                            "has no effect without a limit; expected data.limit.train or "
                            "data.limit.validation, too");
    return OK;
}

static int settle(const struct RunFile *file, struct RunOptions *options, bool saved,
                  struct Error *error) {
    int code = check_switches(file, error);
    settle_metrics(file, options);
    if (saved && options->train.convolution == CONVOLUTION_AUTO)
        options->train.convolution = CONVOLUTION_DIRECT;
    if (!code)
        code = settle_start(file, &options->start_from, error);
    if (!code)
        code = check_folds(file, &options->data, error);
    if (!code)
        code = check_limits(file, &options->data, error);
    return code ? code : settle_preprocess(file, options, saved, error);
}

/* Completes what a parser returned with `code`. */
static int finish(struct RunFile **file, struct RunOptions *options, bool saved, int code,
                  struct Error *error) {
    if (!code)
        code = settle(*file, options, saved, error);
    if (code) {
        runfile_release(*file);
        *file = NULL;
    }
    return code;
}

int run_parse(struct RunFile **file, const char *path, const char *text,
              const char *const *overrides, int override_count, struct RunOptions *options,
              struct Error *error) {
    int code = (text ? runfile_parse_saved : runfile_parse)(
        file, path, text, overrides, override_count, run_keys, options, error);
    return finish(file, options, text != NULL, code, error);
}

int run_parse_resumed(struct RunFile **file, const char *path, const char *const *overrides,
                      int override_count, struct RunOptions *options, struct Error *error) {
    int code =
        runfile_parse_saved(file, path, NULL, overrides, override_count, run_keys, options, error);
    return finish(file, options, false, code, error);
}

bool run_is_without_validation(const struct RunOptions *options) {
    return !strcmp(options->data.validation, "none");
}

static struct SplitLimit limit_of(const struct LimitOptions *options, int64_t samples) {
    return (struct SplitLimit){.samples = samples,
                               .per_class = options->per_class,
                               .choose = (enum LimitChoice)options->choose,
                               .seed = (uint64_t)options->seed};
}

int run_open_data(const struct RunFile *file, const struct RunOptions *options, const char *path,
                  const struct WantedSplit *splits, int split_count, bool defers,
                  struct Dataset **dataset, struct Error *error) {
    const struct LimitOptions *limits = &options->data.limit;
    const struct SplitLimit train = limit_of(limits, limits->train);
    const struct SplitLimit validation = limit_of(limits, limits->validation);
    const struct WantedSplit own[] = {{.name = options->data.train,
                                       .key = "data.train",
                                       .limit = limits->train > 0 ? &train : NULL},
                                      {.name = options->data.validation,
                                       .key = "data.validation",
                                       .hint = " (none: no evaluation)",
                                       .limit = limits->validation > 0 ? &validation : NULL}};
    struct DatasetRequest request = {.options = &options->data,
                                     .path = path,
                                     .splits = splits,
                                     .split_count = split_count,
                                     .defers = defers};
    if (!splits) {
        bool same = !strcmp(options->data.train, options->data.validation);
        request.splits = own;
        request.split_count = run_is_without_validation(options) || same ? 1 : 2;
    }
    *dataset = NULL;
    if (!options->data.file && !options->data.splits.count && !path)
        return runfile_fail(file, error, ERROR_RUN_FILE, "data",
                            "missing key 'file' (text: the HDF5 file), or 'splits', which names "
                            "the arrays of each split");
    if (!dataset_open_request(dataset, &request, error))
        return OK;
    if (options->data.file)
        run_blame_path(error, "data.file", options->data.file);
    return runfile_locate(file, error);
}

int run_blame_path(struct Error *error, const char *key, const char *path) {
    char folder[PATH_MAX];
    if (*path != '/' && access(path, R_OK) && getcwd(folder, sizeof folder))
        error_append(error, " (relative to %s, where the program was started)", folder);
    return error_blame_key(error, key);
}
