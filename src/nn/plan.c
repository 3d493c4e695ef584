/* Building a plan: operations, then buffers placed by lifetime,
 * then how each operation is called. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "nn/deferral.h"
#include "nn/graph.h"
#include "nn/lifetimes.h"
#include "nn/plan_parts.h"
#include "nn/recompute.h"

KERNEL_DECLARE(struct PlanKernels, plan__kernels);
KERNEL_DECLARE_BF16(struct PlanKernels, plan__kernels);

const struct PlanKernels *plan__kernels(enum Variant variant, enum Precision precision) {
    static const struct PlanKernels *const table[PRECISION_COUNT][VARIANT_COUNT] = {
        KERNEL_TABLE(plan__kernels), KERNEL_TABLE_BF16(plan__kernels)};
    return table[precision][variant];
}

/* Allocates the pool, of `bytes` for each shard. */
static int allocate_pool(struct Plan *plan, size_t bytes, struct Error *error) {
    size_t all;
    if (__builtin_mul_overflow(bytes, (size_t)plan->shard_count, &all) || !memory_can_hold(all)) {
        char needed[32];
        text_bytes((double)bytes * (double)plan->shard_count, needed);
        if (plan->sync.needed)
            return fail(error, ERROR_RUN_FILE,
                        "%" PRId64 " shards of %" PRId64
                        " samples need %s for their activations, more "
                        "than this machine's memory; \"statistics: batch\" keeps those of all of a "
                        "rank's shards; expected a smaller train.batch, more ranks or a smaller "
                        "model",
                        plan->shard_count, plan->samples, needed);
        return fail(error, ERROR_RUN_FILE,
                    "a shard of %" PRId64 " samples needs %s for its activations, more than this "
                    "machine's memory; expected a smaller train.batch, more shards or a smaller "
                    "model",
                    plan->samples, needed);
    }
    plan->workspace.pool = memory_allocate(all, "activations");
    plan->memory.activations = (int64_t)all;
    return OK;
}

/* Gives every buffer its place in the pool as it would be for one shard. */
static int place_buffers(struct Plan *plan, struct Lifetimes *lives, struct Error *error) {
    int tensors = model_graph(plan->model)->tensor_count, n = lives->count;
    enum { GROUPS = 6 };
    const int counts[GROUPS] = {tensors, tensors, tensors, n, n, n * LAYER_INPUTS};
    struct Buffer *groups[GROUPS] = {lives->values, lives->gradients,   lives->again,
                                     lives->saved,  lives->saved_again, lives->through};
    int total = 0, next = 0;
    for (int g = 0; g < GROUPS; g++)
        total += counts[g];
    struct Buffer *all = memory_array(struct Buffer, total, "the plan");
    for (int g = 0; g < GROUPS; g++) {
        memcpy(all + next, groups[g], (size_t)counts[g] * sizeof *all);
        next += counts[g];
    }
    size_t bytes = placement__solve(all, total);
    next = 0;
    for (int g = 0; g < GROUPS; g++) {
        memcpy(groups[g], all + next, (size_t)counts[g] * sizeof *all);
        next += counts[g];
    }
    memory_release(all);
    return allocate_pool(plan, bytes, error);
}

/* A shard's part of a buffer. */
static char *part_of(const struct Plan *plan, const struct PlanShard *shard,
                     const struct Buffer *buffer) {
    return plan->workspace.pool + buffer->offset * (size_t)plan->shard_count +
           buffer->bytes * (size_t)(shard - plan->shards);
}

/* Finds the memory of each tensor of a shard. */
static void find_tensors(const struct Plan *plan, struct PlanShard *shard,
                         const struct Lifetimes *lives) {
    int tensors = model_graph(plan->model)->tensor_count;
    shard->values = memory_array(void *, tensors, "the plan");
    shard->gradients = memory_array(void *, tensors, "the plan");
    shard->again = memory_array(void *, tensors, "the plan");
    for (int t = 0; t < tensors; t++) {
        int value = lifetimes__root(lives->value_root, t);
        int gradient = lifetimes__root(lives->gradient_root, t);
        if (lives->values[value].birth <= lives->values[value].death)
            shard->values[t] = part_of(plan, shard, &lives->values[value]);
        if (recompute__made_again(&plan->operations, t))
            shard->again[t] =
                part_of(plan, shard, &lives->again[lifetimes__root(lives->again_root, t)]);
        if (plan->operations.needs_gradient[t])
            shard->gradients[t] = part_of(plan, shard, &lives->gradients[gradient]);
    }
}

