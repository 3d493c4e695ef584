/* The curve of a reliability diagram. */
#ifndef TRAINER_CLI_RELIABILITY_SERIES_H
#define TRAINER_CLI_RELIABILITY_SERIES_H

#include "ensemble/reliability.h"
#include "report/plot.h"

/* The diagonal: as sure as right. */
extern const struct PlotSeries reliability_diagonal;
/* Accuracy against confidence in the bins that hold something. The points are written into x and y
 * (RELIABILITY_BINS), which the series refers to, as it does to `title`. */
struct PlotSeries reliability_series(const struct Reliability *reliability, const char *title,
                                     int colour, double *x, double *y);

#endif
