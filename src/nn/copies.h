/* In a plan whose activations are bf16 (PlanRequest.precision), an operation without a form for
 * them computes on copies: its inputs are widened before a call, its results rounded after it.
 * Inside nn/ only. */
#ifndef TRAINER_NN_COPIES_H
#define TRAINER_NN_COPIES_H

#include "nn/fusion.h"

struct Plan;
struct PlannedCall;
struct PlanShard;

struct Copy {
    void *stored;     /* elements of the plan's pool; NULL: the call works on the pool itself */
    void *reals;      /* what the call works on */
    int64_t elements; /* of a sample */
};

/* The copies of one call. */
struct Copies {
    struct Copy input[LAYER_INPUTS], output, output_gradient, input_gradient[LAYER_INPUTS];
    bool adds[LAYER_INPUTS]; /* an earlier writer's input gradient is there already */
};

/* Does an operation work on a copy of one of its tensors? */
bool copies__has(const struct Operations *operations, const struct Operation *operation,
                 int tensor);
/* Bytes of the copies of operation `i` for one shard. */
size_t copies__bytes(const struct Plan *plan, int i);
/* Lets a complete call work on copies, which lie at `memory` with those of the other shards that
 * are computed together. `later`: a call of shard->later. */
void copies__place(const struct Plan *plan, const struct PlanShard *shard,
                   struct PlannedCall *planned, bool later, char *memory);

/* Around a forward of `samples` samples, and around a backward. */
void copies__before_forward(const struct Plan *plan, const struct PlannedCall *planned,
                            int64_t samples);
void copies__after_forward(const struct Plan *plan, const struct PlannedCall *planned,
                           int64_t samples);
void copies__before_backward(const struct Plan *plan, const struct PlannedCall *planned,
                             int64_t samples);
void copies__after_backward(const struct Plan *plan, const struct PlannedCall *planned,
                            int64_t samples);

#endif