/* Decides where the gradient of input `j` of operation `i` goes, and who adds if an earlier
 * writer's is there already. */
static void place_input_gradient(const struct Plan *plan, const struct PlanShard *shard,
                                 const struct Lifetimes *lives, int i, int j) {
    struct PlannedCall *planned = &shard->calls[i];
    const struct Operation *operation = planned->call.operation;
    bool accumulate = lives->accumulates[i * LAYER_INPUTS + j];
    bool copied = copies__has(&plan->operations, operation, operation->inputs[j]);
    void *gradient = shard->gradients[operation->inputs[j]];
    planned->call.accumulate[j] = accumulate && operation->needs.accumulates && !copied;
    planned->copies.adds[j] = accumulate;
    planned->call.input_gradient[j] = gradient;
    if (accumulate && !copied && !operation->needs.accumulates && !operation__is_view(operation)) {
        planned->add_to[j] = gradient;
        planned->call.input_gradient[j] =
            part_of(plan, shard, &lives->through[i * LAYER_INPUTS + j]);
    }
    if (operation__is_view(operation) && !lives->view_aliased[i]) {
        planned->view_adds = accumulate;
        planned->view_copies = !accumulate;
    }
}

/* Lets a call read the input of its normaliser instead of its output. */
static void read_through(const struct Plan *plan, const struct PlanShard *shard,
                         const struct Operation *normaliser, struct Call *call) {
    const char *saved = shard->calls[normaliser - plan->operations.items].call.saved;
    call->input[0] = shard->values[normaliser->inputs[0]];
    call->input_scale = saved + normaliser->needs.left.scale;
    call->input_shift = saved + normaliser->needs.left.shift;
    call->input_relu = normaliser->needs.left.relu;
}

static void fill_calls(const struct Plan *plan, struct PlanShard *shard,
                       const struct Lifetimes *lives) {
    size_t prepared = 0;
    int64_t index = shard - plan->shards;
    shard->calls = memory_array(struct PlannedCall, lives->count, "the plan");
    for (int i = 0; i < lives->count; i++) {
        const struct Operation *operation = &plan->operations.items[i];
        struct Call *call = &shard->calls[i].call;
        *call = (struct Call){
            .operation = operation,
            .backend = plan->backend,
            .training = plan->training,
            .stochastic = plan->stochastic,
            .output = shard->values[operation->output],
            .output_gradient = shard->gradients[operation->output],
            .saved = part_of(plan, shard, &lives->saved[i]),
            .scratch = plan->workspace.scratch,
            .prepared = plan->workspace.prepared + prepared,
            .partials = {.own = plan->sync.own + index * operation->needs.partial_values,
                         .all = plan->sync.all,
                         .shards = plan->sync.shards}};
        if (!plan->in_turn)
            prepared += memory_round_up(operation->needs.prepared_bytes);
        for (int j = 0; j < operation->input_count; j++) {
            call->input[j] = shard->values[operation->inputs[j]];
            if (plan->training && operation->needs_input_gradient[j])
                place_input_gradient(plan, shard, lives, i, j);
        }
        if (operation->normaliser)
            read_through(plan, shard, operation->normaliser, call);
    }
}

/* The calls of backward, which read what was made again. */
static void fill_later_calls(const struct Plan *plan, struct PlanShard *shard,
                             const struct Lifetimes *lives) {
    shard->later = memory_copy_array(shard->calls, lives->count, "the plan");
    for (int i = 0; i < lives->count; i++) {
        const struct Operation *operation = &plan->operations.items[i];
        struct Call *call = &shard->later[i].call;
        if (operation->again) {
            call->output = shard->again[operation->output];
            call->saved = part_of(plan, shard, &lives->saved_again[i]);
        }
        for (int j = 0; j < operation->input_count; j++)
            if (shard->again[operation->inputs[j]])
                call->input[j] = shard->again[operation->inputs[j]];
    }
}

