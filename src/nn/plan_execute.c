/* Forward and backward through a plan, and reading their results. */
#include <string.h>

#include "nn/graph.h"
#include "nn/lifetimes.h"
#include "nn/plan_parts.h"

static void lap(const struct Plan *plan, int operation, enum PlanPass pass) {
    stopwatch_lap(plan->stopwatch, operation * PLAN_PASSES + (int)pass);
}

static void prepare(const struct Plan *plan, int operation, const struct Call *call,
                    unsigned passes) {
    if (!call->operation->layer->prepare)
        return;
    call->operation->layer->prepare(call, passes);
    lap(plan, operation, PLAN_PREPARE);
}

void plan_prepare(struct Plan *plan, const void *state) {
    for (int i = 0; i < plan->operations.count && !plan->in_turn; i++) {
        struct Call *call = &plan->shards[0].calls[i].call;
        call->parameters = state;
        prepare(plan, i, call, EVERY_PASS);
    }
}

enum Moment { MOMENT_FORWARD, MOMENT_AGAIN, MOMENT_BACKWARD };

/* The call of an operation for one of the shards that are computed together. */
static struct PlannedCall *begin_call(struct Plan *plan, int operation, enum Moment moment,
                                      int64_t shard, const struct ShardCall *shard_call) {
    const struct PlanShard *own = &plan->shards[shard];
    struct PlannedCall *planned = moment != MOMENT_FORWARD && own->later ? own->later : own->calls;
    planned += operation;
    struct Call *call = &planned->call;
    call->samples = shard_call->samples;
    call->cut = 0;
    call->first = shard_call->first;
    call->batch = shard_call->batch;
    call->seed = shard_call->seed;
    call->step = shard_call->step;
    call->parameters = shard_call->state;
    /* Statistics are measured once: they may be on their way to other ranks by then. */
    call->gradients = moment == MOMENT_AGAIN ? NULL : shard_call->gradient;
    return planned;
}

/* Whether one call of an operation serves both shards of a pair now. */
static bool serves_both(const struct Plan *plan, int operation,
                        const struct ShardCall *shard_calls) {
    return plan->shards[0].calls[operation].serves_pair &&
           shard_calls[0].samples == plan->samples && shard_calls[1].samples == plan->samples;
}

/* The call that does so. */
static struct PlannedCall *begin_pair_call(struct Plan *plan, int operation, enum Moment moment,
                                           const struct ShardCall *shard_calls) {
    struct PlannedCall *planned = begin_call(plan, operation, moment, 0, shard_calls);
    planned->call.cut = plan->samples;
    planned->call.samples = 2 * plan->samples;
    return planned;
}

/* Copies last from the first half of a synchronised operation to the second. */
static void before_call(const struct Plan *plan, const struct PlannedCall *planned,
                        enum Moment moment, int64_t samples) {
    if (moment == MOMENT_BACKWARD)
        copies__before_backward(plan, planned, samples);
    else
        copies__before_forward(plan, planned, samples);
}

/* The first half of a synchronised operation, then the gathering of all shards' vectors. Every rank
 * takes part, even one without samples. */
static void synchronise(struct Plan *plan, int operation, enum Moment moment,
                        const struct ShardCall *shard_calls,
                        void (*partial)(const struct Call *call)) {
    int64_t values = plan->operations.items[operation].needs.partial_values;
    int64_t count = values * plan->shard_count;
    for (int64_t k = 0; k < plan->shard_count; k++) {
        const struct PlannedCall *planned = begin_call(plan, operation, moment, k, &shard_calls[k]);
        if (shard_calls[k].samples) {
            before_call(plan, planned, moment, shard_calls[k].samples);
            partial(&planned->call);
        } else
            memset(planned->call.partials.own, 0, (size_t)values * sizeof(double));
    }
    if (plan->sync.gather) {
        plan->sync.gather(plan->sync.gather_context, plan->sync.own, count, plan->sync.all);
        return;
    }
    CHECK(plan->shard_count == plan->sync.shards);
    memcpy(plan->sync.all, plan->sync.own, (size_t)count * sizeof(double));
}

static void forward_call(const struct Plan *plan, int i, enum Moment moment,
                         const struct PlannedCall *planned) {
    const struct Operation *operation = planned->call.operation;
    if (plan->in_turn)
        prepare(plan, i, &planned->call, PASS_BIT(FORWARD));
    if (!operation->needs.partial_values)
        before_call(plan, planned, moment, planned->call.samples);
    operation->layer->forward(&planned->call);
    copies__after_forward(plan, planned, planned->call.samples);
}

