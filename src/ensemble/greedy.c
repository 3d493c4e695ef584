#include "ensemble/greedy.h"

#include <float.h>
#include <math.h>

#include "base/memory.h"
#include "base/softmax.h"

/* How wrong an ensemble is: two sums over the samples. If the first sums of two ensembles are
 * equal, the second decides. */
struct Wrong {
    double first, second;
};

/* By more than what rounding makes of equal sums. */
static bool is_less(double one, double than) {
    return one < than - 1e-12 * fabs(than);
}

static bool is_better(struct Wrong one, struct Wrong than) {
    return is_less(one.first, than.first) ||
           (!is_less(than.first, one.first) && is_less(one.second, than.second));
}

/* ---- What is averaged ---- */

/* The mean of the terms is what the ensemble predicts: probabilities, their logarithms for a
 * geometric mean, or values. */
static double *make_terms(const struct Pool *pool) {
    int64_t outputs = pool->outputs, rows = pool->members * pool->samples;
    double *terms = memory_array(double, rows *outputs, "what members predict");
    bool logarithms = pool->kind.mean == ENSEMBLE_MEAN_GEOMETRIC;
    for (int64_t i = 0; i < rows; i++) {
        const double *row = pool->scores + i * outputs;
        double *to = terms + i * outputs;
        struct SoftmaxNorm norm = {0};
        if (pool->kind.probabilities)
            norm = softmax_norm(outputs, row);
        for (int64_t k = 0; k < outputs; k++)
            if (pool->kind.probabilities)
                to[k] = logarithms ? softmax_log(norm, row[k]) : exp(softmax_log(norm, row[k]));
            else
                to[k] = pool->kind.sigmoids ? exp(sigmoid_log(row[k])) : row[k];
    }
    return terms;
}

/* ---- How wrong a sample's mean is ---- */

static double positive(double p) {
    return fmax(p, DBL_MIN);
}

static struct Wrong judge_class(const struct Pool *pool, int64_t sample, const double *row) {
    int64_t label = pool->split->labels[sample];
    struct Wrong wrong = {.first = predicted_class(row, pool->outputs) != label};
    if (pool->kind.probabilities && pool->kind.mean == ENSEMBLE_MEAN_GEOMETRIC)
        wrong.second = -softmax_log(softmax_norm(pool->outputs, row), row[label]);
    else if (pool->kind.probabilities)
        wrong.second = -log(positive(row[label]));
    return wrong;
}

static struct Wrong judge_set(const struct Pool *pool, int64_t sample, const double *row) {
    const float *truth = pool->split->targets + sample * pool->outputs;
    double half = pool->kind.sigmoids ? 0.5 : 0;
    struct Wrong wrong = {0};
    for (int64_t k = 0; k < pool->outputs; k++) {
        double t = (double)truth[k];
        wrong.first = wrong.first > 0 || (row[k] >= half) != (t > 0.5);
        if (pool->kind.sigmoids)
            wrong.second -= (t * log(positive(row[k])) + (1 - t) * log(positive(1 - row[k]))) /
                            (double)pool->outputs;
    }
    return wrong;
}

static struct Wrong judge_values(const struct Pool *pool, int64_t sample, const double *row) {
    const float *truth = pool->split->targets + sample * pool->outputs;
    struct Wrong wrong = {0};
    for (int64_t k = 0; k < pool->outputs; k++) {
        double error = row[k] - (double)truth[k];
        wrong.first += error * error / (double)pool->outputs;
    }
    return wrong;
}

/* ---- The search ---- */

struct Search {
    const struct Pool *pool;
    enum Figure by;
    const double *terms;
    double *sum; /* (samples, outputs): of the terms that were added */
    double *row; /* (outputs): a sample's mean */
    struct Wrong (*judge)(const struct Pool *pool, int64_t sample, const double *row);
};

