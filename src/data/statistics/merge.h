/* Statistics that several processes sum together. Inside data/ only. */
#ifndef TRAINER_DATA_STATISTICS_MERGE_H
#define TRAINER_DATA_STATISTICS_MERGE_H

#include "data/statistics/statistics.h"

/* Adds what another one of the same size has seen. For uint8 images the sums are exact, so that the
 * result is that of all images together; for floats it depends on how they were divided (Chan,
 * Golub and LeVeque 1979). */
void statistics__merge(struct Statistics *statistics, const struct Statistics *other);
/* All that a process has to give to another to have its images counted there: words of 8 bytes,
 * which statistics__unpack of one of the same size takes. They belong to `statistics`. */
const void *statistics__pack(struct Statistics *statistics, int64_t *bytes);
void statistics__unpack(struct Statistics *statistics, const void *words);

#endif