/* Whether both parts of a tensor are one array of twice as many samples. NULL: there is none. */
static bool follows(const struct Plan *plan, int tensor, const void *first, const void *second) {
    int64_t elements = plan->samples * shape_elements(model_graph(plan->model)->tensors[tensor]);
    int64_t size = element_bytes(plan->variant, plan->operations.precisions[tensor]);
    return (const char *)second == (first ? (const char *)first + elements * size : NULL);
}

/* Before the calls work on copies, which follow one another if the tensors do. */
static void find_pair_calls(struct Plan *plan) {
    for (int i = 0; i < plan->operations.count; i++) {
        const struct Operation *operation = &plan->operations.items[i];
        const struct Call *one = &plan->shards[0].calls[i].call,
                          *two = &plan->shards[1].calls[i].call;
        int in = operation->inputs[0], out = operation->output;
        plan->shards[0].calls[i].serves_pair =
            operation->needs.pairs && !plan->shards[0].calls[i].add_to[0] &&
            follows(plan, in, one->input[0], two->input[0]) &&
            follows(plan, in, one->input_gradient[0], two->input_gradient[0]) &&
            follows(plan, out, one->output, two->output) &&
            follows(plan, out, one->output_gradient, two->output_gradient);
    }
}

static void place_copies(const struct Plan *plan, struct PlanShard *shard) {
    char *memory = plan->workspace.copies;
    for (int i = 0; i < plan->operations.count; i++) {
        copies__place(plan, shard, &shard->calls[i], false, memory);
        if (shard->later)
            copies__place(plan, shard, &shard->later[i], true, memory);
    }
}

static void make_work_space(struct Plan *plan, size_t scratch, size_t prepared) {
    struct PlanWorkspace *space = &plan->workspace;
    for (int i = 0; i < plan->operations.count; i++) {
        size_t bytes = copies__bytes(plan, i);
        space->copy_bytes = bytes > space->copy_bytes ? bytes : space->copy_bytes;
    }
    size_t copies = space->copy_bytes * (size_t)plan->shard_count;
    space->scratch = memory_allocate(scratch, "the layers' work space");
    space->prepared = memory_allocate(prepared, "prepared weights");
    space->copies = memory_allocate(copies, "copies of activations");
    plan->memory.scratch = (int64_t)(scratch + copies);
    plan->memory.prepared = (int64_t)prepared;
}

static int make_buffers(struct Plan *plan, struct Error *error) {
    struct LifetimesRequest request = {.graph = model_graph(plan->model),
                                       .operations = &plan->operations,
                                       .variant = plan->variant,
                                       .training = plan->training,
                                       .samples = plan->samples};
    struct Lifetimes lives = lifetimes__find(&request);
    size_t scratch = 0, prepared = 0;
    int64_t partial = 0;
    for (int i = 0; i < plan->operations.count; i++) {
        const struct Operation *operation = &plan->operations.items[i];
        partial =
            operation->needs.partial_values > partial ? operation->needs.partial_values : partial;
        scratch =
            operation->needs.scratch_bytes > scratch ? operation->needs.scratch_bytes : scratch;
        size_t bytes = memory_round_up(operation->needs.prepared_bytes);
        if (!plan->in_turn)
            prepared += bytes;
        else if (bytes > prepared)
            prepared = bytes;
    }
    make_work_space(plan, scratch, prepared);
    plan->sync.own = memory_array(double, partial * plan->shard_count, "partial sums");
    plan->sync.all = memory_array(double, partial * plan->sync.shards, "partial sums");
    int code = place_buffers(plan, &lives, error);
    for (int64_t k = 0; k < plan->shard_count && !code; k++) {
        find_tensors(plan, &plan->shards[k], &lives);
        fill_calls(plan, &plan->shards[k], &lives);
        if (plan->recomputes)
            fill_later_calls(plan, &plan->shards[k], &lives);
    }
    if (plan->pairs && !code)
        find_pair_calls(plan);
    for (int64_t k = 0; k < plan->shard_count && !code; k++)
        place_copies(plan, &plan->shards[k]);
    lifetimes__release(&lives);
    return code;
}

