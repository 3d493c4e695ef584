#include "evaluate/ensemble_mean.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

#include "base/softmax.h"

const char *const ensemble_mean_names[] = {"arithmetic", "geometric", NULL};

static bool is_log_sum(struct MeanKind kind) {
    return kind.probabilities && kind.mean == ENSEMBLE_MEAN_ARITHMETIC;
}

/* log(exp a + exp b), where b is finite. */
static double log_add(double a, double b) {
    double larger = fmax(a, b), smaller = fmin(a, b);
    return larger + log1p(exp(smaller - larger));
}

void ensemble_mean_start(struct MeanKind kind, int64_t values, double *mean) {
    for (int64_t i = 0; i < values; i++)
        mean[i] = is_log_sum(kind) ? -INFINITY : 0;
}

void ensemble_mean_add(struct MeanKind kind, double weight, int64_t samples, int64_t outputs,
                       const double *scores, double *mean) {
    if (weight == 0)
        return;
    for (int64_t i = 0; i < samples; i++) {
        const double *row = scores + i * outputs;
        struct SoftmaxNorm norm = {0};
        if (kind.probabilities)
            norm = softmax_norm(outputs, row);
        for (int64_t k = 0; k < outputs; k++) {
            double *to = mean + i * outputs + k, score = softmax_log(norm, row[k]);
            if (kind.sigmoids && kind.mean == ENSEMBLE_MEAN_ARITHMETIC)
                score = exp(sigmoid_log(row[k]));
            *to = is_log_sum(kind) ? log_add(*to, log(weight) + score) : *to + weight * score;
        }
    }
}

void ensemble_mean_finish(struct MeanKind kind, int64_t values, double *mean) {
    if (!kind.sigmoids || kind.mean != ENSEMBLE_MEAN_ARITHMETIC)
        return;
    for (int64_t i = 0; i < values; i++) {
        double p = fmin(fmax(mean[i], DBL_MIN), 1 - DBL_EPSILON / 2); /* whose odds are finite */
        mean[i] = log(p) - log1p(-p);
    }
}
