/* Watches one figure from validation to validation: what "no improvement for so long" means to the
 * plateau schedule and to early stopping. */
#ifndef TRAINER_OPTIM_PATIENCE_H
#define TRAINER_OPTIM_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "report/figures.h"

/* What a key `metric` offers, NULL-terminated: names in the order of enum Figure. */
extern const char *const patience_metric_names[];
/* The figure that such a key means in a validation: R² instead of the accuracy if the targets are
 * values, because it rises to 1 too. */
enum Figure patience_figure(int metric, const struct Figures *validation);

/* A state that starts as zeros and is saved with the run. */
struct Patience {
    int64_t seen;   /* validations */
    int64_t waited; /* of them, since the last that improved */
    double best;    /* of those that improved; nothing while seen is 0 */
};

/* What has to be beaten for an improvement: a figure that should fall must be below
 *   best − |best| · threshold  if relative,  else best − threshold,
 * and one that should rise above best + the same. The first value improves, and any number improves
 * on NaN. */
struct PatienceRule {
    enum Figure figure;
    double threshold;
    bool relative;
};

/* Takes a validation in; true if it improved. */
bool patience_observe(struct Patience *patience, struct PatienceRule rule,
                      const struct Figures *validation);

#endif
