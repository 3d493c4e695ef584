#include "ensemble/gain.h"

#include <math.h>

#include "base/softmax.h"

#define SURE 2 /* standard deviations */

const char *const worth_words[] = {[WORTH_NOTHING] = "not worth its time",
                                   [WORTH_PERHAPS] = "perhaps worth it",
                                   [WORTH_IT] = "worth it"};

double gain_of(enum Figure figure, double value, double over) {
    return figure_kinds[figure].higher_is_better ? value - over : over - value;
}

bool gain_has_error(enum Figure figure) {
    return figure == FIGURE_ACCURACY || figure == FIGURE_LOG_LOSS || figure == FIGURE_RMSE;
}

static double wrong_class(const struct GainOf *of, int64_t sample, const double *row) {
    int32_t label = of->split->labels[sample];
    if (of->figure == FIGURE_LOG_LOSS)
        return -softmax_log(softmax_norm(of->outputs, row), row[label]);
    return predicted_class(row, of->outputs) != label;
}

static double wrong_set(const struct GainOf *of, int64_t sample, const double *row) {
    const float *truth = of->split->targets + sample * of->outputs;
    double loss = 0;
    bool wrong = false;
    for (int64_t k = 0; k < of->outputs; k++) {
        double t = (double)truth[k];
        wrong |= (row[k] >= 0) != (truth[k] > 0.5f);
        loss -=
            (t > 0 ? t * sigmoid_log(row[k]) : 0) + (t < 1 ? (1 - t) * sigmoid_log(-row[k]) : 0);
    }
    return of->figure == FIGURE_LOG_LOSS ? loss / (double)of->outputs : wrong;
}

static double wrong_values(const struct GainOf *of, int64_t sample, const double *row) {
    const float *truth = of->split->targets + sample * of->outputs;
    double sum = 0;
    for (int64_t k = 0; k < of->outputs; k++)
        sum += (row[k] - (double)truth[k]) * (row[k] - (double)truth[k]);
    return sum / (double)of->outputs;
}

static double wrong(const struct GainOf *of, int64_t sample, const double *row) {
    return of->targets == TARGET_VALUES ? wrong_values(of, sample, row)
           : of->targets == TARGET_SETS ? wrong_set(of, sample, row)
                                        : wrong_class(of, sample, row);
}

void gain_add(struct GainSums *sums, const struct GainOf *of, int64_t sample,
              const double *ensemble, const double *alone) {
    double ours = wrong(of, sample, ensemble), its = wrong(of, sample, alone);
    sums->samples++;
    sums->ensemble += ours;
    sums->alone += its;
    sums->squares += (its - ours) * (its - ours);
}

/* RMSE gains √a − √b = (a − b) / (√a + √b), a and b being the mean squared errors. */
double gain_error(const struct GainSums *sums, enum Figure figure) {
    double samples = (double)sums->samples, error = sqrt(sums->squares) / samples;
    if (figure != FIGURE_RMSE || error == 0)
        return error;
    return error / (sqrt(sums->ensemble / samples) + sqrt(sums->alone / samples));
}

enum Worth gain_worth(double gain, double error) {
    return !(gain > 0) ? WORTH_NOTHING : gain > SURE * error ? WORTH_IT : WORTH_PERHAPS;
}
