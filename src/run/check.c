#include "run/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "comm/exchange.h"
#include "nn/loss.h"
#include "optim/average.h"
#include "optim/patience.h"
#include "optim/rules.h"
#include "run/agreement.h"
#include "run/blocks.h"
#include "run/statistics.h"
#include "run/transfer.h"
#include "run/weights.h"

/* ---- Shards and kernels ---- */

enum Variant run_best_variant(const struct RunOptions *options) {
    const char *name = instruction_set_names[options->train.instruction_set];
    return variant_best(strcmp(name, "auto") ? (enum Variant)variant_by_name(name)
                                             : VARIANT_F32_V4);
}

int run_check_variant(const struct RunFile *file, const struct RunOptions *options,
                      enum Variant variant, struct Error *error) {
    const char *name = instruction_set_names[options->train.instruction_set];
    if (!strcmp(name, "auto") || variant == (enum Variant)variant_by_name(name))
        return OK;
    return runfile_fail(file, error, ERROR_RUN_FILE, "train.instruction_set",
                        "not every rank's processor has %s; expected auto or at most %s", name,
                        variant_name(variant));
}

static int check_shards(const struct RunRequest *request, struct Error *error) {
    int64_t shards = request->options->train.shards, batch = request->options->train.batch;
    if (shards % request->ranks)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "train.shards",
                            "%" PRId64 " shard%s cannot be dealt out equally to %" PRId64
                            " ranks; expected a multiple of the ranks",
                            shards, shards == 1 ? "" : "s", request->ranks);
    if (batch % shards == 0)
        return OK;
    bool blame_shards = runfile_overridden(request->file, "train.shards") &&
                        !runfile_overridden(request->file, "train.batch");
    return runfile_fail(
        request->file, error, ERROR_RUN_FILE, blame_shards ? "train.shards" : "train.batch",
        "a batch of %" PRId64 " cannot be cut into %" PRId64 " equal shards; expected %s", batch,
        shards, blame_shards ? "a divisor of train.batch" : "a multiple of train.shards");
}

/* ---- The data ---- */

/* A schedule or early stopping that follows the validation needs one. */
static int check_watchers(const struct RunRequest *request, struct Error *error) {
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

static int refuse_metric(const struct Dataset *dataset, struct Error *error, const char *key,
                         int metric) {
    static const char *const words[] = {[TARGET_CLASSES] = "classes",
                                        [TARGET_DISTRIBUTIONS] = "classes",
                                        [TARGET_VALUES] = "values",
                                        [TARGET_SETS] = "sets of classes"};
    enum TargetKind kind = TARGET_CLASSES;
    if (!patience_metric_is_for(metric, TARGET_CLASSES))
        kind = patience_metric_is_for(metric, TARGET_VALUES) ? TARGET_VALUES : TARGET_SETS;
    return fail_key(error, ERROR_RUN_FILE, key, "%s is for %s; the targets of %s are %s",
                    patience_metric_names[metric], words[kind], dataset->path,
                    words[dataset->targets.kind]);
}

/* The metrics that something follows must exist for such targets. */
static int check_metrics(const struct RunRequest *request, const struct Dataset *dataset,
                         struct Error *error) {
    const struct RunOptions *options = request->options;
    enum TargetKind targets = dataset->targets.kind;
    int best = best_metric(options->checkpoint.best), stopping = options->early_stopping.metric;
    if (options->checkpoint.best != BEST_AUTO && run_is_without_validation(options))
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "checkpoint.best",
                            "follows the figures of the validation, and data.validation is none");
    if (options->checkpoint.best != BEST_AUTO && !patience_metric_is_for(best, targets))
        refuse_metric(dataset, error, "checkpoint.best", best);
    else if (options->early_stopping.patience && !patience_metric_is_for(stopping, targets))
        refuse_metric(dataset, error, "early_stopping.metric", stopping);
    else if (schedule_needs_validations(&options->schedule) &&
             !patience_metric_is_for(schedule_metric(&options->schedule), targets))
        return schema_fail(
            error, &options->schedule, "metric", "%s is not measured for the targets of %s",
            patience_metric_names[schedule_metric(&options->schedule)], dataset->path);
    else
        return OK;
    return runfile_locate(request->file, error);
}