static int plan_operations(struct Plan *plan, const struct PlanRequest *request,
                           struct Error *error) {
    struct Planning planning = {.backend = request->backend,
                                .variant = request->variant,
                                .convolution = request->convolution,
                                .training = request->training,
                                .stochastic = plan->stochastic,
                                .samples = request->samples,
                                .sample_counts = request->sample_counts,
                                .shards = request->shards ? request->shards : 1,
                                .error = error};
    if (request->training && !request->no_fusion)
        deferral__mark(&plan->operations, &planning);
    for (int i = 0; i < plan->operations.count; i++) {
        struct Operation *operation = &plan->operations.items[i];
        planning.operation = operation;
        operation->in_turn = plan->in_turn;
        int code = operation->layer->plan ? operation->layer->plan(&planning) : OK;
        if (code)
            return code;
        plan->sync.needed |= operation->needs.partial_values > 0;
    }
    return OK;
}

/* The end of the parameters whose gradients come after an operation's in backward. */
static void find_final(struct Operations *operations) {
    int64_t end = 0;
    for (int i = 0; i < operations->count; i++) {
        struct Operation *operation = &operations->items[i];
        operation->final_from = end;
        for (int r = 0; r < operation->node->row_count; r++) {
            const struct ArenaRow *row = &operation->rows[r];
            if (row->role != ROLE_STATISTIC && row->offset + row->count > end)
                end = row->offset + row->count;
        }
    }
}

/* The parameters that would go through memory once instead of twice if shards were computed in
 * pairs. */
static int64_t paired_parameters(const struct Plan *plan) {
    int64_t count = 0;
    for (int i = 0; i < plan->operations.count; i++) {
        const struct Operation *operation = &plan->operations.items[i];
        for (int r = 0; operation->needs.pairs && r < operation->node->row_count; r++)
            count += operation->rows[r].count;
    }
    return count;
}

static bool pairs_pay(const struct Plan *plan) {
    const struct Graph *graph = model_graph(plan->model);
    int64_t activations = 0;
    for (int t = 0; t < graph->tensor_count; t++)
        activations += plan->samples * shape_elements(graph->tensors[t]);
    return paired_parameters(plan) > activations;
}

/* Only a synchronised layer needs all shards at the same time. */
static void make_shards(struct Plan *plan, const struct PlanRequest *request) {
    int64_t own = request->own_shards ? request->own_shards : 1;
    plan->sync.shards = request->shards ? request->shards : 1;
    CHECK(own <= plan->sync.shards);
    plan->pairs = request->training && !plan->sync.needed && !plan->recomputes && own % 2 == 0 &&
                  pairs_pay(plan);
    plan->shard_count = plan->sync.needed ? own : plan->pairs ? 2 : 1;
    plan->shards = memory_array(struct PlanShard, plan->shard_count, "the plan");
    plan->sync.gather = request->gather;
    plan->sync.gather_context = request->gather_context;
}

static void log_plan(const struct Plan *plan) {
    struct PlanMemory memory = plan->memory;
    log_debug("a plan %s: %d operation%s, up to %" PRId64 " sample%s, %" PRId64
              " shard%s at a time; bytes: %" PRId64 " of activations, %" PRId64
              " of scratch, %" PRId64 " of prepared weights",
              plan->training ? "for training" : "for prediction", plan->operations.count,
              plan->operations.count == 1 ? "" : "s", plan->samples, plan->samples == 1 ? "" : "s",
              plan->shard_count, plan->shard_count == 1 ? "" : "s", memory.activations,
              memory.scratch, memory.prepared);
}

static struct PlanLoss make_loss(const struct PlanRequest *request, int64_t outputs) {
    struct PlanLoss loss = {
        .error_weights = memory_copy_array(request->error_weights, outputs, "weights of errors"),
        .sets = request->sets};
    if (request->loss && request->loss->kind) {
        loss.loss = loss_variant((const struct Loss *)request->loss->kind, request->variant);
        loss.options = request->loss->options;
    }
    CHECK(!request->training || loss.loss);
    return loss;
}

