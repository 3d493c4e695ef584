/* The exchange of gradients: the sum over all shards of the global batch, on every rank, with the
 * same bits whatever the number of ranks.
 *
 * The shards 0 … S-1 are the leaves of one fixed binary tree: node (k, level) covers the shards
 * [k·2^level, (k+1)·2^level) ∩ [0, S); its value is left + right, or left alone where right is
 * empty. Rank r of N owns the shards [r·S/N, (r+1)·S/N), N divides S. Inside a rank complete
 * subtrees are added as shards finish (a binary counter of buffers); the maximal subtrees that
 * remain are combined across ranks, in the tree's order, by one of the algorithms. */
#ifndef TRAINER_COMM_EXCHANGE_H
#define TRAINER_COMM_EXCHANGE_H

#include <stdint.h>

#include "base/error.h"
#include "base/kernel.h"
#include "comm/ranks.h"

enum ExchangeAlgorithm {
    EXCHANGE_AUTO,   /* window on one node; else halving where N is a power of two and S/N too; else
                        direct */
    EXCHANGE_WINDOW, /* one node: MPI-3 shared window, each rank reduces its slice of the arena */
    EXCHANGE_HALVING, /* recursive vector halving, nearest first, then doubling; N a power of two */
    EXCHANGE_DIRECT,  /* any N: a rank receives its slice of all subtrees, reduces it, shares it */
    EXCHANGE_MPI      /* MPI_Allreduce of the ranks' own sums: for comparison; NOT the same bits */
};
extern const char *const exchange_algorithm_names[]; /* NULL-terminated, in the enum's order */

struct Exchange;

/* Whether the algorithm can serve so many ranks and shards, as far as their numbers say. Not
 * collective. */
int exchange_check(enum ExchangeAlgorithm algorithm, int64_t ranks, int64_t shards,
                   struct Error *error);

/* For sums of `elements` floats over `shards` shards. Fails (ERROR_RUN_FILE) where N does not
 * divide `shards` or the algorithm cannot serve (window on several nodes, ...). Collective. All
 * memory is allocated here; a step allocates nothing. */
int exchange_create(struct Exchange **exchange, struct Ranks *ranks, int64_t shards,
                    int64_t elements, enum ExchangeAlgorithm algorithm, enum Variant variant,
                    struct Error *error);
void exchange_release(struct Exchange *exchange); /* Collective. */

int64_t exchange_first_shard(const struct Exchange *exchange);
int64_t exchange_shard_count(const struct Exchange *exchange); /* of this rank */
const char *exchange_name(const struct Exchange *exchange);    /* in use; one rank: "none" */

/* Where this rank's next shard writes its gradient (`elements` floats; old contents undefined).
 * Not collective. */
float *exchange_shard_buffer(struct Exchange *exchange);

/* The current shard's buffer is complete; it is added into the tree. Not collective. */
void exchange_shard_done(struct Exchange *exchange);

/* After the last of this rank's shards: the sum over all shards, valid until the next step's first
 * exchange_shard_buffer. The same bits on every rank. Collective. */
const float *exchange_finish(struct Exchange *exchange);

/* Index of the first element in [begin, end) of this rank's own contribution (what it sent, still
 * there after exchange_finish) that is NaN or Inf, or -1. For naming the rank and the layer. */
int64_t exchange_own_nonfinite(const struct Exchange *exchange, int64_t begin, int64_t end);

/* Bytes that the buffers and the sum take on the rank that needs most of them, for `describe`; a
 * window shares one sum among a host's ranks and takes less. */
int64_t exchange_memory(int64_t shards, int64_t ranks, int64_t elements);

#endif