static int find_splits(const struct RunRequest *request, struct RunParts *parts,
                       struct Error *error) {
    const struct RunOptions *options = request->options;
    parts->train = dataset_split(parts->dataset, options->data.train, error);
    if (!parts->train)
        return error->code;
    if (parts->train->count < options->train.batch)
        return runfile_fail(
            request->file, error, ERROR_RUN_FILE, "train.batch",
            "a batch of %" PRId64 " is more than the %" PRId64 " samples of split %s of %s",
            options->train.batch, parts->train->count, parts->train->name, parts->dataset->path);
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

/* Reads what a checkpoint says of preparing images. */
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

/* The statistics of the training split, then the preprocessing. A run that continues prepares
 * images as it did before, whatever the data set now says of them. Components take long, and are
 * not made again. */
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
    return request->resumed ? read_preprocess(&parts->preprocess, parts->dataset, keeper, error)
                            : run_make_preprocess(&parts->preprocess, request->file, options,
                                                  parts->dataset, keeper, error);
}

/* The same for values. */
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
    if (code) /* the preprocessing of a donor may be for other images */
        return error_blame_key(error, options->start_from.checkpoint ? "start_from.checkpoint"
                                                                     : "preprocess");
    if (!parts->validation)
        return OK;
    loading = plain;
    loading.split = parts->validation;
    loading.cut = parts->holding.validation;
    return loader_create(&parts->validation_loader, &loading, error);
}

/* All ranks have the same data, as it was written, before they work together on it. */
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

static int open_data(const struct RunRequest *request, struct RunParts *parts,
                     struct Error *error) {
    const struct RunOptions *options = request->options;
    int code = run_open_data(request->file, options, NULL, NULL, 0, true, &parts->dataset, error);
    if (!code)
        code = find_splits(request, parts, error);
    if (!code)
        code = check_watchers(request, error);
    if (!code)
        code = check_metrics(request, parts->dataset, error);
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

/* ---- The model ---- */

int run_build_model(const struct RunFile *file, const struct RunOptions *options,
                    struct Shape input, struct Model **model, struct Error *error) {
    if (options->model.count == 0)
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "zero layers; expected a list of at least one");
    return model_create(model, &options->model, &options->initialise, input, error);
}

/* One output a class or a target. */
static int check_outputs(const struct RunRequest *request, const struct RunParts *parts,
                         struct Error *error) {
    int64_t outputs = shape_elements(model_output(parts->model));
    int64_t expected = parts->dataset->targets.count;
    if (outputs == expected)
        return OK;
    fail_key(error, ERROR_RUN_FILE, "model",
             "the model has %" PRId64 " outputs, %s has %" PRId64 " %s", outputs,
             parts->dataset->path, expected, targets_words(&parts->dataset->targets));
    return runfile_locate_below(request->file, error);
}

/* Rules that set nothing or hold for no parameter, and initialise.residual without a residual
 * block, are refused. */
static int check_idle_keys(const struct RunRequest *request, const struct Model *model,
                           struct Error *error) {
    const struct RunOptions *options = request->options;
    const struct Arena *arena = model_arena(model);
    if (options->initialise.residual == RESIDUAL_ZERO && !model_has_residual(model))
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "initialise.residual",
                            "zero is for residual blocks, and the model has none");
    struct RowSettings *settings =
        memory_array(struct RowSettings, arena->row_count, "settings of parameters");
    int code =
        rules_apply(&options->parameters, options->optimizer.options, arena, settings, error);
    memory_release(settings);
    return code;
}

static int make_model(const struct RunRequest *request, struct RunParts *parts,
                      struct Error *error) {
    struct Shape input;
    if (request->input) {
        input = *request->input;
    } else {
        struct Image image = loader_image(parts->loader);
        input = (struct Shape){image.height, image.width, image.channels, 1, 1};
    }
    int code = run_build_model(request->file, request->options, input, &parts->model, error);
    if (!code && parts->dataset)
        code = check_outputs(request, parts, error);
    if (!code && model_arena(parts->model)->trained == 0)
        code = runfile_fail(request->file, error, ERROR_RUN_FILE, "model",
                            "nothing to train: no layer has parameters");
    return code ? code : check_idle_keys(request, parts->model, error);
}

/* ---- The length ---- */

