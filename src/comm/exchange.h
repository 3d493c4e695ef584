/* The exchange of gradients: the sum over all shards of the global batch, on every rank, with the
 * same bits whatever the number of ranks.
 *
 * The shards 0 … S-1 are the leaves of one fixed binary tree: node (k, level) covers the shards
 * [k·2^level, (k+1)·2^level) ∩ [0, S); its value is left + right, or left alone if right is
 * empty. Rank r of N owns the shards [r·S/N, (r+1)·S/N), where N divides S. Inside a rank, complete
 * subtrees are added as shards finish (a binary counter of buffers). The maximal subtrees that
 * remain are combined across ranks in the tree's order by one of the algorithms. */
#ifndef TRAINER_COMM_EXCHANGE_H
#define TRAINER_COMM_EXCHANGE_H

#include <stdint.h>

#include "base/error.h"
#include "base/kernel.h"
#include "comm/ranks.h"

enum ExchangeAlgorithm {
    /* Window on one node; otherwise levels if the nodes have equal numbers of ranks; otherwise
     * halving if N and S/N are powers of two; otherwise direct. */
    EXCHANGE_AUTO,
    EXCHANGE_WINDOW,  /* one node: MPI-3 shared window, each rank sums its slice of the elements */
    EXCHANGE_HALVING, /* recursive vector halving, then doubling; N and S/N are powers of two */
    EXCHANGE_DIRECT,  /* any N: a rank receives its slice of all subtrees, sums it, sends it out */
    EXCHANGE_MPI,     /* MPI_Allreduce of the ranks' own sums, for comparison; NOT the same bits */
    /* Nodes with the same number of ranks each: the ranks of a node add their slices up in memory
     * that they share, and exchange them with the ranks in the same place on the other nodes; in
     * buckets, while the last shard still computes. */
    EXCHANGE_LEVELS
};
extern const char *const exchange_algorithm_names[]; /* NULL-terminated, in the enum's order */

struct Exchange;

#define EXCHANGE_NOTES 16

/* Fails (ERROR_RUN_FILE) if the algorithm cannot be used with so many ranks and shards.
 * exchange_create also checks what depends on the number of nodes. Not collective. */
int exchange_check(enum ExchangeAlgorithm algorithm, int64_t ranks, int64_t shards,
                   struct Error *error);

/* For sums of `elements` floats over `shards` shards; `variant` is one of float. `ranks` must
 * outlive the exchange. Fails (ERROR_RUN_FILE) if N does not divide `shards` or the algorithm
 * cannot be used (window on several nodes, ...); the code is the same on every rank. All memory is
 * allocated here; a step allocates nothing. Collective. */
int exchange_create(struct Exchange **exchange, struct Ranks *ranks, int64_t shards,
                    int64_t elements, enum ExchangeAlgorithm algorithm, enum Variant variant,
                    struct Error *error);
void exchange_release(struct Exchange *exchange); /* NULL is allowed. Collective. */

/* The shards of this rank: the first, and how many. */
int64_t exchange_first_shard(const struct Exchange *exchange);
int64_t exchange_shard_count(const struct Exchange *exchange);
const char *exchange_name(const struct Exchange *exchange); /* the algorithm; one rank: "none" */

/* The buffer (`elements` floats, contents undefined) that this rank's next shard writes its
 * gradient to. Not collective. */
float *exchange_shard_buffer(struct Exchange *exchange);

/* Says that the shard's buffer is complete, and adds it into the tree. Not collective. */
void exchange_shard_done(struct Exchange *exchange);

/* Before the first step, on each rank that computes its shards in pairs, an even number of shards:
 * from now on exchange_shard_buffer gives the buffer of a pair's first shard and
 * exchange_second_buffer that of its second one, and exchange_shard_done says that both are
 * complete. The first `added` elements (all that exchange_expect_early names, too) are the pair's
 * sum in the first buffer, and undefined in the second. Not collective. */
void exchange_expect_pairs(struct Exchange *exchange, int64_t added);
float *exchange_second_buffer(struct Exchange *exchange);

/* Before the first step, the same on every rank: the first `elements` of a buffer (0 without this
 * call) become complete from the last of them to the first, and exchange_ready reports how far they
 * are. Collective. */
void exchange_expect_early(struct Exchange *exchange, int64_t elements);
/* In the last of this rank's shards: elements [first, `elements` above) of its buffer are complete.
 * Some methods begin to exchange them, in a thread if MPI allows it. So no other function that
 * communicates may be called before exchange_finish. For earlier shards it does nothing. Not
 * collective: ranks may call it at different points, or never. */
void exchange_ready(struct Exchange *exchange, int64_t first);

/* After the last of this rank's shards: the sum over all shards, valid until the next step's first
 * exchange_shard_buffer. The same bits on every rank. Collective. */
const float *exchange_finish(struct Exchange *exchange);

/* Seconds that exchange_finish has taken on this rank since the exchange was made: what it costs
 * the steps, waiting for slower ranks included. Not collective. */
double exchange_exposed(const struct Exchange *exchange);

/* A few numbers that are summed with the gradients, so that ranks can tell one another something in
 * each step without another message. Set this rank's own (EXCHANGE_NOTES of them, at first zeros)
 * before the step's last exchange_shard_done; they keep their values until they are changed. Not
 * collective. */
float *exchange_own_notes(struct Exchange *exchange);
/* After exchange_finish: the sums of the notes over all ranks, the same on every rank. They are
 * exact for whole numbers below 2^24. Not collective. */
const float *exchange_notes(const struct Exchange *exchange);

/* After exchange_finish: the index of the first element in [begin, end) that is NaN or Inf in this
 * rank's own contribution, or −1. For messages that name the rank and the layer. Not collective. */
int64_t exchange_own_nonfinite(const struct Exchange *exchange, int64_t begin, int64_t end);

/* The bytes of the buffers and the sum on the rank that needs most, for estimates before a run. (A
 * window needs less: the ranks of a host share one sum. Levels need more if hosts have one rank
 * each: half a sum to receive in, or a whole one if the halving of levels_halving.c does not
 * serve.) Not collective. */
int64_t exchange_memory(int64_t shards, int64_t ranks, int64_t elements);

#endif
