/* Fills a pool: runs every member over a split, spread over the ranks. The blocks of samples of all
 * members, member after member, are one list of work, and each rank takes an equal stretch of it:
 * with K members on N ranks it runs about K/N of them. The scores do not depend on the ranks. */
#ifndef TRAINER_ENSEMBLE_FILL_H
#define TRAINER_ENSEMBLE_FILL_H

#include "base/ticker.h"
#include "comm/ranks.h"
#include "ensemble/pool.h"
#include "evaluate/predictor.h"

struct Fill {
    struct Ranks *ranks;
    /* The split is streamed, each rank every so many blocks of it: then every rank runs all
     * members, each over its own blocks. */
    bool by_blocks;
    /* Makes a member ready to predict the split on this rank, until `detach`. */
    int (*attach)(void *context, int member, struct Predictor *predictor, struct Error *error);
    void (*detach)(void *context, int member);
    void *context;
    bool (*is_interrupted)(void *context); /* as in evaluate/evaluate.h */
    void *interrupt_context;
    const struct Ticker *ticker; /* NULL, or told on rank 0 how many predictions are done */
};

/* The members [*first, *end) that a rank runs if not by_blocks, whatever the split. */
void fill_members(int members, int rank, int size, int *first, int *end);

/* On rank 0 `pool` gets all scores; on the others it has none. A member's failure, or
 * ERROR_STOPPED, is every rank's. Collective. */
int fill_pool(struct Pool *pool, const struct Fill *fill, struct Error *error);

#endif
