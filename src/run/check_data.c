#include <inttypes.h>

#include "base/memory.h"
#include "base/text.h"
#include "nn/loss.h"
#include "optim/patience.h"
#include "run/agreement.h"
#include "run/check_steps.h"
#include "run/statistics.h"
#include "run/weights.h"

int run__check_watchers(const struct RunRequest *request, struct Error *error) {
    const struct RunOptions *options = request->options;
    if (!run_is_without_validation(options))
        return OK;
    if (schedule_needs_validations(&options->schedule))
        return schema_fail(error, &options->schedule, NULL,
                           "%s follows the figures of the validation, and data.validation is none",
                           options->schedule.kind->name);
    if (options->early_stopping.patience)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "early_stopping.patience",
                            "follows the figures of the validation, and data.validation is none");
    return OK;
}

/* Whether validations measure the metric. */
static bool has_metric(const struct RunParts *parts, int metric) {
    const struct Targets *targets = &parts->dataset->targets;
    if (!patience_metric_is_for(metric, targets->kind))
        return false;
    switch (patience_figure(metric, targets->kind)) {
    case FIGURE_TOP5:
        return targets->count >= TOP5_FEWEST_CLASSES;
    case FIGURE_R2:
        return parts->validation->count >= 2;
    default:
        return true;
    }
}

static int refuse_metric(const struct RunParts *parts, struct Error *error, const char *key,
                         int metric) {
    static const char *const words[] = {[TARGET_CLASSES] = "classes",
                                        [TARGET_DISTRIBUTIONS] = "classes",
                                        [TARGET_VALUES] = "values",
                                        [TARGET_SETS] = "sets of classes"};
    const struct Dataset *dataset = parts->dataset;
    enum TargetKind kind = TARGET_CLASSES;
    bool exists = patience_metric_is_for(metric, dataset->targets.kind);
    if (exists && metric == FIGURE_TOP5)
        return fail_key(error, ERROR_RUN_FILE, key,
                        "top5 needs at least %d classes; the data set %s has %" PRId64,
                        TOP5_FEWEST_CLASSES, dataset->path, dataset->targets.count);
    if (exists)
        return fail_key(error, ERROR_RUN_FILE, key,
                        "r2 needs at least 2 samples; split %s of %s has 1",
                        parts->validation->name, dataset->path);
    if (!patience_metric_is_for(metric, TARGET_CLASSES))
        kind = patience_metric_is_for(metric, TARGET_VALUES) ? TARGET_VALUES : TARGET_SETS;
    return fail_key(error, ERROR_RUN_FILE, key, "%s is for %s; the targets of %s are %s",
                    patience_metric_names[metric], words[kind], dataset->path,
                    words[dataset->targets.kind]);
}

static int check_metric(const struct RunRequest *request, const struct RunParts *parts,
                        const char *key, int metric, struct Error *error) {
    if (has_metric(parts, metric))
        return OK;
    refuse_metric(parts, error, key, metric);
    return runfile_locate(request->file, error);
}

/* Checks that validations measure the metrics which keys name. */
static int check_metrics(const struct RunRequest *request, const struct RunParts *parts,
                         struct Error *error) {
    const struct RunOptions *options = request->options;
    const struct Choice *schedule = &options->schedule;
    int best = options->checkpoint.best, code = OK;
    if (best != BEST_AUTO && run_is_without_validation(options))
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "checkpoint.best",
                            "follows the figures of the validation, and data.validation is none");
    if (best != BEST_AUTO)
        code = check_metric(request, parts, "checkpoint.best", best_metric(best), error);
    if (!code && options->early_stopping.patience)
        code = check_metric(request, parts, "early_stopping.metric", options->early_stopping.metric,
                            error);
    if (!code && schedule_needs_validations(schedule)) {
        char *key = memory_print("schedule.%s.metric", schedule->kind->name);
        code = check_metric(request, parts, key, schedule_metric(schedule), error);
        memory_release(key);
    }
    return code;
}

/* Fails because a batch, or the samples to overfit, are more than the split has. */
static int refuse_batch(const struct RunRequest *request, const struct RunParts *parts,
                        struct Error *error) {
    const struct RunOptions *options = request->options;
    const struct Split *train = parts->train;
    if (request->overfit)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "data.train",
                            "%" PRId64 " samples to overfit are more than the %" PRId64
                            " samples of split %s of %s",
                            request->overfit, train->count, train->name, parts->dataset->path);
    return runfile_fail(request->file, error, ERROR_RUN_FILE, "train.batch",
                        "a batch of %" PRId64 " is more than the %" PRId64
                        " samples of split %s of %s%s",
                        options->train.batch, train->count, train->name, parts->dataset->path,
                        options->data.limit.train >= 0 ? " that data.limit.train leaves" : "");
}