/* The ensemble that the chosen members and `member`, `size` in all, make. */
static struct Wrong try_member(const struct Search *search, int member, int size) {
    const struct Pool *pool = search->pool;
    int64_t outputs = pool->outputs;
    const double *terms = search->terms + member * pool->samples * outputs;
    struct Wrong all = {0};
    for (int64_t i = 0; i < pool->samples; i++) {
        for (int64_t k = i * outputs; k < (i + 1) * outputs; k++)
            search->row[k - i * outputs] = (search->sum[k] + terms[k]) / size;
        struct Wrong wrong = search->judge(pool, i, search->row);
        all.first += wrong.first;
        all.second += wrong.second;
    }
    return search->by == FIGURE_LOG_LOSS ? (struct Wrong){all.second, all.first} : all;
}

/* Adds the best member for a round, and returns how wrong the ensemble then is. */
static struct Wrong add_best(struct Search *search, int size, int *added) {
    const struct Pool *pool = search->pool;
    struct Wrong best = {DBL_MAX, DBL_MAX};
    *added = 0;
    for (int m = 0; m < pool->members; m++) {
        struct Wrong wrong = try_member(search, m, size);
        if (is_better(wrong, best)) {
            best = wrong;
            *added = m;
        }
    }
    const double *terms = search->terms + *added * pool->samples * pool->outputs;
    for (int64_t i = 0; i < pool->samples * pool->outputs; i++)
        search->sum[i] += terms[i];
    return best;
}

static double figure_of(const struct Search *search, struct Wrong wrong) {
    double mean = wrong.first / (double)search->pool->samples;
    return search->by == FIGURE_ACCURACY ? 1 - mean : search->by == FIGURE_RMSE ? sqrt(mean) : mean;
}

enum Figure greedy_default(const struct Pool *pool) {
    return pool->targets == TARGET_VALUES ? FIGURE_RMSE : FIGURE_ACCURACY;
}

bool greedy_can_use(const struct Pool *pool, enum Figure by) {
    if (pool->targets == TARGET_VALUES)
        return by == FIGURE_RMSE;
    return by == FIGURE_ACCURACY ||
           (by == FIGURE_LOG_LOSS && (pool->kind.probabilities || pool->kind.sigmoids));
}

struct Greedy greedy_select(const struct Pool *pool, enum Figure by, int rounds) {
    double *terms = make_terms(pool);
    struct Search search = {
        .pool = pool,
        .by = by,
        .terms = terms,
        .sum = memory_array(double, pool->samples * pool->outputs, "an ensemble's sum"),
        .row = memory_array(double, pool->outputs, "a sample's mean"),
        .judge = pool->targets == TARGET_VALUES ? judge_values
                 : pool->targets == TARGET_SETS ? judge_set
                                                : judge_class};
    struct Greedy greedy = {.rounds = rounds,
                            .added = memory_array(int, rounds, "the members added"),
                            .figures = memory_array(double, rounds, "figures of ensembles"),
                            .weights = memory_array(double, pool->members, "weights"),
                            .by = by};
    struct Wrong best = {DBL_MAX, DBL_MAX};
    for (int round = 0; round < rounds; round++) {
        struct Wrong wrong = add_best(&search, round + 1, &greedy.added[round]);
        greedy.figures[round] = figure_of(&search, wrong);
        if (round == 0 || is_better(wrong, best)) {
            best = wrong;
            greedy.best = round + 1;
        }
    }
    for (int round = 0; round < greedy.best; round++)
        greedy.weights[greedy.added[round]] += 1;
    for (int m = 0; m < pool->members; m++)
        greedy.weights[m] /= greedy.best;
    memory_release(terms);
    memory_release(search.sum);
    memory_release(search.row);
    return greedy;
}

void greedy_release(struct Greedy *greedy) {
    memory_release(greedy->added);
    memory_release(greedy->figures);
    memory_release(greedy->weights);
    *greedy = (struct Greedy){0};
}
