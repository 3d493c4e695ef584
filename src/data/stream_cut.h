/* How a loader reads a split that it streams. */
#ifndef TRAINER_DATA_STREAM_CUT_H
#define TRAINER_DATA_STREAM_CUT_H

#include <stdbool.h>
#include <stdint.h>

struct StreamCut {
    int64_t window; /* samples that are shuffled together, over all lanes; or of a run */
    bool shuffle;
    int64_t classes; /* shuffled: those of the labels of balanced epochs (data/order.h); 0: each
                        sample once */
    uint64_t seed;
    int64_t batch, shards;           /* shuffled */
    int64_t first_shard, own_shards; /* those that are wanted here */
    /* Not shuffled: of every `parts` runs of `run` positions, run `part` is wanted here. */
    int64_t run, parts, part;
};

#endif
