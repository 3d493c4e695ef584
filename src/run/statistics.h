/* The statistics of the split that a run trains on. What a file carries for that very split is
 * believed; everything else is measured when the run starts, by all ranks together and with the
 * same bits on any number of them, or taken over from the checkpoint that the run continues from.
 */
#ifndef TRAINER_RUN_STATISTICS_H
#define TRAINER_RUN_STATISTICS_H

#include "checkpoint/checkpoint.h"
#include "comm/ranks.h"
#include "data/statistics/measured.h"
#include "run/options.h"

struct RunStatistics {
    const struct RunOptions *options;
    struct Dataset *dataset;
    const struct Split *train;
    const struct Checkpoint *resumed; /* the run continues from it; NULL: none */
    struct Ranks *ranks;              /* that measure together; NULL: this process alone */
    bool kept;  /* images are prepared as for another run: its statistics stand */
    bool rough; /* for a check: a few images will do, and nothing is done with the result */
};

/* Puts the statistics that preprocess needs into the data set, and principal components, and the
 * digest of the split if the file has none. *measured is what was measured, if anything; it is
 * released by the caller. Collective over the ranks, if there are any. ERROR_DATA if a mean is no
 * finite number. */
int run_settle_statistics(const struct RunStatistics *request, struct MeasuredStatistics *measured,
                          struct Error *error);
/* Whether preprocess needs the principal components of whole images. */
bool run_needs_components(const struct RunOptions *options);

#endif
