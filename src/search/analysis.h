/* What the trials of a search say about the searched keys. Pure functions of positions and places,
 * so that they can be tried on planted cases without any training. */
#ifndef TRAINER_SEARCH_ANALYSIS_H
#define TRAINER_SEARCH_ANALYSIS_H

#include <stdbool.h>
#include <stdint.h>

/* Trials that came to an end, as points. */
struct Points {
    int count, axes;
    const double *position; /* count × axes, row by row: in [0, 1] along each axis' scale */
    const double *place;    /* count: from 0, the worst, to 1, the best; equal trials share one */
    const int *choices;     /* axes: how many values of a choice, in equal parts of [0, 1]; 0: a
                               range of numbers */
};

/* Places from scores, of which higher ones are better; equal scores, among them all of -INFINITY
 * (diverged trials), share the mean of their places. */
void analysis_places(const double *scores, int count, double *places);

#define ANALYSIS_LEAST 8 /* trials, below which nothing is said */

/* Do the good values lie at an end of the range? By two tests, of which either suffices:
 * - The places are fitted by a parabola on each axis (least squares, all axes of numbers together).
 *   Its best point lies in the last 15 % of the range, it is better there than in the middle by
 *   three standard errors, and the median of the best sixth of the trials lies in the outer third.
 * - The best sixth of the trials, four at least, lie so far in the outer fifth that chance would
 *   bring as many there once in a thousand times, and the very best is among them.
 * EDGE_NONE for a choice, and with fewer than ANALYSIS_LEAST trials. */
enum Edge { EDGE_NONE, EDGE_LOW, EDGE_HIGH };
enum Edge analysis_edge(const struct Points *points, int axis);

/* How much of the places' variance the axis alone explains: the correlation ratio of the places
 * over bins of the axis (equal numbers of trials; of a choice its values), corrected for what
 * chance explains: (between − (bins − 1) · within mean square) / total. It is the first-order
 * effect of variance-based sensitivity analysis (Saltelli et al. 2008) on ranks. May be negative.
 * `error` is its standard error by the jackknife; `chance`, how likely an axis that does not matter
 * explains as much, from 1000 permutations. */
struct Importance {
    double share, error, chance;
};
struct Importance analysis_importance(const struct Points *points, int axis);

#endif