static void forward_operation(struct Plan *plan, int i, enum Moment moment,
                              const struct ShardCall *shard_calls) {
    const struct Operation *operation = &plan->operations.items[i];
    if (operation__is_view(operation))
        return;
    if (operation->needs.partial_values)
        synchronise(plan, i, moment, shard_calls, operation->layer->forward_partial);
    bool both = serves_both(plan, i, shard_calls);
    if (both)
        forward_call(plan, i, moment, begin_pair_call(plan, i, moment, shard_calls));
    for (int64_t k = 0; k < plan->shard_count && !both; k++) {
        const struct PlannedCall *planned = begin_call(plan, i, moment, k, &shard_calls[k]);
        if (shard_calls[k].samples)
            forward_call(plan, i, moment, planned);
    }
    lap(plan, i, PLAN_FORWARD);
}

void plan__forward_operation(struct Plan *plan, int i, const struct ShardCall *shard_calls) {
    forward_operation(plan, i, MOMENT_FORWARD, shard_calls);
}

static const void *scores_of(const struct Plan *plan, const struct PlanShard *shard) {
    return shard->values[plan->operations.output];
}

/* Each sample's loss and gradient times its weight. */
static void evaluate_weighted(struct Plan *plan, const struct PlanShard *shard, int64_t samples,
                              double weight, void *gradient) {
    size_t row = (size_t)(plan->outputs * variant_bytes(plan->variant));
    const char *scores = scores_of(plan, shard);
    for (int64_t i = 0; i < samples; i++) {
        double own = (double)shard->weights[i];
        plan->loss.loss->evaluate(plan->loss.options, 1, plan->outputs, scores + (size_t)i * row,
                                  shard->target + i * plan->outputs, weight * own,
                                  &shard->sample_losses[i],
                                  gradient ? (char *)gradient + (size_t)i * row : NULL);
        shard->sample_losses[i] *= own;
    }
}

static void evaluate_loss(struct Plan *plan, const struct PlanShard *shard,
                          const struct ShardCall *shard_call, double weight, void *gradient) {
    if (shard->weights) {
        evaluate_weighted(plan, shard, shard_call->samples, weight, gradient);
        return;
    }
    plan->loss.loss->evaluate(plan->loss.options, shard_call->samples, plan->outputs,
                              scores_of(plan, shard), shard->target, weight, shard->sample_losses,
                              gradient);
}

/* Calls `see`, unless it is NULL, for each shard with samples of an operation with values of its
 * own in memory. */
static void visit(const struct Plan *plan, int i, const struct ShardCall *shard_calls,
                  void (*see)(void *, int, int64_t, int64_t), void *context) {
    if (!see || !operation__has_values(&plan->operations.items[i]))
        return;
    for (int64_t k = 0; k < plan->shard_count; k++)
        if (shard_calls[k].samples)
            see(context, i, k, shard_calls[k].samples);
}

static int64_t input_elements(const struct Plan *plan, const struct ShardCall *shard_call) {
    return shard_call->samples * shape_elements(model_graph(plan->model)->tensors[0]);
}

static void round_inputs(const struct Plan *plan, const struct ShardCall *shard_calls) {
    for (int64_t k = 0; k < plan->shard_count; k++)
        if (plan->shards[k].input)
            plan->bf16_copies->narrow(input_elements(plan, &shard_calls[k]), plan->shards[k].input,
                                      plan->shards[k].values[0]);
}

static void widen_input_gradients(const struct Plan *plan, const struct ShardCall *shard_calls) {
    for (int64_t k = 0; k < plan->shard_count; k++)
        if (plan->shards[k].input_gradient)
            plan->bf16_copies->widen(input_elements(plan, &shard_calls[k]),
                                     plan->shards[k].gradients[0], plan->shards[k].input_gradient);
}

void plan__forward(struct Plan *plan, const struct ShardCall *shard_calls,
                   const struct PlanVisitor *visitor) {
    for (int64_t k = 0; k < plan->shard_count; k++)
        CHECK(shard_calls[k].samples <= plan->samples);
    round_inputs(plan, shard_calls);
    for (int i = 0; i < plan->operations.count; i++) {
        plan__forward_operation(plan, i, shard_calls);
        visit(plan, i, shard_calls, visitor->output, visitor->context);
    }
    if (plan->loss.loss && !plan->training)
        evaluate_loss(plan, plan->shards, shard_calls, 0, NULL);
}

