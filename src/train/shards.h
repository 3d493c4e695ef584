/* The shards of a step that this rank computes: samples in, one sum over all shards of all ranks
 * out. The only loop over shards. */
#ifndef TRAINER_TRAIN_SHARDS_H
#define TRAINER_TRAIN_SHARDS_H

#include "base/stopwatch.h"
#include "comm/beat.h"
#include "comm/exchange.h"
#include "data/loader.h"
#include "nn/plan.h"

/* Which samples a step takes, and which random numbers it draws. */
struct Position {
    int64_t step, epoch, step_in_epoch; /* each from 0 */
};

/* Start with {0}; the caller fills the first group. */
struct Shards {
    struct Plan *plan;
    struct Loader *loader;
    int64_t samples;                /* of the split */
    int64_t batch;                  /* of all shards together */
    int64_t count;                  /* of shards, of all ranks together */
    int64_t steps, steps_per_epoch; /* of the run, of an epoch */
    uint64_t seed;
    int64_t gradient_elements; /* of the arena that is exchanged */
    int64_t parameters;        /* elements at its beginning whose gradients backward computes */
    /* Writes this rank's notes (comm/exchange.h), as late in a step as they still reach the other
     * ranks in it. NULL: none are told. */
    void (*tell)(void *context, float *notes);
    void *tell_context;

    struct Stopwatch *stopwatch; /* of a profile (train/profiler.h); NULL: none */
    int first_work;
    double input_seconds; /* waited for samples so far */
    double loaded;        /* samples of this rank so far */

    struct Beat *beat; /* of this rank: moves with every group of shards */
    struct Exchange *exchange;
    struct ShardCall *calls; /* plan_shards of them */
    float *gradients; /* of shards that run together; NULL: the exchange's buffers hold them */
};

/* Makes the exchange and the buffers. Collective. */
int shards__create(struct Shards *shards, struct Ranks *ranks, enum ExchangeAlgorithm algorithm,
                   enum Variant variant, struct Error *error);
void shards__release(struct Shards *shards);

/* Lets a thread make the samples of the next group of shards while one is computed. */
void shards__prepare_ahead(struct Shards *shards);

/* The samples of the step at `position`. Not collective. */
struct BatchCut shards__cut(const struct Shards *shards, const struct Position *position);

/* Fills the plan's input and target with the samples of shard `shard`; of shards that run together,
 * selects this one's. The call that is returned has no gradient. Not collective. */
struct ShardCall shards__load(struct Shards *shards, const struct Position *position,
                              const float *state, int64_t shard);
/* The same for the shards from `first` on that run together, into shards->calls. */
void shards__load_together(struct Shards *shards, const struct Position *position,
                           const float *state, int64_t first);

/* Both return the arena of the exchange, which holds until the next call. Collective. */

/* The gradient, statistics and tallies of the batch at `position` with the weights of `state`. */
const float *shards__gradient(struct Shards *shards, const struct Position *position,
                              const float *state);
/* The statistics alone, as a training step would find them; the rest is zero. */
const float *shards__statistics(struct Shards *shards, const struct Position *position,
                                const float *state);

#endif
