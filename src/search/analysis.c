#include "search/analysis.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/sort.h"

/* ---- Places ---- */

struct Scored {
    double score;
    int index;
};

static int by_score(const void *left, const void *right) {
    const struct Scored *a = left, *b = right;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static struct Scored *sorted(const double *scores, int count) {
    struct Scored *items = memory_array(struct Scored, count, "trials in order");
    for (int i = 0; i < count; i++)
        items[i] = (struct Scored){.score = scores[i], .index = i};
    qsort(items, (size_t)count, sizeof *items, by_score);
    return items;
}

void analysis_places(const double *scores, int count, double *places) {
    struct Scored *items = sorted(scores, count);
    for (int first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && items[end].score == items[first].score;)
            end++;
        for (int i = first; i < end; i++)
            places[items[i].index] =
                count > 1 ? 0.5 * (first + end - 1) / (count - 1) : 1; /* the mean of theirs */
    }
    memory_release(items);
}

/* ---- Least squares ---- */

/* Inverts a symmetric positive definite matrix of `n` rows in place, by Gauss-Jordan elimination
 * without pivots. False: it is singular. */
static bool invert(double *matrix, int n) {
    for (int k = 0; k < n; k++) {
        double pivot = matrix[k * n + k];
        if (!(pivot > 1e-12))
            return false;
        matrix[k * n + k] = 1;
        for (int j = 0; j < n; j++)
            matrix[k * n + j] /= pivot;
        for (int i = 0; i < n; i++) {
            double factor = matrix[i * n + k];
            if (i == k)
                continue;
            matrix[i * n + k] = 0;
            for (int j = 0; j < n; j++)
                matrix[i * n + j] -= factor * matrix[k * n + j];
        }
    }
    return true;
}

/* The slope and curvature of one axis' parabola, and their covariance. */
struct Parabola {
    double b, c;
    double bb, bc, cc;
};

struct Fit {
    const struct Points *points;
    int columns; /* 1, then u and u² of each fitted axis */
    int *axis;   /* of the pairs of columns */
    double *normal, *right, *weights;
};

static double column(const struct Fit *fit, int point, int column) {
    if (column == 0)
        return 1;
    double u = fit->points->position[point * fit->points->axes + fit->axis[(column - 1) / 2]];
    return (column - 1) % 2 ? u * u : u;
}

static double residual_variance(const struct Fit *fit) {
    double sum = 0;
    for (int i = 0; i < fit->points->count; i++) {
        double rest = fit->points->place[i];
        for (int a = 0; a < fit->columns; a++)
            rest -= fit->weights[a] * column(fit, i, a);
        sum += rest * rest;
    }
    return sum / fmax(1, fit->points->count - fit->columns);
}

static bool solve(struct Fit *fit) {
    int n = fit->columns;
    for (int i = 0; i < fit->points->count; i++)
        for (int a = 0; a < n; a++) {
            double value = column(fit, i, a);
            fit->right[a] += value * fit->points->place[i];
            for (int b = 0; b < n; b++)
                fit->normal[a * n + b] += value * column(fit, i, b);
        }
    if (!invert(fit->normal, n))
        return false;
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++)
            fit->weights[a] += fit->normal[a * n + b] * fit->right[b];
    return true;
}

/* With too few trials for all axes, `axis` is fitted alone. */
static bool fit_parabola(const struct Points *points, int axis, struct Parabola *parabola) {
    int numbers = 0, pair = 0;
    for (int i = 0; i < points->axes; i++)
        numbers += !points->choices[i];
    bool together = points->count >= 1 + 2 * numbers + 6;
    struct Fit fit = {.points = points, .columns = together ? 1 + 2 * numbers : 3};
    fit.axis = memory_array(int, numbers, "a fit");
    fit.normal = memory_array(double, fit.columns *fit.columns, "a fit");
    fit.right = memory_array(double, fit.columns, "a fit");
    fit.weights = memory_array(double, fit.columns, "a fit");
    for (int i = 0, used = 0; i < points->axes; i++)
        if (together ? !points->choices[i] : i == axis) {
            pair = i == axis ? used : pair;
            fit.axis[used++] = i;
        }
    bool solved = solve(&fit);
    if (solved) {
        int at = 1 + 2 * pair, n = fit.columns;
        double variance = residual_variance(&fit);
        *parabola = (struct Parabola){.b = fit.weights[at],
                                      .c = fit.weights[at + 1],
                                      .bb = variance * fit.normal[at * n + at],
                                      .bc = variance * fit.normal[at * n + at + 1],
                                      .cc = variance * fit.normal[(at + 1) * n + at + 1]};
    }
    memory_release(fit.axis);
    memory_release(fit.normal);
    memory_release(fit.right);
    memory_release(fit.weights);
    return solved;
}

/* ---- Edges ---- */

static double best_point(const struct Parabola *parabola) {
    if (parabola->c < 0)
        return fmin(fmax(-parabola->b / (2 * parabola->c), 0), 1);
    return parabola->b + parabola->c > 0 ? 1 : 0;
}

/* Whether the parabola rises towards `end` (0 or 1), seen from the middle. */
static bool rises(const struct Parabola *parabola, double end) {
    const double standard_errors = 3;
    double u = end - 0.5, square = end * end - 0.25;
    double gain = u * parabola->b + square * parabola->c;
    double variance =
        u * u * parabola->bb + 2 * u * square * parabola->bc + square * square * parabola->cc;
    return gain > standard_errors * sqrt(fmax(variance, 0)) && gain > 0;
}

/* The chance of `hits` or more of `count` independent events of this chance each. */
static double binomial_tail(int count, int hits, double chance) {
    double tail = 0;
    for (int k = hits; k <= count; k++)
        tail += exp(lgamma(count + 1) - lgamma(k + 1) - lgamma(count - k + 1) + k * log(chance) +
                    (count - k) * log(1 - chance));
    return tail;
}