static const struct PlanVisitor nobody;

void plan_forward(struct Plan *plan, const struct ShardCall *shard_calls) {
    plan__forward(plan, shard_calls, &nobody);
}

static double sum_losses(const struct PlanShard *shard, const struct ShardCall *shard_call) {
    double loss = 0;
    for (int64_t i = 0; i < shard_call->samples; i++)
        loss += shard->sample_losses[i];
    return loss / (double)shard_call->batch;
}

static double sum_weights(const struct Plan *plan, const struct PlanShard *shard, int64_t samples) {
    double sum = 0;
    for (int64_t i = 0; plan_has_weights(plan) && i < samples; i++)
        sum += (shard->weights ? (double)shard->weights[i] : 1) *
               loss_mass(plan->loss.loss, plan->loss.options, plan->outputs,
                         shard->target + i * plan->outputs);
    return sum;
}

static void write_tallies(struct Plan *plan, const struct PlanShard *shard,
                          const struct ShardCall *shard_call) {
    int64_t at = arena_state_elements(model_arena(plan->model)), correct = 0;
    const void *scores = scores_of(plan, shard);
    double squared_error = 0;
    if (plan->loss.error_weights)
        squared_error = plan->kernels->squared_error(shard_call->samples, plan->outputs, scores,
                                                     shard->target, plan->loss.error_weights);
    else if (plan->loss.sets)
        correct =
            plan->kernels->correct_sets(shard_call->samples, plan->outputs, scores, shard->target);
    else
        correct = plan->kernels->correct(shard_call->samples, plan->outputs, scores, shard->target);
    void (*store)(void *, int64_t, double) = plan->kernels->store;
    store(shard_call->gradient, at + TALLY_LOSS, sum_losses(shard, shard_call));
    store(shard_call->gradient, at + TALLY_CORRECT, (double)correct);
    store(shard_call->gradient, at + TALLY_SAMPLES, (double)shard_call->samples);
    store(shard_call->gradient, at + TALLY_SQUARED_ERROR, squared_error);
    store(shard_call->gradient, at + TALLY_WEIGHT, sum_weights(plan, shard, shard_call->samples));
}

static void backward_loss(struct Plan *plan, const struct PlanShard *shard,
                          const struct ShardCall *shard_call) {
    size_t elements = (size_t)arena_gradient_elements(model_arena(plan->model));
    if (shard_call->samples) {
        evaluate_loss(plan, shard, shard_call, 1.0 / (double)shard_call->batch,
                      shard->gradients[plan->operations.output]);
        write_tallies(plan, shard, shard_call);
    } else {
        memset(shard_call->gradient, 0, elements * (size_t)variant_bytes(plan->variant));
    }
    lap(plan, plan->operations.count, PLAN_LOSS);
}

static const struct PlanKernels *kernels_of(const struct Plan *plan, int tensor) {
    return plan->operations.precisions[tensor] == PRECISION_BF16 ? plan->bf16 : plan->kernels;
}

static void backward_call(struct Plan *plan, int i, const struct PlannedCall *planned) {
    const struct Operation *operation = planned->call.operation;
    int64_t samples = planned->call.samples;
    if (operation__is_view(operation)) {
        int64_t count = samples * shape_elements(operation->out);
        size_t size = (size_t)element_bytes(plan->variant, operation->precision);
        if (planned->view_adds)
            kernels_of(plan, operation->inputs[0])
                ->add(count, planned->call.input_gradient[0], planned->call.output_gradient);
        else if (planned->view_copies)
            memcpy(planned->call.input_gradient[0], planned->call.output_gradient,
                   (size_t)count * size);
        return;
    }
    if (plan->in_turn)
        prepare(plan, i, &planned->call, PASS_BIT(BACKWARD_DATA));
    if (!operation->needs.partial_values)
        before_call(plan, planned, MOMENT_BACKWARD, samples);
    operation->layer->backward(&planned->call);
    copies__after_backward(plan, planned, samples);
    for (int j = 0; j < operation->input_count; j++)
        if (planned->add_to[j])
            kernels_of(plan, operation->inputs[j])
                ->add(samples * shape_elements(operation->in[j]), planned->add_to[j],
                      planned->call.input_gradient[j]);
}

