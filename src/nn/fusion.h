/* Turns nodes into operations: leaves out nodes that have nothing to do in the plan, and fuses
 * neighbours. Inside nn/ only. */
#ifndef TRAINER_NN_FUSION_H
#define TRAINER_NN_FUSION_H

#include "nn/graph.h"
#include "nn/layer.h"
#include "nn/plan.h"

struct Operations {
    struct Operation *items; /* in running order */
    int count;
    int output;                 /* tensor that holds the model's output */
    bool *needs_gradient;       /* of each tensor: something trained comes before it */
    enum Precision *precisions; /* of each tensor in memory */
};

void fusion__build(struct Operations *operations, const struct Graph *graph,
                   const struct PlanRequest *request);
void fusion__release(struct Operations *operations); /* layers' states are the plan's to release */

#endif
