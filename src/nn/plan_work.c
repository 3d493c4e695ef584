#include "nn/plan_work.h"

#include <stdio.h>
#include <string.h>

#include "nn/lifetimes.h"
#include "nn/plan_parts.h"

const char *const plan_pass_names[] = {"prepare",          "forward",       "backward",
                                       "backward weights", "backward data", "loss"};

int plan_works(const struct Plan *plan) {
    return plan->operations.count * PLAN_PASSES + PLAN_PASSES;
}

static void time_call(struct Call *call, int operation, struct Stopwatch *stopwatch) {
    call->stopwatch = stopwatch;
    call->first_work = operation * PLAN_PASSES;
}

void plan_time(struct Plan *plan, struct Stopwatch *stopwatch) {
    plan->stopwatch = stopwatch;
    for (int64_t k = 0; k < plan->shard_count; k++)
        for (int i = 0; i < plan->operations.count; i++) {
            time_call(&plan->shards[k].calls[i].call, i, stopwatch);
            if (plan->shards[k].later)
                time_call(&plan->shards[k].later[i].call, i, stopwatch);
        }
}

/* Bytes for one sample or one call, whichever each is counted by. */
struct Traffic {
    double in, out, input_gradients, saved; /* a sample */
    double parameters;                      /* a call */
};

static double tensor_bytes(const struct Plan *plan, int tensor, struct Shape shape) {
    return (double)element_bytes(plan->variant, plan->operations.precisions[tensor]) *
           (double)shape_elements(shape);
}

static struct Traffic traffic_of(const struct Plan *plan, const struct Operation *operation) {
    double size = variant_bytes(plan->variant);
    struct Traffic traffic = {.out = tensor_bytes(plan, operation->output, operation->out),
                              .saved =
                                  (double)operation->needs.saved_bytes / (double)plan->samples};
    for (int i = 0; i < operation->input_count; i++) {
        double one = tensor_bytes(plan, operation->inputs[i], operation->in[i]);
        traffic.in += one;
        traffic.input_gradients += operation->needs_input_gradient[i] ? one : 0;
    }
    for (int r = 0; r < operation->node->row_count; r++)
        if (operation->rows[r].role != ROLE_STATISTIC)
            traffic.parameters += size * (double)operation->rows[r].count;
    return traffic;
}

/* What backward reads besides the gradient of the output. An addition that was fused needs none of
 * its inputs. */
static double read_again(const struct Plan *plan, const struct Operation *operation,
                         const struct Traffic *traffic) {
    double bytes = traffic->saved;
    for (int i = 0; operation->needs.input && i < operation->node->input_count; i++)
        bytes += tensor_bytes(plan, operation->inputs[i], operation->in[i]);
    return bytes + (operation->needs.output ? traffic->out : 0);
}

static double bytes_of(const struct Plan *plan, const struct Operation *operation,
                       enum PlanPass pass, double samples, double calls) {
    const struct Traffic traffic = traffic_of(plan, operation);
    bool pair = plan->shards[0].calls[operation - plan->operations.items].serves_pair;
    double parameters = (pair ? calls / 2 : calls) * traffic.parameters;
    switch (pass) {
    case PLAN_PREPARE: { /* once a step, however many calls follow, or before each of two passes */
        int times = 1 + (operation->in_turn && operation->needs_input_gradient[0]);
        return times * (traffic.parameters + (double)operation->needs.prepared_bytes);
    }
    case PLAN_FORWARD: {
        double out = operation->deferred ? 0 : traffic.out;
        return samples * (traffic.in + out + (plan->training ? traffic.saved : 0)) + parameters;
    }
    case PLAN_BACKWARD:
        return samples *
                   (traffic.out + traffic.input_gradients + read_again(plan, operation, &traffic)) +
               2 * parameters;
    default: /* the gradient of the output, the other factor, and the result */
        return samples * (traffic.in + traffic.out) + parameters;
    }
}

static bool has_pass(const struct Plan *plan, const struct Operation *operation,
                     enum PlanPass pass) {
    bool backward = plan->training && plan->operations.needs_gradient[operation->output];
    bool apart = operation->layer->products && !operation->needs.joint_backward;
    switch (pass) {
    case PLAN_PREPARE:
        return operation->layer->prepare && operation->needs.prepared_bytes;
    case PLAN_FORWARD:
        return true;
    case PLAN_BACKWARD:
        return backward && !apart;
    case PLAN_BACKWARD_WEIGHTS:
        return backward && apart;
    case PLAN_BACKWARD_DATA:
        return backward && apart && operation->needs_input_gradient[0];
    default:
        return false;
    }
}

static void name_operation(const struct Operation *operation, char name[PLAN_WORK_TEXT]) {
    int length = snprintf(name, PLAN_WORK_TEXT, "%s", operation->layer->kind.name);
    for (int m = 0; m < operation->fused_count && length < PLAN_WORK_TEXT; m++)
        length += snprintf(name + length, PLAN_WORK_TEXT - (size_t)length, "+%s",
                           operation->fused[m]->layer->kind.name);
}

static const char *kernel_of(const struct Operation *operation, enum PlanPass pass) {
    static const int passes[PLAN_PASSES] = {[PLAN_PREPARE] = -1,
                                            [PLAN_FORWARD] = FORWARD,
                                            [PLAN_BACKWARD] = BACKWARD_DATA,
                                            [PLAN_BACKWARD_WEIGHTS] = BACKWARD_WEIGHTS,
                                            [PLAN_BACKWARD_DATA] = BACKWARD_DATA,
                                            [PLAN_LOSS] = -1};
    const char *name = passes[pass] < 0 ? NULL : operation->needs.kernels[passes[pass]];
    return name ? name : "";
}

/* Winograd's F(4x4,3x3): 36 multiplications for each tile of 4x4 outputs instead of 9 for each
 * output. */
static double winograd_share(struct Shape out) {
    double tiles = (double)((out.height + 3) / 4 * ((out.width + 3) / 4));
    return 36 * tiles / (9 * (double)(out.height * out.width));
}

bool plan_work(const struct Plan *plan, int work, double samples, double calls,
               struct PlanWork *described) {
    int i = work / PLAN_PASSES;
    *described =
        (struct PlanWork){.layer = "", .kernel = "", .pass = (enum PlanPass)(work % PLAN_PASSES)};
    if (i == plan->operations.count) {
        snprintf(described->operation, PLAN_WORK_TEXT, "loss");
        return described->pass == PLAN_LOSS && plan->training && plan->loss.loss;
    }
    const struct Operation *operation = &plan->operations.items[i];
    if (operation__is_view(operation) || !has_pass(plan, operation, described->pass))
        return false;
    described->layer = operation->node->path;
    name_operation(operation, described->operation);
    if (operation->layer->products && described->pass != PLAN_PREPARE)
        described->flops = samples * operation->node->flops;
    described->kernel = kernel_of(operation, described->pass);
    if (described->pass == PLAN_BACKWARD) /* of both gradients */
        described->flops *= 2;
    described->least_flops = described->flops;
    if (!strncmp(described->kernel, "winograd", strlen("winograd")))
        described->least_flops *= winograd_share(operation->node->out);
    described->bytes = bytes_of(plan, operation, described->pass, samples, calls);
    return true;
}

double plan_floor(double flops, double bytes, double peak, double bandwidth) {
    double computing = flops / peak, moving = bytes / bandwidth;
    return computing > moving ? computing : moving;
}