/* The pass that backward of an operation ends with. */
static enum PlanPass last_pass(const struct Operation *operation) {
    if (!operation->layer->products || operation->needs.joint_backward)
        return PLAN_BACKWARD;
    return operation->needs_input_gradient[0] ? PLAN_BACKWARD_DATA : PLAN_BACKWARD_WEIGHTS;
}

/* Computes again what the block of operation `last`, its last one, has not kept. */
static void rebuild_block(struct Plan *plan, int last, const struct ShardCall *shard_calls) {
    int block = plan->operations.items[last].node->block;
    for (int i = 0; i < last; i++)
        if (plan->operations.items[i].again && plan->operations.items[i].node->block == block)
            forward_operation(plan, i, MOMENT_AGAIN, shard_calls);
}

/* The gradients of an operation's parameters in the two arenas of a pair. */
static void add_gradients(const struct Plan *plan, const struct Operation *operation,
                          const struct ShardCall *shard_calls) {
    size_t size = (size_t)variant_bytes(plan->variant);
    for (int r = 0; r < operation->node->row_count; r++) {
        const struct ArenaRow *row = &operation->rows[r];
        size_t at = (size_t)row->offset * size;
        if (row->role != ROLE_STATISTIC)
            plan->kernels->add(row->count, (char *)shard_calls[0].gradient + at,
                               (const char *)shard_calls[1].gradient + at);
    }
}

void plan__backward_operation(struct Plan *plan, int i, const struct ShardCall *shard_calls) {
    const struct Operation *operation = &plan->operations.items[i];
    if (operation->rebuilds)
        rebuild_block(plan, i, shard_calls);
    if (operation->needs.partial_values)
        synchronise(plan, i, MOMENT_BACKWARD, shard_calls, operation->layer->backward_partial);
    bool both = serves_both(plan, i, shard_calls);
    if (both)
        backward_call(plan, i, begin_pair_call(plan, i, MOMENT_BACKWARD, shard_calls));
    for (int64_t k = 0; k < plan->shard_count && !both; k++)
        if (shard_calls[k].samples)
            backward_call(plan, i, begin_call(plan, i, MOMENT_BACKWARD, k, &shard_calls[k]));
    if (plan->pairs && !both)
        add_gradients(plan, operation, shard_calls);
    lap(plan, i, last_pass(operation));
}

/* Replaces the backward of an operation before which nothing is trained. */
static void clear_gradients(const struct Plan *plan, int i, const struct ShardCall *shard_calls) {
    const struct Operation *operation = &plan->operations.items[i];
    size_t size = (size_t)variant_bytes(plan->variant);
    for (int r = 0; r < operation->node->row_count; r++) {
        const struct ArenaRow *row = &operation->rows[r];
        for (int64_t k = 0; k < plan->shard_count && row->role != ROLE_STATISTIC; k++)
            memset((char *)shard_calls[k].gradient + (size_t)row->offset * size, 0,
                   (size_t)row->count * size);
    }
}

static void backward_operation(struct Plan *plan, int i, const struct ShardCall *shard_calls,
                               const struct PlanVisitor *visitor) {
    if (!plan->operations.needs_gradient[plan->operations.items[i].output]) {
        clear_gradients(plan, i, shard_calls);
        return;
    }
    visit(plan, i, shard_calls, visitor->gradient, visitor->context);
    plan__backward_operation(plan, i, shard_calls);
}

void plan__backward(struct Plan *plan, const struct ShardCall *shard_calls,
                    const struct PlanVisitor *visitor) {
    for (int64_t k = 0; k < plan->shard_count; k++)
        backward_loss(plan, &plan->shards[k], &shard_calls[k]);
    for (int i = plan->operations.count - 1; i >= 0; i--) {
        backward_operation(plan, i, shard_calls, visitor);
        if (visitor->ready && plan->operations.items[i].node->row_count)
            visitor->ready(visitor->context, plan->operations.items[i].final_from);
    }
    widen_input_gradients(plan, shard_calls);
}

void plan_backward(struct Plan *plan, const struct ShardCall *shard_calls) {
    plan__backward(plan, shard_calls, &nobody);
}

