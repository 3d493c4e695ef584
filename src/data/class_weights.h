/* What each class counts in the loss of a run: weights that the run file gives or that balance the
 * classes of the split that it trains on. Checkpoints hold them. Not collective. */
#ifndef TRAINER_DATA_CLASS_WEIGHTS_H
#define TRAINER_DATA_CLASS_WEIGHTS_H

#include "data/dataset/dataset.h"
#include "store/saved.h"

struct ClassWeights {
    int64_t count;  /* 0: there are none */
    double *values; /* (count), 0 or more */
};
void class_weights_release(struct ClassWeights *weights); /* leaves zeros */

/* With n samples in K classes that have any, n_k of them in class k, class k weighs n / (K n_k),
 * as scikit-learn's "balanced"; or (n − n_k) / n_k if each class is `by_itself`. The weight is 1
 * for a class without samples, and for one that has them all if by_itself. Soft labels count by
 * their parts. */
void class_weights_balance(struct ClassWeights *weights, const struct Dataset *dataset,
                           const struct Split *split, bool by_itself);

/* /class_weights; nothing if there are none. */
extern const struct SavedGroup class_weights_saved;

#endif
