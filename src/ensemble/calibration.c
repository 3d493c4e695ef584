#include "ensemble/calibration.h"

#include <math.h>

#include "base/softmax.h"

bool calibration_is_possible(const struct Pool *pool) {
    return pool->kind.probabilities || pool->kind.sigmoids;
}

/* ---- Temperature ---- */

/* d(log loss)/dβ of a sample, where β = 1/T: Σ_k p_k z_k − z_label, p = softmax(β z). */
static double slope_of_class(const struct Pool *pool, int64_t sample, const double *row,
                             double beta) {
    double largest = row[0], sum = 0, mean = 0;
    for (int64_t k = 1; k < pool->outputs; k++)
        largest = fmax(largest, row[k]);
    for (int64_t k = 0; k < pool->outputs; k++) {
        double p = exp(beta * (row[k] - largest));
        sum += p;
        mean += p * (row[k] - largest);
    }
    return mean / sum - (row[pool->split->labels[sample]] - largest);
}

/* The same for decisions: Σ_k (σ(β z_k) − t_k) z_k. */
static double slope_of_set(const struct Pool *pool, int64_t sample, const double *row,
                           double beta) {
    const float *truth = pool->split->targets + sample * pool->outputs;
    double sum = 0;
    for (int64_t k = 0; k < pool->outputs; k++)
        sum += (exp(sigmoid_log(beta * row[k])) - (double)truth[k]) * row[k];
    return sum;
}

/* It grows with β, because the log loss is convex in it. */
static double slope(const struct Pool *pool, const double *scores, double beta) {
    double sum = 0;
    for (int64_t i = 0; i < pool->samples; i++) {
        const double *row = scores + i * pool->outputs;
        sum += pool->kind.sigmoids ? slope_of_set(pool, i, row, beta)
                                   : slope_of_class(pool, i, row, beta);
    }
    return sum;
}

double calibration_temperature(const struct Pool *pool, const double *scores) {
    double low = log(1 / TEMPERATURE_MOST), high = log(1 / TEMPERATURE_LEAST);
    if (slope(pool, scores, exp(low)) >= 0)
        return TEMPERATURE_MOST;
    if (slope(pool, scores, exp(high)) <= 0)
        return TEMPERATURE_LEAST;
    for (int i = 0; i < 45; i++) { /* to 13 digits */
        double middle = (low + high) / 2;
        if (slope(pool, scores, exp(middle)) < 0)
            low = middle;
        else
            high = middle;
    }
    return exp(-(low + high) / 2);
}

/* ---- Reliability ---- */

static void add_class(struct Calibration *measured, const struct Pool *pool, int64_t sample,
                      const double *row) {
    int64_t label = pool->split->labels[sample], predicted = predicted_class(row, pool->outputs);
    struct SoftmaxNorm norm = softmax_norm(pool->outputs, row);
    for (int64_t k = 0; k < pool->outputs; k++) {
        double p = exp(softmax_log(norm, row[k]));
        measured->brier += (p - (k == label)) * (p - (k == label));
        if (k == predicted)
            reliability_add(&measured->reliability, p, predicted == label);
    }
}

static void add_set(struct Calibration *measured, const struct Pool *pool, int64_t sample,
                    const double *row) {
    const float *truth = pool->split->targets + sample * pool->outputs;
    for (int64_t k = 0; k < pool->outputs; k++) {
        double p = exp(sigmoid_log(row[k])), t = (double)truth[k];
        measured->brier += (p - t) * (p - t) / (double)pool->outputs;
        reliability_add(&measured->reliability, p, t > 0.5);
    }
}

struct Calibration calibration_measure(const struct Pool *pool, const double *scores) {
    struct Calibration measured = {.brier = 0};
    for (int64_t i = 0; i < pool->samples; i++)
        (pool->kind.sigmoids ? add_set : add_class)(&measured, pool, i, scores + i * pool->outputs);
    reliability_finish(&measured.reliability);
    measured.brier /= (double)pool->samples;
    return measured;
}
