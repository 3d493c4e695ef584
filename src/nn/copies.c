#include "nn/copies.h"

#include "base/memory.h"
#include "nn/graph.h"
#include "nn/lifetimes.h"
#include "nn/plan_parts.h"

bool copies__has(const struct Operations *operations, const struct Operation *operation,
                 int tensor) {
    return operation->precision != operations->precisions[tensor];
}

/* Hands out room for the copies of an operation. With `start` NULL it only counts. */
struct Room {
    const struct Plan *plan;
    const struct Operation *operation;
    char *start;
    int64_t shard; /* of those that are computed together, whose copies follow one another */
    size_t used;   /* for each of them */
};

static struct Copy take(struct Room *room, int tensor, void *stored) {
    const struct Plan *plan = room->plan;
    int64_t elements = shape_elements(model_graph(plan->model)->tensors[tensor]);
    struct Copy copy = {.stored = stored, .elements = elements};
    if (!copies__has(&plan->operations, room->operation, tensor))
        return (struct Copy){0};
    size_t bytes =
        memory_round_up((size_t)(plan->samples * elements * variant_bytes(plan->variant)));
    if (room->start)
        copy.reals =
            room->start + room->used * (size_t)plan->shard_count + bytes * (size_t)room->shard;
    room->used += bytes;
    return copy;
}

/* An operation that may work in place does so in its copies, too. */
static bool in_place(const struct Operation *operation) {
    return operation->needs.in_place && !operation->needs.input &&
           shape_elements(operation->in[0]) >= shape_elements(operation->out);
}

static void *value_of(const struct PlanShard *shard, int tensor, bool later) {
    return later && shard->again[tensor] ? shard->again[tensor] : shard->values[tensor];
}

static void take_values(struct Room *room, const struct PlanShard *shard, bool later,
                        struct Copies *copies) {
    const struct Operation *operation = room->operation;
    for (int j = 0; j < operation->input_count; j++)
        copies->input[j] = take(room, operation->inputs[j],
                                shard ? value_of(shard, operation->inputs[j], later) : NULL);
    void *stored = shard ? value_of(shard, operation->output, later) : NULL;
    if (in_place(operation) && copies->input[0].elements &&
        copies__has(&room->plan->operations, operation, operation->output))
        copies->output = (struct Copy){.stored = stored,
                                       .reals = copies->input[0].reals,
                                       .elements = shape_elements(operation->out)};
    else
        copies->output = take(room, operation->output, stored);
}

static void take_gradients(struct Room *room, const struct PlanShard *shard,
                           struct Copies *copies) {
    const struct Operation *operation = room->operation;
    void *const *gradients = shard ? shard->gradients : NULL;
    if (!room->plan->training || !room->plan->operations.needs_gradient[operation->output])
        return;
    copies->output_gradient =
        take(room, operation->output, shard ? gradients[operation->output] : NULL);
    for (int j = 0; j < operation->input_count; j++)
        if (operation->needs_input_gradient[j])
            copies->input_gradient[j] =
                take(room, operation->inputs[j], shard ? gradients[operation->inputs[j]] : NULL);
}

size_t copies__bytes(const struct Plan *plan, int i) {
    struct Room room = {.plan = plan, .operation = &plan->operations.items[i]};
    struct Copies copies = {0};
    if (operation__is_view(room.operation))
        return 0;
    take_values(&room, NULL, false, &copies);
    take_gradients(&room, NULL, &copies);
    return room.used;
}

void copies__place(const struct Plan *plan, const struct PlanShard *shard,
                   struct PlannedCall *planned, bool later, char *memory) {
    struct Call *call = &planned->call;
    struct Copies *copies = &planned->copies;
    struct Room room = {
        .plan = plan, .operation = call->operation, .start = memory, .shard = shard - plan->shards};
    if (operation__is_view(call->operation))
        return;
    take_values(&room, shard, later, copies);
    take_gradients(&room, shard, copies);
    for (int j = 0; j < call->operation->input_count; j++) {
        if (copies->input[j].stored)
            call->input[j] = copies->input[j].reals;
        if (copies->input_gradient[j].stored)
            call->input_gradient[j] = copies->input_gradient[j].reals;
    }
    if (copies->output.stored)
        call->output = copies->output.reals;
    if (copies->output_gradient.stored)
        call->output_gradient = copies->output_gradient.reals;
}

static void load(const struct Plan *plan, const struct Copy *copy, int64_t samples) {
    if (copy->stored)
        plan->bf16_copies->widen(samples * copy->elements, copy->stored, copy->reals);
}

static void store(const struct Plan *plan, const struct Copy *copy, int64_t samples) {
    if (copy->stored)
        plan->bf16_copies->narrow(samples * copy->elements, copy->reals, copy->stored);
}

void copies__before_forward(const struct Plan *plan, const struct PlannedCall *planned,
                            int64_t samples) {
    for (int j = 0; j < planned->call.operation->input_count; j++)
        load(plan, &planned->copies.input[j], samples);
}

void copies__after_forward(const struct Plan *plan, const struct PlannedCall *planned,
                           int64_t samples) {
    store(plan, &planned->copies.output, samples);
}

void copies__before_backward(const struct Plan *plan, const struct PlannedCall *planned,
                             int64_t samples) {
    const struct OperationNeeds *needs = &planned->call.operation->needs;
    for (int j = 0; needs->input && j < planned->call.operation->input_count; j++)
        load(plan, &planned->copies.input[j], samples);
    if (needs->output)
        load(plan, &planned->copies.output, samples);
    load(plan, &planned->copies.output_gradient, samples);
}

void copies__after_backward(const struct Plan *plan, const struct PlannedCall *planned,
                            int64_t samples) {
    for (int j = 0; j < planned->call.operation->input_count; j++) {
        const struct Copy *copy = &planned->copies.input_gradient[j];
        if (copy->stored && planned->copies.adds[j])
            plan->bf16_copies->add_narrowed(samples * copy->elements, copy->reals, copy->stored);
        else
            store(plan, copy, samples);
    }
}