static int find_splits(const struct RunRequest *request, struct RunParts *parts,
                       struct Error *error) {
    const struct RunOptions *options = request->options;
    parts->train = dataset_split(parts->dataset, options->data.train, error);
    if (!parts->train)
        return error->code;
    if (parts->train->count < options->train.batch || parts->train->count < request->overfit)
        return refuse_batch(request, parts, error);
    if (run_is_without_validation(options))
        return OK;
    parts->validation = dataset_split(parts->dataset, options->data.validation, error);
    return parts->validation ? OK : error->code;
}

static int check_loss(const struct RunRequest *request, const struct Dataset *dataset,
                      struct Error *error) {
    const struct Choice *loss = &request->options->loss;
    struct Text others = {0};
    enum TargetKind targets = dataset->targets.kind;
    if (loss_takes((const struct Loss *)loss->kind, targets))
        return OK;
    for (const struct Kind *const *kind = loss_kinds.kinds; *kind; kind++)
        if (loss_takes((const struct Loss *)*kind, targets))
            text_add(&others, "%s%s", others.length ? ", " : "", (*kind)->name);
    int code = runfile_fail(
        request->file, error, ERROR_RUN_FILE, "loss",
        "%s needs %s, the targets of %s are %s; expected one of %s", loss->kind->name,
        targets == TARGET_SETS ? "one class for each sample" : "classes", dataset->path,
        targets == TARGET_SETS ? "sets of classes (data.multi_label)" : "values", others.data);
    text_release(&others);
    return code;
}

/* Reads the preprocessing of a checkpoint. */
static int read_preprocess(struct Preprocess *preprocess, const struct Dataset *dataset,
                           const struct Checkpoint *keeper, struct Error *error) {
    const struct CheckpointPart part = {.value = preprocess, .group = &preprocess_saved};
    if (checkpoint_get_parts(keeper, &part, 1, error))
        return error_blame_key(error, "start_from.checkpoint");
    preprocess_fit(preprocess, dataset->height, dataset->width);
    return OK;
}

bool run_keeps_preprocess(const struct RunOptions *options, const struct Checkpoint *keeper) {
    const struct StartOptions *start = &options->start_from;
    return start->checkpoint && start->preprocess != START_PREPROCESS_OWN && keeper &&
           !keeper->weights_only;
}

int run_make_preprocess(struct Preprocess *preprocess, const struct RunFile *file,
                        const struct RunOptions *options, const struct Dataset *dataset,
                        const struct Checkpoint *keeper, struct Error *error) {
    int code = run_keeps_preprocess(options, keeper)
                   ? read_preprocess(preprocess, dataset, keeper, error)
                   : preprocess_create(preprocess, &options->preprocess, file, dataset, error);
    if (!code)
        return OK;
    error_blame_key(error, "preprocess");
    return runfile_locate(file, error);
}

int run_check_preprocess(const struct RunOptions *options, const struct Preprocess *preprocess,
                         const char *path, struct Error *error) {
    const struct StartOptions *start = &options->start_from;
    bool donor = start->checkpoint && start->preprocess != START_PREPROCESS_OWN;
    bool centers = preprocess_center(&options->preprocess) != CENTER_NONE;
    bool decorrelates = options->preprocess.decorrelate != DECORRELATE_NONE;
    const char *missing = centers && !preprocess->mean_count    ? "mean"
                          : decorrelates && !preprocess->matrix ? "matrix"
                                                                : NULL;
    if (donor || !missing)
        return OK;
    return fail(error, ERROR_CHECKPOINT,
                "%s:/preprocessing/%s: is missing, and the run file in it says preprocess.%s", path,
                missing, decorrelates && preprocess->mean_count ? "decorrelate" : "center");
}

/* Makes the statistics of the training split, then the preprocessing. A resumed run prepares images
 * as before, even if the data set has other statistics now. Components take long and are not
 * computed again. */
static int make_preprocess(const struct RunRequest *request, struct RunParts *parts,
                           struct Error *error) {
    const struct RunOptions *options = request->options;
    const struct Checkpoint *keeper = request->resumed ? request->resumed : request->donor;
    bool again = request->resumed && run_needs_components(options);
    bool kept = run_keeps_preprocess(options, keeper);
    const struct RunStatistics statistics = {.options = options,
                                             .dataset = parts->dataset,
                                             .train = parts->train,
                                             .resumed = request->resumed,
                                             .ranks = request->together,
                                             .kept = kept || again,
                                             .rough = !request->together};
    int code = run_settle_statistics(&statistics, &parts->measured, error);
    if (code)
        return runfile_locate(request->file, error);
    if (!request->resumed)
        return run_make_preprocess(&parts->preprocess, request->file, options, parts->dataset,
                                   keeper, error);
    code = read_preprocess(&parts->preprocess, parts->dataset, keeper, error);
    return code ? code : run_check_preprocess(options, &parts->preprocess, keeper->path, error);
}

