/* Which operations of a training plan run again before the backward of their block, so that their
 * results need no memory in between: the `recompute` key of containers (Chen et al. 2016, "Training
 * deep nets with sublinear memory cost"). Inside nn/ only. */
#ifndef TRAINER_NN_RECOMPUTE_H
#define TRAINER_NN_RECOMPUTE_H

#include "nn/fusion.h"

/* Sets `again` and `rebuilds` of the operations of a training plan. Those of a block whose results
 * are read outside of it, its last one among them, do not run again. Returns whether any does. */
bool recompute__mark(struct Operations *operations);
/* Is the tensor the result of an operation that runs again? */
bool recompute__made_again(const struct Operations *operations, int tensor);
/* The block's last operation, just before whose backward the others run again. */
int recompute__last(const struct Operations *operations, int block);

#endif
