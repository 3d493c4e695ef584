/* The course's sanity check before any real training: a handful of samples, learnt by heart. If a
 * model cannot do that, something in it, in the loss or in the rate is wrong, and more data does
 * not help. */
#ifndef TRAINER_RUN_OVERFIT_H
#define TRAINER_RUN_OVERFIT_H

#include "report/figures.h"
#include "run/options.h"

/* What makes training harder, so that what is learnt holds for new samples. */
enum {
    HARDENS_AUGMENT = 1,
    HARDENS_MIX = 2,
    HARDENS_REGULARISATION = 4, /* penalties, dropout of any kind, smoothed labels, max-norm */
    HARDENS_ALL = 7
};
/* Switches these off. The options are changed in place, structs that the run file owns among
 * them. */
void run_without(struct RunOptions *options, unsigned hardens);

/* Whether the run has any of these parts. */
bool run_has(const struct RunOptions *options, unsigned hardens);

/* Steps of such a run, unless an override of `file` gives train.length. */
#define OVERFIT_STEPS 300

/* Makes of a run one that trains on `samples` samples of its training split, as many of each class
 * as of any other, and validates with the same ones: all of them in each batch (without the rest,
 * if train.shards does not divide them), at the base rate, without augmentation, mixing, penalties,
 * dropout of any kind, smoothed labels, max-norm, average of weights, large-batch rule, folds and
 * early stopping, with a validation every 20 steps. Model, loss, optimiser, preprocessing and seed
 * stay. The options are changed in place, structs that `file` owns among them; doing it twice
 * changes nothing more. `ranks`: what train.shards: auto means.
 * ERROR_RUN_FILE if there are fewer samples than shards. Not collective. */
int run_overfit(const struct RunFile *file, struct RunOptions *options, int64_t samples,
                int64_t ranks, struct Error *error);

/* Whether the samples were learnt: all of them are right, or, of values, 99 % of the variance is
 * explained. */
bool run_overfit_learnt(const struct Figures *figures);
/* Whether figures that say otherwise can be believed: R2 has no meaning for a target that is the
 * same in all samples, or if there is one sample. */
bool run_overfit_tells(const struct Dataset *dataset, const struct Split *split);

#endif
