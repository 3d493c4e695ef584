/* A picture of what preprocessing does to a data set: mean image, deviations, the first
 * eigenimages, and examples before and after. Not collective. */
#ifndef TRAINER_DATA_SHEETS_STATISTICS_SHEET_H
#define TRAINER_DATA_SHEETS_STATISTICS_SHEET_H

#include "data/statistics/pca.h"

struct StatisticsSheet {
    const struct Dataset *dataset;
    const struct Split *split; /* that the examples are of */
    const struct StatisticValues *values;
    const struct Pca *pca; /* NULL: without eigenimages and what follows from them */
    const char *scale;     /* one of pca_scales */
    double epsilon;        /* as preprocess.epsilon */
    int64_t columns;       /* examples, and eigenimages */
};

/* How many components an example is rebuilt from and whitened to: those that keep 90 % of the
 * variance, or all where those kept do not. */
int64_t statistics_sheet_components(const struct Pca *pca);

/* Writes a PNG. The examples are drawn from the whole split, always the same. Centred images show 0
 * as grey, −3 as black, 3 as white; whitened ones likewise, in their own deviations. */
int statistics_sheet_write(const struct StatisticsSheet *request, const char *path,
                           struct Error *error);

#endif
