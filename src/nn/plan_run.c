/* Running a plan, and reading what came of it. */
#include <string.h>

#include "base/clock.h"
#include "nn/graph.h"
#include "nn/lifetimes.h"
#include "nn/plan_parts.h"

void plan_prepare(struct Plan *plan, const void *state) {
    for (int i = 0; i < plan->operations.count; i++) {
        struct Step *step = &plan->steps[i];
        step->call.parameters = state;
        if (step->call.operation->layer->prepare)
            step->call.operation->layer->prepare(&step->call);
    }
}

static void begin_call(struct Step *step, const struct PlanRun *run) {
    struct Call *call = &step->call;
    call->samples = run->samples;
    call->first = run->first;
    call->batch = run->batch;
    call->seed = run->seed;
    call->step = run->step;
    call->parameters = run->state;
    call->gradients = run->gradient;
}

void plan_forward(struct Plan *plan, const struct PlanRun *run) {
    CHECK(run->samples <= plan->samples);
    for (int i = 0; i < plan->operations.count && run->samples; i++) {
        struct Step *step = &plan->steps[i];
        if (operation_is_view(step->call.operation))
            continue;
        double start = plan->timed ? clock_seconds() : 0;
        begin_call(step, run);
        step->call.operation->layer->forward(&step->call);
        if (plan->timed)
            step->seconds[0] += clock_seconds() - start;
    }
    if (plan->loss && !plan->training)
        plan->loss->evaluate(plan->loss_options, run->samples, plan->outputs, plan_scores(plan),
                             plan->target, 0, plan->sample_losses, NULL);
}

static void write_tallies(struct Plan *plan, const struct PlanRun *run) {
    const struct Arena *arena = model_arena(plan->model);
    double loss = 0;
    for (int64_t i = 0; i < run->samples; i++)
        loss += plan->sample_losses[i];
    int64_t at = arena_state_elements(arena);
    int64_t correct =
        plan->kernels->correct(run->samples, plan->outputs, plan_scores(plan), plan->target);
    void (*store)(void *, int64_t, double) = plan->kernels->store;
    store(run->gradient, at + TALLY_LOSS, loss / (double)run->batch);
    store(run->gradient, at + TALLY_CORRECT, (double)correct);
    store(run->gradient, at + TALLY_SAMPLES, (double)run->samples);
}

static void step_backward(struct Plan *plan, struct Step *step, const struct PlanRun *run) {
    const struct Operation *operation = step->call.operation;
    size_t size = (size_t)variant_bytes(plan->variant);
    begin_call(step, run);
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

void plan_backward(struct Plan *plan, const struct PlanRun *run) {
    const struct Arena *arena = model_arena(plan->model);
    int64_t end = arena->parameters, elements = arena_gradient_elements(arena);
    if (run->samples == 0)
        memset(run->gradient, 0, (size_t)elements * (size_t)variant_bytes(plan->variant));
    if (run->samples) {
        plan->loss->evaluate(plan->loss_options, run->samples, plan->outputs, plan_scores(plan),
                             plan->target, 1.0 / (double)run->batch, plan->sample_losses,
                             plan->gradients[plan->operations.output]);
        write_tallies(plan, run);
    }
    for (int i = plan->operations.count - 1; i >= 0; i--) {
        struct Step *step = &plan->steps[i];
        double start = plan->timed ? clock_seconds() : 0;
        if (run->samples)
            step_backward(plan, step, run);
        if (plan->timed)
            step->seconds[1] += clock_seconds() - start;
        if (run->ready && step->final_from < end) {
            run->ready(run->context, step->final_from, end);
            end = step->final_from;
        }
    }
    if (run->ready)
        run->ready(run->context, arena->parameters, elements);
}

double plan_loss(struct Plan *plan, const struct PlanRun *run) {
    CHECK(plan->training && run->gradient);
    plan->loss->evaluate(plan->loss_options, run->samples, plan->outputs, plan_scores(plan),
                         plan->target, 0, plan->sample_losses, NULL);
    double loss = 0;
    for (int64_t i = 0; i < run->samples; i++)
        loss += plan->sample_losses[i];
    return loss / (double)run->batch;
}

const struct Node *plan_find_nonfinite(struct Plan *plan, const struct PlanRun *run) {
    for (int i = 0; i < plan->operations.count && run->samples; i++) {
        struct Step *step = &plan->steps[i];
        const struct Operation *operation = step->call.operation;
        if (operation_is_view(operation))
            continue;
        begin_call(step, run);
        operation->layer->forward(&step->call);
        if (plan->kernels->nonfinite(run->samples * shape_elements(operation->out),
                                     step->call.output) >= 0)
            return operation->node;
    }
    return NULL;
}

/* ---- Reading ---- */

void *plan_input(struct Plan *plan) {
    return plan->values[0];
}

float *plan_target(struct Plan *plan) {
    return plan->target;
}

const void *plan_scores(const struct Plan *plan) {
    return plan->values[plan->operations.output];
}

const double *plan_sample_losses(const struct Plan *plan) {
    return plan->sample_losses;
}

const void *plan_input_gradient(const struct Plan *plan) {
    return plan->training ? plan->gradients[0] : NULL;
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
        plan->steps[i].seconds[0] = plan->steps[i].seconds[1] = 0;
}

const double *plan_seconds(const struct Plan *plan, int operation) {
    return plan->steps[operation].seconds;
}
