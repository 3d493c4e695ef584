/* What the algorithms of the exchange share. For comm/ alone. */
#ifndef TRAINER_COMM_EXCHANGE_METHOD_H
#define TRAINER_COMM_EXCHANGE_METHOD_H

#include <sched.h>
#include <unistd.h>

#include "comm/exchange.h"
#include "comm/tree.h"

/* An algorithm that adds the ranks' own subtrees up to the sum over all shards. For two ranks or
 * more; all three functions are collective. */
struct ExchangeMethod {
    /* Allocates `state`, and `buffers` if the method needs them in memory of its own. Returns the
     * same code on every rank. */
    int (*create)(struct Exchange *exchange, struct Error *error);
    const float *(*finish)(struct Exchange *exchange);
    /* exchange->early.elements are known. NULL: they do not matter. Collective. */
    void (*expect)(struct Exchange *exchange);
    /* Elements [exchange->early.ready_from, exchange->early.elements) of this rank's subtrees are
     * complete. NULL: the method begins when all of them are. Not collective. */
    void (*ready)(struct Exchange *exchange);
    void (*release)(struct Exchange *exchange);
};
/* exchange_halving.c: fails (ERROR_RUN_FILE) unless ranks and shards / ranks are powers of two. */
int exchange__halving_check(int64_t ranks, int64_t shards, struct Error *error);
extern const struct ExchangeMethod exchange_window, exchange_halving, exchange_direct, exchange_mpi,
    exchange_levels;

/* One of the maximal subtrees of all ranks: whose it is, and in which of that rank's buffers. */
struct ExchangePiece {
    int rank, buffer;
};

/* What becomes complete during the last shard: elements [ready_from, elements). */
struct ExchangeEarly {
    int64_t elements, ready_from;
};

/* Shards come in pairs, whose first `added` elements are the sum already. */
struct ExchangePairs {
    bool expected;
    int64_t added;
};

struct ExchangeNotes {
    float own[EXCHANGE_NOTES], sum[EXCHANGE_NOTES];
};

/* Where the rank's shards write their gradients, and where subtrees are added up. */
struct ExchangeBuffers {
    float *data; /* `count` of them, `stride` elements apart */
    int count;
    int64_t stride; /* whole pages */
    bool owned;     /* else they are the method's */
};

struct Exchange {
    struct Ranks *ranks;
    int rank, size;
    int64_t shards;
    int64_t elements;     /* of a sum, and after them the notes */
    int64_t first, count; /* this rank's shards */
    TreeAdd *add;

    struct ExchangeBuffers buffers;
    struct TreeCounter counter;
    int64_t done; /* shards of this rank that are complete in this step */
    struct ExchangeNotes notes;
    struct ExchangeEarly early;
    struct ExchangePairs pairs;

    struct ExchangePiece *pieces; /* program.pieces of them, from left to right in the tree */
    struct TreeProgram program;

    enum ExchangeAlgorithm algorithm;
    const struct ExchangeMethod *method; /* NULL: one rank */
    void *state;                         /* the method's */
    double exposed;                      /* seconds in exchange_finish */
};

/* Elements of a slice if each rank sums one: rank r's slice begins at element r times this. */
static inline int64_t exchange_slice(const struct Exchange *exchange) {
    int64_t slice = (exchange->elements + exchange->size - 1) / exchange->size;
    return (slice + 15) / 16 * 16;
}

/* Tries of a rank that waits for others of its node before it gives its processor to them: there
 * may be more ranks than processors. */
static inline int exchange_spins(const struct Exchange *exchange) {
    return exchange->size <= sysconf(_SC_NPROCESSORS_ONLN) ? 2000 : 20;
}

static inline void exchange_pause(int tries, int spins) {
    if (tries >= spins) {
        sched_yield();
        return;
    }
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static inline int64_t exchange_clamp(int64_t value, int64_t least, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

#endif