void plan_backward_telling(struct Plan *plan, const struct ShardCall *shard_calls,
                           void (*ready)(void *context, int64_t first), void *context) {
    const struct PlanVisitor visitor = {.ready = ready, .context = context};
    plan__backward(plan, shard_calls, &visitor);
}

bool plan_gathers(const struct Plan *plan) {
    return plan->sync.needed;
}

double plan_loss(struct Plan *plan, const struct ShardCall *shard_calls) {
    double loss = 0;
    for (int64_t k = 0; k < plan->shard_count; k++) {
        CHECK(plan->training);
        evaluate_loss(plan, &plan->shards[k], &shard_calls[k], 0, NULL);
        loss += sum_losses(&plan->shards[k], &shard_calls[k]);
    }
    return loss;
}

/* Whether what a deferred operation leaves to its reader is finite. */
static bool left_is_finite(const struct Plan *plan, const struct Call *call) {
    const struct Operation *operation = call->operation;
    const char *saved = call->saved;
    int64_t channels = operation->out.channels;
    return plan->kernels->nonfinite(channels, saved + operation->needs.left.scale) < 0 &&
           plan->kernels->nonfinite(channels, saved + operation->needs.left.shift) < 0;
}

static bool output_is_finite(const struct Plan *plan, int i, const struct ShardCall *shard_calls) {
    const struct Operation *operation = &plan->operations.items[i];
    for (int64_t k = 0; k < plan->shard_count; k++) {
        if (operation->deferred && shard_calls[k].samples &&
            !left_is_finite(plan, &plan->shards[k].calls[i].call))
            return false;
        if (operation->deferred)
            continue;
        int64_t count = shard_calls[k].samples * shape_elements(operation->out);
        const void *output = plan->shards[k].values[operation->output];
        if (kernels_of(plan, operation->output)->nonfinite(count, output) >= 0)
            return false;
    }
    return true;
}

const struct Node *plan_find_nonfinite(struct Plan *plan, const struct ShardCall *shard_calls) {
    const struct Node *found = NULL;
    round_inputs(plan, shard_calls);
    for (int i = 0; i < plan->operations.count; i++) {
        const struct Operation *operation = &plan->operations.items[i];
        plan__forward_operation(plan, i, shard_calls);
        if (!found && !operation__is_view(operation) && !output_is_finite(plan, i, shard_calls))
            found = operation->node;
        if (found && !plan->sync.needed) /* else the other ranks wait for this one */
            return found;
    }
    return found;
}

/* ---- Reading ---- */

int64_t plan_shards(const struct Plan *plan) {
    return plan->shard_count;
}

bool plan_pairs(const struct Plan *plan) {
    return plan->pairs;
}

void plan_select(struct Plan *plan, int64_t shard) {
    CHECK(shard >= 0 && shard < plan->shard_count);
    plan->selected = shard;
}

static const struct PlanShard *selected(const struct Plan *plan) {
    return &plan->shards[plan->selected];
}

void *plan_input(struct Plan *plan) {
    const struct PlanShard *shard = selected(plan);
    return shard->input ? shard->input : shard->values[0];
}

float *plan_target(struct Plan *plan) {
    return selected(plan)->target;
}

float *plan_weights(struct Plan *plan) {
    return selected(plan)->weights;
}

bool plan_has_weights(const struct Plan *plan) {
    return plan->shards[0].weights || loss_has_masses(plan->loss.loss, plan->loss.options);
}

const void *plan_scores(const struct Plan *plan) {
    return scores_of(plan, selected(plan));
}

const void *plan_input_gradient(const struct Plan *plan) {
    const struct PlanShard *shard = selected(plan);
    return !plan->training         ? NULL
           : shard->input_gradient ? shard->input_gradient
                                   : shard->gradients[0];
}

void plan_read_scores(const struct Plan *plan, int64_t samples, double *scores) {
    plan->kernels->widen(samples * plan->outputs, plan_scores(plan), scores);
}

struct PlanMemory plan_memory(const struct Plan *plan) {
    return plan->memory;
}

const char *plan_kernels(const struct Plan *plan, int node, enum Pass pass) {
    for (int i = 0; i < plan->operations.count; i++)
        if (plan->operations.items[i].node->index == node)
            return plan->operations.items[i].needs.kernels[pass];
    return NULL;
}

int plan_operation_count(const struct Plan *plan) {
    return plan->operations.count;
}
