#include "run/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "comm/exchange.h"
#include "optim/rules.h"
#include "run/check_steps.h"
#include "run/transfer.h"

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

/* ---- The model ---- */

int run_build_model(const struct RunFile *file, const struct RunOptions *options,
                    struct Shape input, struct Model **model, struct Error *error) {
    if (options->model.count == 0)
        return runfile_fail(file, error, ERROR_RUN_FILE, "model",
                            "zero layers; expected a list of at least one");
    return model_create(model, &options->model, &options->initialise, input, error);
}

/* Checks that the model has one output for each class or target. */
static int check_outputs(const struct RunRequest *request, const struct RunParts *parts,
                         struct Error *error) {
    int64_t outputs = shape_elements(model_output(parts->model));
    int64_t expected = parts->dataset->targets.count;
    if (outputs == expected)
        return OK;
    fail_key(error, ERROR_RUN_FILE, "model",
             "the model has %" PRId64 " output%s, %s has %" PRId64 " %s%s", outputs,
             outputs == 1 ? "" : "s", parts->dataset->path, expected,
             expected == 1 ? targets_word(&parts->dataset->targets)
                           : targets_words(&parts->dataset->targets),
             dataset_advice_on_classes(parts->dataset, parts->train));
    return runfile_locate_below(request->file, error);
}

/* Refuses rules that set nothing or apply to no parameter, and initialise.residual without a
 * residual block. */
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

/* ---- Together ---- */

static int check_model(const struct RunRequest *request, struct RunParts *parts,
                       struct Error *error) {
    int code = check_shards(request, error);
    if (!code && request->input)
        code = run__check_watchers(request, error);
    else if (!code)
        code = run__check_data(request, parts, error);
    if (!code)
        code = make_model(request, parts, error);
    if (!code)
        code = run__check_times(request, parts, error);
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
        code = run__check_plans(request, parts, error);
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