static int64_t most_samples(const struct PlanRequest *request) {
    CHECK(request->sample_counts >= 1 && request->sample_counts <= PLAN_SAMPLE_COUNTS);
    int64_t most = 0;
    for (int i = 0; i < request->sample_counts; i++)
        most = request->samples[i] > most ? request->samples[i] : most;
    return most;
}

static void make_targets(struct Plan *plan, bool weighted) {
    for (int64_t k = 0; k < plan->shard_count; k++) {
        struct PlanShard *shard = &plan->shards[k];
        shard->target = memory_array(float, plan->samples * plan->outputs, "targets");
        shard->sample_losses = memory_array(double, plan->samples, "losses");
        if (weighted)
            shard->weights = memory_array(float, plan->samples, "weights of samples");
    }
}

/* If the pool's input is not what the caller writes. */
static void make_inputs(struct Plan *plan) {
    int64_t elements = plan->samples * shape_elements(model_graph(plan->model)->tensors[0]);
    for (int64_t k = 0; k < plan->shard_count; k++) {
        struct PlanShard *shard = &plan->shards[k];
        if (plan->operations.precisions[0] == PRECISION_FP32)
            return;
        shard->input = memory_array(float, elements, "the input");
        if (plan->operations.needs_gradient[0])
            shard->input_gradient = memory_array(float, elements, "the input's gradient");
        plan->memory.activations += elements * (int64_t)sizeof(float);
    }
}

int plan_create(struct Plan **made, const struct Model *model, const struct PlanRequest *request,
                struct Error *error) {
    int64_t outputs = shape_elements(model_output(model));
    CHECK(request->variant != VARIANT_F64 || request->precision == PRECISION_FP32);
    struct Plan *plan = memory_allocate(sizeof *plan, "the plan");
    *plan = (struct Plan){.model = model,
                          .backend = request->backend,
                          .variant = request->variant,
                          .kernels = plan__kernels(request->variant, PRECISION_FP32),
                          .bf16 = plan__kernels(request->variant, PRECISION_BF16),
                          .bf16_copies = bf16_copies(request->variant),
                          .loss = make_loss(request, outputs),
                          .training = request->training,
                          .stochastic = request->training || request->sample_dropout,
                          .in_turn = request->training && request->own_shards <= 1,
                          .samples = most_samples(request),
                          .outputs = outputs};
    fusion__build(&plan->operations, model_graph(model), request);
    find_final(&plan->operations);
    plan->recomputes = request->training && recompute__mark(&plan->operations);
    int code = plan_operations(plan, request, error);
    make_shards(plan, request);
    if (!code)
        code = make_buffers(plan, error);
    if (code) {
        plan_release(plan);
        return code;
    }
    make_targets(plan, request->weighted);
    make_inputs(plan);
    log_plan(plan);
    *made = plan;
    return OK;
}

void plan_release(struct Plan *plan) {
    if (!plan)
        return;
    for (int i = 0; i < plan->operations.count; i++)
        if (plan->operations.items[i].layer->release)
            plan->operations.items[i].layer->release(&plan->operations.items[i]);
    fusion__release(&plan->operations);
    for (int64_t k = 0; k < plan->shard_count; k++) {
        memory_release(plan->shards[k].calls);
        memory_release(plan->shards[k].later);
        memory_release(plan->shards[k].again);
        memory_release(plan->shards[k].values);
        memory_release(plan->shards[k].gradients);
        memory_release(plan->shards[k].target);
        memory_release(plan->shards[k].weights);
        memory_release(plan->shards[k].sample_losses);
        memory_release(plan->shards[k].input);
        memory_release(plan->shards[k].input_gradient);
    }
    memory_release(plan->shards);
    memory_release(plan->sync.own);
    memory_release(plan->sync.all);
    memory_release(plan->workspace.pool);
    memory_release(plan->workspace.scratch);
    memory_release(plan->workspace.prepared);
    memory_release(plan->workspace.copies);
    memory_release(plan->loss.error_weights);
    memory_release(plan);
}
