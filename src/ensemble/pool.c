#include "ensemble/pool.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "run/blocks.h"

struct Pool pool_create(const struct Dataset *dataset, const struct Split *split, int members,
                        struct MeanKind kind, bool holds) {
    struct Pool pool = {.split = split,
                        .targets = dataset->targets.kind,
                        .metrics = metrics_for(dataset),
                        .kind = kind,
                        .members = members,
                        .samples = split->count,
                        .outputs = dataset->targets.count};
    if (holds)
        pool.scores = memory_array(double, members *pool.samples *pool.outputs, "members' scores");
    return pool;
}

void pool_release(struct Pool *pool) {
    memory_release(pool->scores);
    *pool = (struct Pool){0};
}

double pool_bytes(const struct Dataset *dataset, const struct Split *split, int members) {
    return (double)sizeof(double) * members * (double)split->count * (double)dataset->targets.count;
}

const double *pool_member(const struct Pool *pool, int member) {
    return pool->scores + member * pool->samples * pool->outputs;
}

void pool_combine(const struct Pool *pool, const double *weights, double *mean) {
    int64_t values = pool->samples * pool->outputs;
    ensemble_mean_start(pool->kind, values, mean);
    for (int m = 0; m < pool->members; m++)
        ensemble_mean_add(pool->kind, weights[m], pool->samples, pool->outputs,
                          pool_member(pool, m), mean);
    ensemble_mean_finish(pool->kind, values, mean);
}

void pool_cool(const struct Pool *pool, double temperature, double *scores) {
    for (int64_t i = 0; i < pool->samples * pool->outputs; i++)
        scores[i] /= temperature;
}

/* Block by block, as evaluate/evaluate.h does it, so that the figures have the same bits. */
static void add_blocks(const struct Pool *pool, const double *predictions,
                       struct Evaluation *evaluation, double *sums) {
    int64_t count = pool->metrics->sum_count(pool->outputs);
    double *own = memory_array(double, count, "evaluation");
    for (int64_t first = 0; first < pool->samples; first += EVALUATE_BLOCK) {
        int64_t left = pool->samples - first;
        const struct PredictedBlock block = {.split = pool->split,
                                             .first = first,
                                             .count = left < EVALUATE_BLOCK ? left : EVALUATE_BLOCK,
                                             .scores = predictions + first * pool->outputs,
                                             .predictions = predictions + first * pool->outputs};
        memset(own, 0, (size_t)count * sizeof *own);
        pool->metrics->add_block(evaluation, &block, own);
        for (int64_t k = 0; k < count; k++)
            sums[k] += own[k];
    }
    memory_release(own);
}

struct Figures pool_measure(const struct Pool *pool, const double *predictions) {
    struct Ranks *alone = ranks_alone();
    struct Evaluation evaluation = {.samples = pool->samples,
                                    .outputs = pool->outputs,
                                    .probabilities = pool->kind.probabilities};
    double *sums = memory_array(double, pool->metrics->sum_count(pool->outputs), "evaluation");
    pool->metrics->start(&evaluation, pool->split);
    add_blocks(pool, predictions, &evaluation, sums);
    pool->metrics->finish(&evaluation, alone, sums);
    struct Figures figures = evaluation.figures;
    evaluation_release(&evaluation);
    memory_release(sums);
    ranks_release(alone);
    return figures;
}

/* How far two members are apart for one sample: 1 for each decision that differs, or the sum of the
 * squared differences. */
static double distance(const struct Pool *pool, const double *one, const double *other) {
    double sum = 0;
    if (pool->targets != TARGET_VALUES && pool->targets != TARGET_SETS)
        return predicted_class(one, pool->outputs) != predicted_class(other, pool->outputs);
    for (int64_t k = 0; k < pool->outputs; k++)
        sum += pool->targets == TARGET_SETS ? (one[k] >= 0) != (other[k] >= 0)
                                            : (one[k] - other[k]) * (one[k] - other[k]);
    return sum / (double)pool->outputs;
}

void pool_disagreement(const struct Pool *pool, double *matrix) {
    for (int a = 0; a < pool->members; a++) {
        matrix[a * pool->members + a] = 0;
        for (int b = 0; b < a; b++) {
            const double *one = pool_member(pool, a), *other = pool_member(pool, b);
            double sum = 0;
            for (int64_t i = 0; i < pool->samples * pool->outputs; i += pool->outputs)
                sum += distance(pool, one + i, other + i);
            sum /= (double)pool->samples;
            matrix[a * pool->members + b] = matrix[b * pool->members + a] =
                pool->targets == TARGET_VALUES ? sqrt(sum) : sum;
        }
    }
}
