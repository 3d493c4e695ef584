#include "run/options.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "nn/loss.h"
#include "optim/rules.h"
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
                            "missing key 'checkpoint', without which the others do nothing");
    if (!start->checkpoint && start->preprocess == START_PREPROCESS_AUTO)
        start->preprocess = START_PREPROCESS_DONOR;
    return OK;
}

/* Where the donor's preprocessing is kept, one of the run's own would do nothing: it is refused,
 * and not taken from what was saved before it was. A saved run file has every key, so defaults are
 * no wish. That of targets is the run's own either way. */
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

static int settle(const struct RunFile *file, struct RunOptions *options, bool saved,
                  struct Error *error) {
    static const char *const switches[][2] = {
        {"lookahead", "every"}, {"early_stopping", "patience"}, {"large_batch", "base"}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        char *path = memory_print("%s.%s", switches[i][0], switches[i][1]);
        bool idle = runfile_given(file, switches[i][0]) && !runfile_given(file, path);
        memory_release(path);
        if (idle)
            return runfile_fail(file, error, ERROR_RUN_FILE, switches[i][0],
                                "missing key '%s', without which the others do nothing",
                                switches[i][1]);
    }
    int code = settle_start(file, &options->start_from, error);
    return code ? code : settle_preprocess(file, options, saved, error);
}

int run_parse(struct RunFile **file, const char *path, const char *text,
              const char *const *overrides, int override_count, struct RunOptions *options,
              struct Error *error) {
    int code = runfile_parse(file, path, text, overrides, override_count, run_keys, options, error);
    if (!code)
        code = settle(*file, options, text != NULL, error);
    if (code) {
        runfile_release(*file);
        *file = NULL;
    }
    return code;
}

int run_build_model(const struct RunFile *file, const struct RunOptions *options,
                    struct Shape input, struct Model **model, struct Error *error) {
    if (options->model.count == 0)
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "zero layers; expected a list of at least one");
    return model_create(model, &options->model, &options->initialise, input, error);
}

/* The split called `name`, which `key` of the run file asks for; NULL where there is none, and
 * `hint` then says what else the key takes. */
static const struct Split *find_split(const struct RunFile *file, const char *key, const char *name,
                                      const char *hint, const struct Dataset *dataset,
                                      struct Error *error) {
    size_t bytes = (size_t)dataset->split_count * sizeof(char *);
    const char **names = memory_allocate(bytes, "names of splits"), *nearest;
    struct Text all = {0};
    for (int i = 0; i < dataset->split_count; i++) {
        names[i] = dataset->splits[i].name;
        text_add(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const struct Split *split = NULL;
    for (int i = 0; i < dataset->split_count && !split; i++)
        if (!strcmp(names[i], name))
            split = &dataset->splits[i];
    nearest = text_nearest(name, names, dataset->split_count);
    if (!split)
        runfile_fail(file, error, ERROR_DATA, key, "%s has no split '%s'; it has %s%s%s%s%s",
                     dataset->path, name, all.data, hint, nearest ? "; did you mean '" : "",
                     nearest ? nearest : "", nearest ? "'?" : "");
    text_release(&all);
    memory_release((void *)names);
    return split;
}

/* What follows the validation's figures needs some. */
static int check_without_validation(const struct RunFile *file, const struct RunOptions *options,
                                    struct Error *error) {
    if (schedule_needs_validations(&options->schedule))
        return schema_fail(error, &options->schedule, NULL,
                           "%s follows the figures of the validation, and data.validation is none",
                           options->schedule.kind->name);
    if (options->early_stopping.patience)
        return runfile_fail(file, error, ERROR_RUN_FILE, "early_stopping.patience",
                            "follows the figures of the validation, and data.validation is none");
    return OK;
}

int run_find_splits(const struct RunFile *file, const struct RunOptions *options,
                    const struct Dataset *dataset, const struct Split **train,
                    const struct Split **validation, struct Error *error) {
    *validation = NULL;
    *train = find_split(file, "data.train", options->data.train, "", dataset, error);
    if (!*train)
        return error->code;
    if ((*train)->count < options->train.batch)
        return runfile_fail(file, error, ERROR_RUN_FILE, "train.batch",
                            "a batch of %lld is more than the %lld samples of split %s of %s",
                            (long long)options->train.batch, (long long)(*train)->count,
                            (*train)->name, dataset->path);
    if (!strcmp(options->data.validation, "none"))
        return check_without_validation(file, options, error);
    *validation = find_split(file, "data.validation", options->data.validation,
                             " (none: no evaluation)", dataset, error);
    return *validation ? OK : error->code;
}

int run_check_loss(const struct RunFile *file, const struct RunOptions *options,
                   const struct Dataset *dataset, struct Error *error) {
    struct Text others = {0};
    if (!dataset->target_count || ((const struct Loss *)options->loss.kind)->takes_values)
        return OK;
    for (const struct Kind *const *kind = loss_kinds.kinds; *kind; kind++)
        if (((const struct Loss *)*kind)->takes_values)
            text_add(&others, "%s%s", others.length ? ", " : "", (*kind)->name);
    int code = runfile_fail(file, error, ERROR_RUN_FILE, "loss",
                            "%s is of classes, the targets of %s are values; expected one of %s",
                            options->loss.kind->name, dataset->path, others.data);
    text_release(&others);
    return code;
}

int run_check_model(const struct RunFile *file, const struct Model *model,
                    const struct Dataset *dataset, struct Error *error) {
    int64_t outputs = shape_elements(model_output(model));
    if (outputs != dataset_outputs(dataset))
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "the model has %lld outputs, %s has %lld %s", (long long)outputs,
                            dataset->path, (long long)dataset_outputs(dataset),
                            dataset->target_count ? "targets" : "classes");
    if (model_arena(model)->trained == 0)
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "nothing to train: no layer has parameters");
    return OK;
}

int run_check_keys(const struct RunFile *file, const struct RunOptions *options,
                   const struct Model *model, struct Error *error) {
    const struct Arena *arena = model_arena(model);
    if (options->initialise.residual == RESIDUAL_ZERO && !model_has_residual(model))
        return runfile_fail(file, error, ERROR_RUN_FILE, "initialise.residual",
                            "zero is for residual blocks, and the model has none");
    size_t bytes = (size_t)arena->row_count * sizeof(struct RowSettings);
    struct RowSettings *settings = memory_allocate(bytes, "settings of parameters");
    int code =
        rules_apply(&options->parameters, options->optimizer.options, arena, settings, error);
    memory_release(settings);
    return code;
}

int run_create_plan(const struct RunFile *file, const struct Model *model,
                    const struct PlanRequest *request, struct Plan **plan, struct Error *error) {
    static const char key[] = "model: "; /* what the plan's own failures begin with */
    int code = plan_create(plan, model, request, error);
    if (!code || strncmp(error->text, key, strlen(key)))
        return code;
    struct Error found = *error;
    return runfile_fail(file, error, code, "model", "%s", found.text + strlen(key));
}
