/* A picture of what preprocessing does to a data set: mean image, deviations, the first
 * eigenimages, and examples before and after. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_SHEET_H
#define TRAINER_DATA_STATISTICS_SHEET_H

#include "data/pca.h"

struct StatisticsSheet {
    const struct Dataset *dataset;
    const struct Split *split; /* that the examples are of */
    const struct StatisticValues *values;
    const struct Pca *pca; /* NULL: without eigenimages and what follows from them */
    const char *scale;     /* one of pca_scales */
    double epsilon;        /* as preprocess.epsilon */
    int64_t columns;       /* examples, and eigenimages */
};

/* Writes a PNG. Centred images show 0 as grey, −3 as black, 3 as white. */
int statistics_sheet_write(const struct StatisticsSheet *request, const char *path,
                           struct Error *error);

#endif
