/* How large the weight of a sample or a class may be. */
#ifndef TRAINER_BASE_WEIGHTS_H
#define TRAINER_BASE_WEIGHTS_H

/* Sums over a batch of weights times losses have to stay finite; only ratios of weights matter. */
#define WEIGHT_MOST 1e12

#endif
