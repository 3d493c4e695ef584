#include <inttypes.h>

#include "base/memory.h"
#include "run/blocks.h"
#include "run/check_steps.h"

/* Lists the numbers of samples that a shard can have: in a full batch, and in the last one. */
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

/* Checks that the gradients fit into memory: shards that a synchronised layer runs together have
 * one each. */
static int check_gradients(const struct RunRequest *request, const struct RunParts *parts,
                           struct Error *error) {
    int64_t count = plan_shards(parts->plan);
    int64_t elements = arena_gradient_elements(model_arena(parts->model));
    if (!plan_gathers(parts->plan) ||
        memory_can_hold((uint64_t)count * (uint64_t)elements * sizeof(float)))
        return OK;
    return runfile_fail(request->file, error, ERROR_RUN_FILE, "train.shards",
                        "the gradients of the %" PRId64 " shards of a rank, which \"statistics: "
                        "batch\" runs together, do not fit this machine's memory; expected "
                        "fewer shards or more ranks",
                        count);
}

int run__check_plans(const struct RunRequest *request, struct RunParts *parts,
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
