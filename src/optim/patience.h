/* Watching the figure of one validation after another: what "no improvement for so long" means to
 * the plateau schedule and to early stopping. */
#ifndef TRAINER_OPTIM_PATIENCE_H
#define TRAINER_OPTIM_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct Validation { /* figures of one */
    double loss, accuracy;
};

enum PatienceMetric { PATIENCE_LOSS, PATIENCE_ACCURACY };
extern const char *const patience_metric_names[]; /* NULL-terminated, in the enum's order */

/* A state that starts as zeros and is saved with the run. */
struct Patience {
    int64_t seen;   /* validations */
    int64_t waited; /* of them, since the last that improved */
    double best;    /* of those that improved; nothing while seen is 0 */
};

/* What has to be beaten for an improvement: a loss must be below
 *   best − |best| · threshold  if relative,  else best − threshold,
 * an accuracy above best + |best| · threshold, else best + threshold: R², which may stand in its
 * place, can be negative. The first figure improves, and any number on one that is none. */
struct PatienceRule {
    enum PatienceMetric metric;
    double threshold;
    bool relative;
};

/* Takes a validation in; true where it improved. */
bool patience_observe(struct Patience *patience, struct PatienceRule rule,
                      const struct Validation *validation);

#endif