/* Does the same for target values. */
static int make_scale(const struct RunRequest *request, struct RunParts *parts,
                      struct Error *error) {
    const struct CheckpointPart part = {.value = &parts->scale, .group = &target_scale_saved};
    if (request->resumed)
        return checkpoint_get_parts(request->resumed, &part, 1, error);
    target_scale_create(&parts->scale, (enum TargetRule)request->options->preprocess.targets,
                        parts->dataset, parts->train);
    return OK;
}

struct LoaderRequest run_plain_loading(const struct RunParts *parts,
                                       const struct RunOptions *options) {
    return (struct LoaderRequest){.dataset = parts->dataset,
                                  .split = parts->train,
                                  .preprocess = &parts->preprocess,
                                  .targets = &parts->scale,
                                  .augment = &options->augment,
                                  .evaluate = true,
                                  .seed = (uint64_t)options->train.seed,
                                  .cut = parts->holding.train};
}

static int make_loaders(const struct RunRequest *request, struct RunParts *parts,
                        struct Error *error) {
    const struct RunOptions *options = request->options;
    const struct LoaderRequest plain = run_plain_loading(parts, options);
    struct LoaderRequest loading = plain;
    loading.evaluate = false;
    loading.mix = &options->mix;
    loading.shuffle = options->train.shuffle;
    loading.balanced = options->train.sampling == SAMPLING_BALANCED;
    int code = loader_create(&parts->loader, &loading, error);
    if (code) /* a donor's preprocessing may be for images of another size */
        return error_blame_key(error, options->start_from.checkpoint ? "start_from.checkpoint"
                                                                     : "preprocess");
    if (!parts->validation)
        return OK;
    loading = plain;
    loading.split = parts->validation;
    loading.cut = parts->holding.validation;
    return loader_create(&parts->validation_loader, &loading, error);
}

/* Checks that all ranks have the same, undamaged data before they work on it together. */
static int agree(const struct RunRequest *request, const struct RunParts *parts,
                 struct Error *error) {
    const struct Split *splits[] = {parts->train, parts->validation};
    bool both = parts->validation != parts->train;
    int code = run_check_splits(request->together, parts->dataset, splits, both ? 2 : 1,
                                (enum DatasetCheck)request->options->data.check, OK, error);
    if (code)
        return code;
    code = run_agree_data(request->together, parts->dataset, splits, 2, error);
    return code ? error_blame_key(error, "data.file") : OK;
}

static int settle_weights(const struct RunRequest *request, struct RunParts *parts,
                          struct Error *error) {
    const struct WeightsRequest settling = {.file = request->file,
                                            .options = request->options,
                                            .dataset = parts->dataset,
                                            .train = parts->train,
                                            .resumed = request->resumed};
    return run__settle_weights(&settling, &parts->class_weights, error);
}

static int hold(const struct RunRequest *request, struct RunParts *parts, struct Error *error) {
    const struct HoldRequest holding = {.options = request->options,
                                        .dataset = parts->dataset,
                                        .train = parts->train,
                                        .validation = parts->validation,
                                        .resumed = request->resumed != NULL,
                                        .ranks = request->together,
                                        .rank_count = request->ranks};
    return run_hold(&parts->holding, &holding, error);
}

int run__check_data(const struct RunRequest *request, struct RunParts *parts, struct Error *error) {
    const struct RunOptions *options = request->options;
    int code = run_open_data(request->file, options, NULL, NULL, 0, true, &parts->dataset, error);
    if (!code)
        code = find_splits(request, parts, error);
    if (!code)
        code = run__check_watchers(request, error);
    if (!code)
        code = check_metrics(request, parts, error);
    if (!code)
        code = check_loss(request, parts->dataset, error);
    if (request->together)
        code = ranks_agree(request->together, code, error);
    if (!code)
        code = hold(request, parts, error);
    if (request->together && !code)
        code = agree(request, parts, error);
    if (!code)
        code = make_preprocess(request, parts, error);
    if (!code)
        code = make_scale(request, parts, error);
    if (!code)
        code = settle_weights(request, parts, error);
    if (code)
        return code;
    preprocess_prepare(&parts->preprocess, request->variant);
    return make_loaders(request, parts, error);
}
