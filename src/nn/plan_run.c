/* Running a plan, and reading what came of it. */
#include <string.h>

#include "base/clock.h"
#include "nn/graph.h"
#include "nn/lifetimes.h"
#include "nn/plan_parts.h"

void plan_prepare(struct Plan *plan, const void *state) {
    for (int i = 0; i < plan->operations.count; i++) {
        struct Call *call = &plan->shards[0].steps[i].call;
        call->parameters = state;
        if (call->operation->layer->prepare)
            call->operation->layer->prepare(call);
    }
}

/* The call of an operation for one of the shards that run together. */
static struct Step *begin_call(struct Plan *plan, int operation, int64_t shard,
                               const struct PlanRun *run) {
    struct Step *step = &plan->shards[shard].steps[operation];
    struct Call *call = &step->call;
    call->samples = run->samples;
    call->first = run->first;
    call->batch = run->batch;
    call->seed = run->seed;
    call->step = run->step;
    call->parameters = run->state;
    call->gradients = run->gradient;
    return step;
}

/* The first half of a synchronised operation, on every rank: even one without samples. */
static void synchronise(struct Plan *plan, int operation, const struct PlanRun *runs,
                        void (*partial)(const struct Call *call)) {
    int64_t values = plan->operations.items[operation].partial_values;
    int64_t count = values * plan->shard_count;
    for (int64_t k = 0; k < plan->shard_count; k++) {
        const struct Step *step = begin_call(plan, operation, k, &runs[k]);
        if (runs[k].samples)
            partial(&step->call);
        else
            memset(step->call.partial, 0, (size_t)values * sizeof(double));
    }
    if (plan->gather) {
        plan->gather(plan->gather_context, plan->partials, count, plan->all_partials);
        return;
    }
    CHECK(plan->shard_count == plan->batch_shards);
    memcpy(plan->all_partials, plan->partials, (size_t)count * sizeof(double));
}

static void forward_operation(struct Plan *plan, int i, const struct PlanRun *runs) {
    const struct Operation *operation = &plan->operations.items[i];
    if (operation_is_view(operation))
        return;
    double start = plan->timed ? clock_seconds() : 0;
    if (operation->partial_values)
        synchronise(plan, i, runs, operation->layer->forward_partial);
    for (int64_t k = 0; k < plan->shard_count; k++)
        if (runs[k].samples)
            operation->layer->forward(&begin_call(plan, i, k, &runs[k])->call);
    if (plan->timed)
        plan->seconds[i][0] += clock_seconds() - start;
}

static const void *scores_of(const struct Plan *plan, const struct PlanShard *shard) {
    return shard->values[plan->operations.output];
}

static void evaluate_loss(struct Plan *plan, const struct PlanShard *shard,
                          const struct PlanRun *run, double weight, void *gradient) {
    plan->loss->evaluate(plan->loss_options, run->samples, plan->outputs, scores_of(plan, shard),
                         shard->target, weight, shard->sample_losses, gradient);
}

void plan_forward(struct Plan *plan, const struct PlanRun *runs) {
    for (int64_t k = 0; k < plan->shard_count; k++)
        CHECK(runs[k].samples <= plan->samples);
    for (int i = 0; i < plan->operations.count; i++)
        forward_operation(plan, i, runs);
    if (plan->loss && !plan->training)
        evaluate_loss(plan, plan->shards, runs, 0, NULL);
}

static double sum_losses(const struct PlanShard *shard, const struct PlanRun *run) {
    double loss = 0;
    for (int64_t i = 0; i < run->samples; i++)
        loss += shard->sample_losses[i];
    return loss / (double)run->batch;
}

static void write_tallies(struct Plan *plan, const struct PlanShard *shard,
                          const struct PlanRun *run) {
    int64_t at = arena_state_elements(model_arena(plan->model)), correct = 0;
    const void *scores = scores_of(plan, shard);
    double squared_error = 0;
    if (plan->error_weights)
        squared_error = plan->kernels->squared_error(run->samples, plan->outputs, scores,
                                                     shard->target, plan->error_weights);
    else
        correct = plan->kernels->correct(run->samples, plan->outputs, scores, shard->target);
    void (*store)(void *, int64_t, double) = plan->kernels->store;
    store(run->gradient, at + TALLY_LOSS, sum_losses(shard, run));
    store(run->gradient, at + TALLY_CORRECT, (double)correct);
    store(run->gradient, at + TALLY_SAMPLES, (double)run->samples);
    store(run->gradient, at + TALLY_SQUARED_ERROR, squared_error);
}

static void backward_loss(struct Plan *plan, const struct PlanShard *shard,
                          const struct PlanRun *run) {
    size_t elements = (size_t)arena_gradient_elements(model_arena(plan->model));
    if (run->samples) {
        evaluate_loss(plan, shard, run, 1.0 / (double)run->batch,
                      shard->gradients[plan->operations.output]);
        write_tallies(plan, shard, run);
    } else {
        memset(run->gradient, 0, elements * (size_t)variant_bytes(plan->variant));
    }
}

static void backward_step(struct Plan *plan, const struct Step *step, const struct PlanRun *run) {
    const struct Operation *operation = step->call.operation;
    size_t size = (size_t)variant_bytes(plan->variant);
    if (operation_is_view(operation)) {
        int64_t count = run->samples * shape_elements(operation->out);
        if (step->view_adds)
            plan->kernels->add(count, step->call.input_gradient[0], step->call.output_gradient);
        else if (step->view_copies)
            memcpy(step->call.input_gradient[0], step->call.output_gradient, (size_t)count * size);
        return;
    }
    operation->layer->backward(&step->call);
    for (int j = 0; j < operation->input_count; j++)
        if (step->add_to[j])
            plan->kernels->add(run->samples * shape_elements(operation->in[j]), step->add_to[j],
                               step->call.input_gradient[j]);
}

