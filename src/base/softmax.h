/* log p_k = score_k − log Σ_j exp(score_j). The scores are shifted by their maximum, so that exp
 * cannot overflow and log p_k is finite however far the scores are apart. */
#ifndef TRAINER_BASE_SOFTMAX_H
#define TRAINER_BASE_SOFTMAX_H

#include <math.h>
#include <stdint.h>

/* log p_k = score_k − largest − log_sum. The two are kept apart because their sum loses digits. */
struct SoftmaxNorm {
    double largest, log_sum;
};

/* Defines a function that finds the norm of a row of scores of `type`. */
#define SOFTMAX_NORM(name, type)                                                                   \
    static inline struct SoftmaxNorm name(int64_t outputs, const type *scores) {                   \
        struct SoftmaxNorm norm = {(double)scores[0], 0};                                          \
        double sum = 0;                                                                            \
        for (int64_t k = 1; k < outputs; k++)                                                      \
            if ((double)scores[k] > norm.largest)                                                  \
                norm.largest = (double)scores[k];                                                  \
        for (int64_t k = 0; k < outputs; k++)                                                      \
            sum += exp((double)scores[k] - norm.largest);                                          \
        norm.log_sum = log(sum);                                                                   \
        return norm;                                                                               \
    }
SOFTMAX_NORM(softmax_norm, double)

static inline double softmax_log(struct SoftmaxNorm norm, double score) {
    return score - norm.largest - norm.log_sum;
}

/* log σ(z) = −log(1 + exp(−z)), without overflow or loss of digits for either sign of z. */
static inline double sigmoid_log(double z) {
    return z < 0 ? z - log1p(exp(z)) : -log1p(exp(-z));
}

#endif
