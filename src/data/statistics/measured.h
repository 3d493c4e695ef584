/* The statistics that a run measured itself, because no file carries them for the split that it
 * trains on. The run's folder and each checkpoint hold them. Not collective. */
#ifndef TRAINER_DATA_STATISTICS_MEASURED_H
#define TRAINER_DATA_STATISTICS_MEASURED_H

#include "data/statistics/statistics.h"
#include "store/saved.h"

struct MeasuredStatistics {
    char *split, *digest; /* of what they are; NULL: the run measured none */
    int64_t sample;       /* images that were looked at; 0: all */
    int64_t height, width, channels;
    struct StatisticValues values;
};
void measured_release(struct MeasuredStatistics *measured); /* leaves zeros */

/* /statistics/NAME, and the attributes split, digest and sample of the group; nothing if there are
 * none. */
extern const struct SavedGroup measured_saved;

#endif