static void backward_operation(struct Plan *plan, int i, const struct PlanRun *runs) {
    const struct Operation *operation = &plan->operations.items[i];
    double start = plan->timed ? clock_seconds() : 0;
    if (operation->partial_values)
        synchronise(plan, i, runs, operation->layer->backward_partial);
    for (int64_t k = 0; k < plan->shard_count; k++)
        if (runs[k].samples)
            backward_step(plan, begin_call(plan, i, k, &runs[k]), &runs[k]);
    if (plan->timed)
        plan->seconds[i][1] += clock_seconds() - start;
}

/* Instead of backward where nothing trained lies so far in front. */
static void clear_gradients(const struct Plan *plan, int i, const struct PlanRun *runs) {
    const struct Operation *operation = &plan->operations.items[i];
    size_t size = (size_t)variant_bytes(plan->variant);
    for (int r = 0; r < operation->node->row_count; r++) {
        const struct ArenaRow *row = &operation->rows[r];
        for (int64_t k = 0; k < plan->shard_count && row->role != ROLE_STATISTIC; k++)
            memset((char *)runs[k].gradient + (size_t)row->offset * size, 0,
                   (size_t)row->count * size);
    }
}

static void announce(const struct Plan *plan, const struct PlanRun *runs, int64_t begin,
                     int64_t end) {
    for (int64_t k = 0; k < plan->shard_count; k++)
        if (runs[k].ready)
            runs[k].ready(runs[k].context, begin, end);
}

void plan_backward(struct Plan *plan, const struct PlanRun *runs) {
    const struct Arena *arena = model_arena(plan->model);
    int64_t end = arena->parameters;
    for (int64_t k = 0; k < plan->shard_count; k++)
        backward_loss(plan, &plan->shards[k], &runs[k]);
    for (int i = plan->operations.count - 1; i >= 0; i--) {
        if (plan->operations.wants_gradient[plan->operations.items[i].output])
            backward_operation(plan, i, runs);
        else
            clear_gradients(plan, i, runs);
        if (plan->final_from[i] < end) {
            announce(plan, runs, plan->final_from[i], end);
            end = plan->final_from[i];
        }
    }
    announce(plan, runs, arena->parameters, arena_gradient_elements(arena));
}

double plan_loss(struct Plan *plan, const struct PlanRun *runs) {
    double loss = 0;
    for (int64_t k = 0; k < plan->shard_count; k++) {
        CHECK(plan->training && runs[k].gradient);
        evaluate_loss(plan, &plan->shards[k], &runs[k], 0, NULL);
        loss += sum_losses(&plan->shards[k], &runs[k]);
    }
    return loss;
}

static bool output_is_finite(const struct Plan *plan, int i, const struct PlanRun *runs) {
    for (int64_t k = 0; k < plan->shard_count; k++) {
        const struct Call *call = &plan->shards[k].steps[i].call;
        int64_t count = runs[k].samples * shape_elements(call->operation->out);
        if (plan->kernels->nonfinite(count, call->output) >= 0)
            return false;
    }
    return true;
}

const struct Node *plan_find_nonfinite(struct Plan *plan, const struct PlanRun *runs) {
    const struct Node *found = NULL;
    for (int i = 0; i < plan->operations.count; i++) {
        const struct Operation *operation = &plan->operations.items[i];
        forward_operation(plan, i, runs);
        if (!found && !operation_is_view(operation) && !output_is_finite(plan, i, runs))
            found = operation->node;
        if (found && !plan->synchronised) /* else the other ranks wait for this one */
            return found;
    }
    return found;
}

/* ---- Reading ---- */

int64_t plan_shards(const struct Plan *plan) {
    return plan->shard_count;
}

void plan_select(struct Plan *plan, int64_t shard) {
    CHECK(shard >= 0 && shard < plan->shard_count);
    plan->selected = shard;
}

static const struct PlanShard *selected(const struct Plan *plan) {
    return &plan->shards[plan->selected];
}

void *plan_input(struct Plan *plan) {
    return selected(plan)->values[0];
}

float *plan_target(struct Plan *plan) {
    return selected(plan)->target;
}

const void *plan_scores(const struct Plan *plan) {
    return scores_of(plan, selected(plan));
}

const double *plan_sample_losses(const struct Plan *plan) {
    return selected(plan)->sample_losses;
}

const void *plan_input_gradient(const struct Plan *plan) {
    return plan->training ? selected(plan)->gradients[0] : NULL;
}

void plan_predict(struct Plan *plan, int64_t samples, float *predictions) {
    CHECK(plan->loss);
    plan->loss->predict(plan->loss_options, samples, plan->outputs, plan_scores(plan), predictions);
}

struct PlanMemory plan_memory(const struct Plan *plan) {
    return plan->memory;
}

int plan_operation_count(const struct Plan *plan) {
    return plan->operations.count;
}

const struct Operation *plan_operation(const struct Plan *plan, int index) {
    return &plan->operations.items[index];
}

void plan_time(struct Plan *plan, bool on) {
    plan->timed = on;
    for (int i = 0; i < plan->operations.count; i++)
        plan->seconds[i][0] = plan->seconds[i][1] = 0;
}

const double *plan_seconds(const struct Plan *plan, int operation) {
    return plan->seconds[operation];
}
