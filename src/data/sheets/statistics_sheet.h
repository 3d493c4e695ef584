/* A picture of what preprocessing does to a data set: the mean image, the deviations, the first
 * eigenimages, and examples before and after. Not collective. */
#ifndef TRAINER_DATA_SHEETS_STATISTICS_SHEET_H
#define TRAINER_DATA_SHEETS_STATISTICS_SHEET_H

#include "data/statistics/pca.h"

struct StatisticsSheet {
    const struct Dataset *dataset;
    const struct Split *split; /* the split of the examples */
    const struct StatisticValues *values;
    const struct Pca *pca; /* NULL: leave out eigenimages and what needs them */
    const char *scale;     /* one of pca_scales */
    double epsilon;        /* see preprocess.epsilon */
    int64_t columns;       /* the number of examples and of eigenimages */
};

/* How many components an example is rebuilt from and whitened to: those that explain 90 % of the
 * variance, or all that are kept if those do not. */
int64_t statistics_sheet_components(const struct Pca *pca);

/* Writes a PNG. The examples are drawn from the whole split, always the same ones. In centred
 * images, 0 is grey, −3 black and 3 white; in whitened images, these are multiples of their own
 * deviation. ERROR_USAGE if the picture would be too large,
 * ERROR_SYSTEM if it cannot be written. */
int statistics_sheet_write(const struct StatisticsSheet *request, const char *path,
                           struct Error *error);

#endif
