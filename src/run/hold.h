/* How a run has its images: mapped, in memory once for each node, or streamed. */
#ifndef TRAINER_RUN_HOLD_H
#define TRAINER_RUN_HOLD_H

#include "comm/node_memory.h"
#include "comm/ranks.h"
#include "data/dataset/dataset.h"
#include "data/stream_cut.h"
#include "run/options.h"

struct Holding {
    int64_t granted; /* bytes of a node, by data.memory */
    int64_t mapped;  /* bytes of files that are used where they are */
    int64_t held;    /* in memory, once for each node */
    int64_t windows; /* of streams, in all ranks of a node together */
    /* How each split is streamed. A window of 0: it is not. */
    struct StreamCut train, validation;
    struct NodeMemory *memory[2];
};

struct HoldRequest {
    const struct RunOptions *options;       /* train.shards is a number */
    struct Dataset *dataset;                /* opened with `defers` */
    const struct Split *train, *validation; /* validation NULL: none */
    bool resumed;        /* what the options leave open was decided by the run's first start */
    struct Ranks *ranks; /* NULL: nothing is read, this is only a check */
    int64_t rank_count;  /* of the run that is checked */
};

/* Decides, by sizes, the memory that all nodes grant, and the options; reads what is to be held.
 * ERROR_RUN_FILE if the memory is too small for any window. Collective over the ranks; the code is
 * the same on all of them. A failure leaves `holding` to be released. */
int run_hold(struct Holding *holding, const struct HoldRequest *request, struct Error *error);
/* For an evaluation of a split: reads it into *held, once for each node, if it takes at most
 * `memory` bytes (-1: half of what is granted); else *cut says how it is streamed. Collective; the
 * code is the same on all ranks. The caller calls node_memory_release(*held) in any case, not
 * before the data set is closed. */
int run_hold_evaluated(struct Dataset *dataset, const struct Split *split, int64_t memory,
                       struct Ranks *ranks, struct NodeMemory **held, struct StreamCut *cut,
                       struct Error *error);
/* Not before the data set is closed. */
void holding_release(struct Holding *holding);

#endif
