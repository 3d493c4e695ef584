/* Patience counts the validations for which a figure has not improved. The plateau schedule and
 * early stopping use it. */
#ifndef TRAINER_OPTIM_PATIENCE_H
#define TRAINER_OPTIM_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/saved.h"
#include "report/figures.h"

/* The values of a key `metric`, in the order of enum Figure; NULL-terminated. */
extern const char *const patience_metric_names[];
/* Whether a validation with such targets has the figure that a value of `metric` stands for. */
bool patience_metric_is_for(int metric, enum TargetKind targets);
/* That figure. If the targets are values, `accuracy` stands for R²; both are best at 1. */
enum Figure patience_figure(int metric, enum TargetKind targets);

/* The state, initialised with zeros. Its owner saves it, by patience_saved or by
 * PATIENCE_SAVED_FIELDS in a table of its own. */
struct Patience {
    int64_t seen;   /* validations so far */
    int64_t waited; /* validations since the last improvement */
    double best;    /* the figure at the last improvement; undefined while `seen` is 0 */
};
/* Rows for the table of `struct owner`; `path` is the path of its struct Patience: `patience.`. */
#define PATIENCE_SAVED_FIELDS(owner, path)                                                         \
    SAVED_FIELD(owner, "best", path best, .optional = true),                                       \
        SAVED_FIELD(owner, "seen", path seen, .optional = true),                                   \
        SAVED_FIELD(owner, "waited", path waited, .optional = true)
extern const struct SavedTable patience_saved;
bool patience_is_valid(const struct Patience *patience);

/* What counts as an improvement. A figure that should fall must be below
 *   best − |best| · threshold  if relative,  else best − threshold;
 * one that should rise must be above best + |best| · threshold or best + threshold. The first value
 * is an improvement, and so is any number after a NaN. */
struct PatienceRule {
    enum Figure figure;
    double threshold;
    bool relative;
};

/* Adds a validation to the state. Returns whether its figure is an improvement. */
bool patience_observe(struct Patience *patience, struct PatienceRule rule,
                      const struct Figures *validation);

#endif
