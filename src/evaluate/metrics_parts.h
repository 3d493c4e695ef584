/* What the metrics of classes and of sets of classes have in common. Inside evaluate/ only. */
#ifndef TRAINER_EVALUATE_METRICS_PARTS_H
#define TRAINER_EVALUATE_METRICS_PARTS_H

#include "evaluate/metrics.h"

/* The mean of a figure over the outputs that have it; NaN if none has. `weights` (outputs), or
 * NULL: equal. */
double metrics__mean(const struct Evaluation *evaluation, enum Figure figure,
                     const double *weights);
/* The areas of the ranking: of each class, and their means. Collective. */
void metrics__measure_ranking(struct Evaluation *evaluation, struct Ranks *ranks);

#endif