static int check_snapshots(const struct RunRequest *request, const struct ScheduleTime *time,
                           struct Error *error) {
    static const char key[] = "checkpoint.snapshots";
    const struct RunOptions *options = request->options;
    if (!options->checkpoint.snapshots || !time_knows(time, &options->schedule))
        return OK;
    if (!schedule_has_cycles(&options->schedule))
        return runfile_fail(request->file, error, ERROR_RUN_FILE, key,
                            "are taken where a cycle of the schedule ends, and %s has none; "
                            "cosine_restarts has",
                            options->schedule.kind->name);
    if (!schedule_cycles(&options->schedule, time, time->total))
        return runfile_fail(request->file, error, ERROR_RUN_FILE, key,
                            "the run ends before the schedule's first cycle does");
    return OK;
}

static int check_lookahead(const struct RunRequest *request, const struct ScheduleTime *time,
                           struct Error *error) {
    int64_t every = request->options->lookahead.every;
    if (every <= time->total)
        return OK;
    return runfile_fail(request->file, error, ERROR_RUN_FILE, "lookahead.every",
                        "the slow weights would follow at step %" PRId64
                        " first, and the run has %" PRId64 "; a short trial goes without "
                        "lookahead",
                        every, time->total);
}

/* What follows the validations goes by their moments. */
static int check_validation(const struct RunRequest *request, const struct ScheduleTime *time,
                            struct Error *error) {
    static const char key[] = "validation.every";
    const struct RunOptions *options = request->options;
    struct Span every = options->validation.every.span;
    if (every.value > 0 && time->steps_per_epoch && span_steps(every, time->steps_per_epoch) < 1)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, key,
                            "must be at least one step, or 0 for the end of the run alone");
    bool plateau = schedule_needs_validations(&options->schedule);
    if (options->validation.every.seconds <= 0 || (!plateau && !options->early_stopping.patience))
        return OK;
    return runfile_fail(request->file, error, ERROR_RUN_FILE, key,
                        "in time leaves it to the clock when %s sees a validation, so that no two "
                        "runs are the same; expected epochs or steps",
                        plateau ? options->schedule.kind->name : "early_stopping");
}

static int check_times(const struct RunRequest *request, struct ScheduleTime *time,
                       struct Error *error) {
    const struct RunOptions *options = request->options;
    time->total = span_steps(options->train.length, time->steps_per_epoch);
    if (time->total < 1)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, "train.length",
                            "must be at least one step");
    large_batch_apply(&options->large_batch, options->train.batch, time);
    int code = large_batch_check(request->file, &options->schedule, time, error);
    if (!code)
        code = schedule_check(&options->schedule, time, error);
    if (!code && options->average.kind)
        code = average_check(&options->average, time, error);
    if (!code)
        code = check_lookahead(request, time, error);
    if (!code)
        code = check_validation(request, time, error);
    return code ? code : check_snapshots(request, time, error);
}

static int measure_time(const struct RunRequest *request, struct RunParts *parts,
                        struct Error *error) {
    const struct TrainOptions *options = &request->options->train;
    int64_t count = parts->train->count, batch = options->batch;
    bool drop = options->last_batch == LAST_BATCH_DROP;
    parts->time.steps_per_epoch = drop ? count / batch : (count + batch - 1) / batch;
    return check_times(request, &parts->time, error);
}

/* Without the data nobody knows the steps of an epoch; what is in steps is checked all the same. */
static int check_times_in_steps(const struct RunRequest *request, struct Error *error) {
    struct ScheduleTime time = {0};
    return request->options->train.length.epochs ? OK : check_times(request, &time, error);
}

/* ---- The plans ---- */

/* Every number of samples that a shard can have: in a whole batch, and in the last one. */
static int shard_sizes(const struct RunRequest *request, const struct RunParts *parts,
                       int64_t sizes[PLAN_SAMPLE_COUNTS]) {
    int64_t batch = request->options->train.batch, shards = request->options->train.shards;
    int64_t rest = parts->train ? parts->train->count % batch : 0;
    int count = 0;
    sizes[count++] = batch / shards;
    if (rest && request->options->train.last_batch == LAST_BATCH_KEEP) {
        if (rest % shards)
            sizes[count++] = rest / shards + 1;
        if (rest / shards)
            sizes[count++] = rest / shards;
    }
    return count;
}

static int make_plan(const struct Model *model, const struct PlanRequest *planning,
                     struct Plan **plan, struct Error *error) {
    return plan_create(plan, model, planning, error) ? error_blame_key(error, "model") : OK;
}

