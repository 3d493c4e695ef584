/* Statistics and principal components in a data set file: /statistics/NAME, and for each scale
 * /statistics/pca/SCALE with eigenvalues (K), float64, eigenvectors (K, height, width, channels),
 * float32, and the attributes total_variance and digest, which is that of the training split they
 * were computed from. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_STATISTICS_FILE_H
#define TRAINER_DATA_STATISTICS_STATISTICS_FILE_H

#include "base/error.h"
#include "data/statistics/pca.h"
#include "store/h5.h"

/* Writes statistics into a file that is being made. */
int statistics_write(struct H5Writer *writer, const struct StatisticValues *values, int64_t height,
                     int64_t width, int64_t channels, struct Error *error);

/* Puts statistics, and principal components unless `pca` is NULL, into the data set's file. A
 * changed copy replaces the file: at any time there is the old file or the new one, and a program
 * that has the old one open, as `dataset` has, keeps it. */
int statistics_store(const struct Dataset *dataset, const struct StatisticValues *values,
                     const struct Pca *pca, const char *scale, struct Error *error);

/* Reads principal components from the data set's file; the caller releases them. ERROR_DATA, with
 * the command that makes them, if it has none or those of another training split. */
int pca_read(struct Pca *pca, const struct Dataset *dataset, const char *scale,
             struct Error *error);
/* Reads, and so checks, all principal components that the data set's file has. */
int pca_verify(const struct Dataset *dataset, struct Error *error);

/* Whether /statistics/NAME is an array that opening a data set, or pca_verify, reads and checks. */
bool statistics_have(const struct Dataset *dataset, const char *name);

#endif
