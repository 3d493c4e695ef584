/* Whether an ensemble is worth the time of several models: what it gains over the single model that
 * would be used in its place, and whether chance would give as much. Both predict the same samples,
 * which are compared in pairs. Not collective. */
#ifndef TRAINER_ENSEMBLE_GAIN_H
#define TRAINER_ENSEMBLE_GAIN_H

#include <stdint.h>

#include "data/dataset/dataset.h"
#include "evaluate/metrics.h"

/* Whose predictions are compared, and by which figure. */
struct GainOf {
    enum Figure figure;
    enum TargetKind targets;
    const struct Split *split; /* with its truth */
    int64_t outputs;
};

/* Sums over the samples. Initialise with {0}. */
struct GainSums {
    int64_t samples;
    double ensemble, alone; /* how wrong each is */
    double squares;         /* of the differences */
};

enum Worth { WORTH_NOTHING, WORTH_PERHAPS, WORTH_IT };
extern const char *const worth_words[]; /* "not worth its time" … */

/* What a figure gains over another, so that above 0 is better whichever way the figure counts. */
double gain_of(enum Figure figure, double value, double over);

/* Whether the error of a gain can be computed: for accuracy, log loss and RMSE, which are means
 * over samples. The log loss needs probabilities. */
bool gain_has_error(enum Figure figure);
/* Adds a sample of the split. The rows are (outputs): scores, or values in the data set's units.
 * The figure must have an error. */
void gain_add(struct GainSums *sums, const struct GainOf *of, int64_t sample,
              const double *ensemble, const double *alone);
/* The standard deviation of the gain if chance drew the sign of each sample's difference: a gain of
 * which chance gives as much is no larger than twice that. */
double gain_error(const struct GainSums *sums, enum Figure figure);

/* A gain that chance may give, or of which nothing is known (`error` is NaN), is perhaps worth it.
 */
enum Worth gain_worth(double gain, double error);

#endif
