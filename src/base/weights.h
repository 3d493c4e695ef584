/* The largest allowed weight of a sample or a class. */
#ifndef TRAINER_BASE_WEIGHTS_H
#define TRAINER_BASE_WEIGHTS_H

/* Sums of weights times losses over a batch must stay finite. Only the ratios of weights matter. */
#define WEIGHT_MOST 1e12

#endif