/* The best sixth of the trials, seen from one end of an axis: 1 is at it. */
struct Best {
    int count;
    double first, median;
    int outer; /* in the outer fifth */
};

static struct Best best_sixth(const struct Points *points, int axis, bool high) {
    struct Scored *order = sorted(points->place, points->count);
    struct Best best = {.count = points->count / 6 > 4 ? points->count / 6 : 4};
    double *near = memory_array(double, best.count, "the best trials");
    for (int i = 0; i < best.count; i++) {
        int point = order[points->count - 1 - i].index;
        double u = points->position[point * points->axes + axis];
        near[i] = high ? u : 1 - u;
        best.outer += near[i] > 0.8;
    }
    best.first = near[0];
    best.median = sort_median(near, best.count);
    memory_release(near);
    memory_release(order);
    return best;
}

static bool is_at_edge(const struct Points *points, int axis, bool high,
                       const struct Parabola *parabola) {
    struct Best best = best_sixth(points, axis, high);
    if (best.first > 0.8 && binomial_tail(best.count, best.outer, 0.2) < 1e-3)
        return true;
    if (!parabola)
        return false;
    double point = best_point(parabola);
    return (high ? point : 1 - point) >= 0.85 && rises(parabola, high ? 1 : 0) &&
           best.median > 2.0 / 3;
}

enum Edge analysis_edge(const struct Points *points, int axis) {
    struct Parabola parabola;
    if (points->choices[axis] || points->count < ANALYSIS_LEAST)
        return EDGE_NONE;
    const struct Parabola *fitted = fit_parabola(points, axis, &parabola) ? &parabola : NULL;
    if (is_at_edge(points, axis, true, fitted))
        return EDGE_HIGH;
    return is_at_edge(points, axis, false, fitted) ? EDGE_LOW : EDGE_NONE;
}

/* ---- Importance ---- */

/* Bins of trials, of which `left_out` (−1: none) does not count. */
static double share_of(const double *place, const int *bin, int count, int bins, int left_out) {
    double *sum = memory_array(double, bins, "bins"), *weight = memory_array(double, bins, "bins");
    double total = 0, squares = 0, between = 0;
    int used = 0, filled = 0;
    for (int i = 0; i < count; i++) {
        if (i == left_out)
            continue;
        sum[bin[i]] += place[i];
        weight[bin[i]]++;
        total += place[i];
        squares += place[i] * place[i];
        used++;
    }
    double mean = total / used, all = squares - used * mean * mean;
    for (int i = 0; i < bins; i++)
        if (weight[i] > 0) {
            double own = sum[i] / weight[i];
            between += weight[i] * (own - mean) * (own - mean);
            filled++;
        }
    memory_release(sum);
    memory_release(weight);
    if (all <= 1e-12 || used <= filled)
        return 0;
    return (between - (filled - 1) * (all - between) / (used - filled)) / all;
}

/* About the cube root of twice the trials, but four at least, so that a peak in the middle shows.
 */
static int bins_for(int count) {
    int bins = (int)ceil(cbrt(2.0 * count));
    return bins < 4 ? 4 : bins;
}

static int fill_bins(const struct Points *points, int axis, int *bin) {
    double *u = memory_array(double, points->count, "positions");
    for (int i = 0; i < points->count; i++)
        u[i] = points->position[i * points->axes + axis];
    struct Scored *order = sorted(u, points->count);
    int bins = points->choices[axis] ? points->choices[axis] : bins_for(points->count);
    for (int i = 0; i < points->count; i++) {
        int point = order[i].index, own = i * bins / points->count;
        if (points->choices[axis])
            own = (int)fmin(u[point] * bins, bins - 1);
        else if (i > 0 && order[i].score == order[i - 1].score)
            own = bin[order[i - 1].index]; /* equal values, as on a grid, stay together */
        bin[point] = own;
    }
    memory_release(order);
    memory_release(u);
    return bins;
}

static double jackknife(const struct Points *points, const int *bin, int bins) {
    double sum = 0, squares = 0, n = points->count;
    for (int i = 0; i < points->count; i++) {
        double share = share_of(points->place, bin, points->count, bins, i);
        sum += share;
        squares += share * share;
    }
    return sqrt(fmax(0, (n - 1) / n * (squares - sum * sum / n)));
}

static double chance_of(const struct Points *points, const int *bin, int bins, double share) {
    const int permutations = 1000;
    int64_t *order = memory_array(int64_t, points->count, "a permutation");
    double *place = memory_array(double, points->count, "a permutation");
    int as_much = 0;
    for (int k = 0; k < permutations; k++) {
        struct RandomStream stream =
            random_stream(0, RANDOM_SEARCH, 1000, (uint64_t)k, (uint64_t)points->count);
        random_permutation(&stream, points->count, order);
        for (int i = 0; i < points->count; i++)
            place[i] = points->place[order[i]];
        as_much += share_of(place, bin, points->count, bins, -1) >= share;
    }
    memory_release(place);
    memory_release(order);
    return (as_much + 1.0) / (permutations + 1);
}

struct Importance analysis_importance(const struct Points *points, int axis) {
    struct Importance importance = {.chance = 1};
    if (points->count < ANALYSIS_LEAST)
        return importance;
    int *bin = memory_array(int, points->count, "bins");
    int bins = fill_bins(points, axis, bin);
    importance.share = share_of(points->place, bin, points->count, bins, -1);
    importance.error = jackknife(points, bin, bins);
    importance.chance = chance_of(points, bin, bins, importance.share);
    memory_release(bin);
    return importance;
}
