/* What a run's loss is before anything is learnt. Not collective. */
#ifndef TRAINER_RUN_CHANCE_H
#define TRAINER_RUN_CHANCE_H

#include "run/check.h"

/* The targets of sample `sample` of the training split, (outputs), as the loss takes them. */
void run_read_target(const struct RunParts *parts, int64_t sample, float *target);

/* The loss of scores that are all 0, over samples spread over the training split: ln C for a
 * softmax over C classes. */
double run_chance_loss(const struct RunOptions *options, const struct RunParts *parts);

/* Up to where an initial loss of classes is usual: `times` that of chance; for fewer than ten
 * classes as far above chance as that is for ten, because how far scores raise the loss depends
 * little on the number of classes. */
double run_usual_loss(double times, double chance);

/* Up to where the initial loss of `outputs` values is usual: `times` that of chance. A squared loss
 * of few outputs may be larger: freshly drawn weights shift each output by about √2 deviations of
 * its target, and the fewer there are, the less the mean of the squares tells of their size. The
 * limit is then what one model in a thousand exceeds. */
double run_usual_loss_of_values(const struct RunOptions *options, int64_t outputs, double times,
                                double chance);

#endif
