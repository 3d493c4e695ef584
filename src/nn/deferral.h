/* Batch normalisations whose result is never in memory: the convolution that reads it computes it
 * from their input, with the same bits, as it reads. So a training step writes and keeps one
 * activation less for each. Inside nn/ only. */
#ifndef TRAINER_NN_DEFERRAL_H
#define TRAINER_NN_DEFERRAL_H

#include "nn/fusion.h"

/* Sets `deferred` and `normaliser` of the operations of a training plan, before their layers plan.
 * `planning`: as layers get it, but for the operation. */
void deferral__mark(struct Operations *operations, const struct Planning *planning);

#endif