/* Shards that run together have a gradient each. */
static int check_gradients(const struct RunRequest *request, const struct RunParts *parts,
                           struct Error *error) {
    int64_t count = plan_shards(parts->plan);
    int64_t elements = arena_gradient_elements(model_arena(parts->model));
    if (count == 1 || memory_can_hold((uint64_t)count * (uint64_t)elements * sizeof(float)))
        return OK;
    return runfile_fail(request->file, error, ERROR_RUN_FILE, "train.shards",
                        "the gradients of the %" PRId64 " shards of a rank, which \"statistics: "
                        "batch\" runs together, do not fit this machine's memory; expected "
                        "fewer shards or more ranks",
                        count);
}

static int make_plans(const struct RunRequest *request, struct RunParts *parts,
                      struct Error *error) {
    const struct RunOptions *options = request->options;
    backend_configure((int)options->train.threads, request->variant);
    parts->backend =
        backend_find(backend_choice_names[options->train.backend], request->variant, error);
    if (!parts->backend) {
        error->code = ERROR_RUN_FILE;
        return error_blame_key(error, "train.backend");
    }
    struct PlanRequest planning = {.variant = request->variant,
                                   .precision = (enum Precision)options->train.precision,
                                   .backend = parts->backend,
                                   .convolution = (enum ConvolutionRule)options->train.convolution,
                                   .training = true,
                                   .loss = &options->loss,
                                   .shards = options->train.shards,
                                   .own_shards = options->train.shards / request->ranks,
                                   .gather = request->gather,
                                   .gather_context = request->gather_context,
                                   .frozen = updater_frozen_rows(parts->updater)};
    planning.sample_counts = shard_sizes(request, parts, planning.samples);
    planning.weighted = parts->train && parts->train->weights;
    planning.sets = parts->dataset && parts->dataset->targets.kind == TARGET_SETS;
    int64_t targets = parts->scale.count;
    double *weights = targets ? memory_array(double, targets, "weights of errors") : NULL;
    if (weights)
        parts->error_unit = target_scale_weights(&parts->scale, weights);
    planning.error_weights = weights;
    int code = make_plan(parts->model, &planning, &parts->plan, error);
    if (!code)
        code = check_gradients(request, parts, error);
    if (!code && parts->validation) {
        planning.training = planning.weighted = false;
        planning.sample_counts = block_sizes(parts->validation->count, planning.samples);
        code = make_plan(parts->model, &planning, &parts->validation_plan, error);
    }
    memory_release(weights);
    return code;
}

/* ---- Together ---- */

static int check_model(const struct RunRequest *request, struct RunParts *parts,
                       struct Error *error) {
    int code = check_shards(request, error);
    if (!code && request->input)
        code = check_watchers(request, error);
    else if (!code)
        code = open_data(request, parts, error);
    if (!code)
        code = make_model(request, parts, error);
    if (!code)
        code = parts->dataset ? measure_time(request, parts, error)
                              : check_times_in_steps(request, error);
    return code;
}

static int check_all(const struct RunRequest *request, struct RunParts *parts,
                     struct Error *error) {
    const struct RunOptions *options = request->options;
    struct UpdaterRequest updating = run_updater_request(options);
    int code = check_model(request, parts, error);
    if (!code)
        code = updater_create(&parts->updater, &updating, model_arena(parts->model),
                              request->variant, error);
    if (!code)
        code = make_plans(request, parts, error);
    if (!code && exchange_check((enum ExchangeAlgorithm)options->train.exchange, request->ranks,
                                options->train.shards, error))
        code = error_blame_key(error, "train.exchange");
    if (!code && request->donor)
        code = transfer_check(request->file, &options->start_from, model_arena(parts->model),
                              request->donor, error);
    return code;
}

int run_check_model(const struct RunRequest *request, struct RunParts *parts, struct Error *error) {
    return check_model(request, parts, error) ? runfile_locate(request->file, error) : OK;
}

int run_check(const struct RunRequest *request, struct RunParts *parts, struct Error *error) {
    return check_all(request, parts, error) ? runfile_locate(request->file, error) : OK;
}

void run_parts_release(struct RunParts *parts) {
    updater_release(parts->updater);
    plan_release(parts->plan);
    plan_release(parts->validation_plan);
    model_release(parts->model);
    loader_release(parts->loader);
    loader_release(parts->validation_loader);
    measured_release(&parts->measured);
    class_weights_release(&parts->class_weights);
    preprocess_release(&parts->preprocess);
    target_scale_release(&parts->scale);
    dataset_close(parts->dataset);
    holding_release(&parts->holding);
    *parts = (struct RunParts){0};
}
