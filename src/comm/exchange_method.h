/* Inside of comm/: what the algorithms of the exchange share. */
#ifndef TRAINER_COMM_EXCHANGE_METHOD_H
#define TRAINER_COMM_EXCHANGE_METHOD_H

#include "comm/exchange.h"
#include "comm/tree.h"

/* How the ranks' own subtrees become the sum over all shards; at least two ranks. */
struct ExchangeMethod {
    /* Allocates `state`, and `buffers` if the method wants them in a place of its own. The verdict
     * is the same on every rank. */
    int (*create)(struct Exchange *exchange, struct Error *error);
    const float *(*finish)(struct Exchange *exchange);
    void (*release)(struct Exchange *exchange);
};
/* exchange_halving.c: serves only powers of two. */
int exchange_halving_check(int64_t ranks, int64_t shards, struct Error *error);
extern const struct ExchangeMethod exchange_window, exchange_halving, exchange_direct, exchange_mpi;

/* One of the maximal subtrees, from left to right over all ranks. */
struct ExchangePiece {
    int rank, buffer; /* it lies in that rank's buffer of this number */
};

struct Exchange {
    struct Ranks *ranks;
    int rank, size;
    int64_t shards, elements;
    int64_t stride; /* elements from one buffer to the next: whole pages */
    int64_t first, count;
    TreeAdd *add;

    float *buffers; /* of buffer_count */
    int buffer_count;
    struct TreeCounter counter;
    int64_t done; /* shards of this step */

    struct ExchangePiece *pieces;
    struct TreeProgram program;

    enum ExchangeAlgorithm algorithm;
    const struct ExchangeMethod *method; /* NULL: one rank */
    void *state;                         /* the method's */
    bool owns_buffers;
};

/* Slice `rank` of the elements when every rank reduces one: [begin, begin + count). */
static inline int64_t exchange_slice(const struct Exchange *exchange) {
    int64_t slice = (exchange->elements + exchange->size - 1) / exchange->size;
    return (slice + 15) / 16 * 16;
}

static inline int64_t exchange_clamp(int64_t value, int64_t least, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

#endif
