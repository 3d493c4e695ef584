/* The curve of a reliability diagram. */
#ifndef TRAINER_CLI_RELIABILITY_SERIES_H
#define TRAINER_CLI_RELIABILITY_SERIES_H

#include "ensemble/reliability.h"
#include "report/plot.h"

/* The diagonal, on which confidence equals accuracy. */
extern const struct PlotSeries reliability_diagonal;
/* Accuracy against confidence for the bins that are not empty. The points are written to x and y
 * (RELIABILITY_BINS); the series refers to them and to `title`. */
struct PlotSeries reliability_series(const struct Reliability *reliability, const char *title,
                                     int colour, double *x, double *y);

#endif
