#include "comm/exchange.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "comm/exchange_method.h"
#include "comm/kernels/add.h"

const char *const exchange_algorithm_names[] = {"auto", "window", "halving", "direct",
                                                "mpi",  "levels", NULL};

static const struct ExchangeMethod *const methods[] = {
    [EXCHANGE_WINDOW] = &exchange_window, [EXCHANGE_HALVING] = &exchange_halving,
    [EXCHANGE_DIRECT] = &exchange_direct, [EXCHANGE_MPI] = &exchange_mpi,
    [EXCHANGE_LEVELS] = &exchange_levels,
};

#define PAGE_ELEMENTS 1024

static int64_t padded(int64_t elements) {
    return (elements + PAGE_ELEMENTS - 1) / PAGE_ELEMENTS * PAGE_ELEMENTS;
}

/* Every rank finds out which subtrees all ranks will have, and how to add them up. */
static void find_pieces(struct Exchange *exchange) {
    struct TreeCounter counter;
    int pieces = 0;
    struct TreeNode *nodes = NULL;
    for (int rank = 0; rank < exchange->size; rank++) {
        int buffers =
            tree__count(&counter, exchange->shards, rank * exchange->count, exchange->count);
        if (rank == exchange->rank)
            exchange->buffers.count = buffers;
        for (int buffer = 0; buffer < counter.depth; buffer++, pieces++) {
            nodes = memory_room(nodes, pieces, "the order of a sum");
            exchange->pieces = memory_room(exchange->pieces, pieces, "the order of a sum");
            nodes[pieces] = counter.stack[buffer];
            exchange->pieces[pieces] = (struct ExchangePiece){rank, buffer};
        }
    }
    tree__program_create(&exchange->program, exchange->shards, nodes, pieces);
    memory_release(nodes);
}

static int try_method(struct Exchange *exchange, enum ExchangeAlgorithm algorithm,
                      struct Error *error) {
    exchange->algorithm = algorithm;
    exchange->method = methods[algorithm];
    beat_wait(ranks_beat(exchange->ranks));
    int code = exchange->method->create(exchange, error);
    beat_go_on(ranks_beat(exchange->ranks));
    if (code)
        exchange->method = NULL;
    return code;
}

static int choose_method(struct Exchange *exchange, enum ExchangeAlgorithm algorithm,
                         struct Error *error) {
    if (algorithm != EXCHANGE_AUTO)
        return try_method(exchange, algorithm, error);
    if (try_method(exchange, EXCHANGE_WINDOW, error) == OK ||
        try_method(exchange, EXCHANGE_LEVELS, error) == OK ||
        try_method(exchange, EXCHANGE_HALVING, error) == OK)
        return OK;
    return try_method(exchange, EXCHANGE_DIRECT, error);
}

int exchange_check(enum ExchangeAlgorithm algorithm, int64_t ranks, int64_t shards,
                   struct Error *error) {
    return algorithm == EXCHANGE_HALVING && ranks > 1
               ? exchange__halving_check(ranks, shards, error)
               : OK;
}

int exchange_create(struct Exchange **result, struct Ranks *ranks, int64_t shards, int64_t elements,
                    enum ExchangeAlgorithm algorithm, enum Variant variant, struct Error *error) {
    static const struct AddKernel *const kernels[VARIANT_COUNT] = KERNEL_TABLE(add_kernel);
    int size = ranks_size(ranks);
    int64_t with_notes = elements + EXCHANGE_NOTES;
    CHECK(elements > 0 && variant != VARIANT_F64 && variant_available(variant));
    if (shards < 1 || shards % size)
        return fail(error, ERROR_RUN_FILE,
                    "%" PRId64
                    " shard%s cannot be distributed equally over %d ranks; start a number "
                    "of ranks that divides the shards",
                    shards, shards == 1 ? "" : "s", size);
    struct Exchange *exchange = memory_allocate(sizeof *exchange, "exchange");
    *exchange = (struct Exchange){.ranks = ranks,
                                  .rank = ranks_rank(ranks),
                                  .size = size,
                                  .shards = shards,
                                  .elements = with_notes,
                                  .buffers.stride = padded(with_notes),
                                  .first = ranks_rank(ranks) * (shards / size),
                                  .count = shards / size,
                                  .add = kernels[variant]->add,
                                  .counter.shards = shards};
    find_pieces(exchange);
    int code = size > 1 ? choose_method(exchange, algorithm, error) : OK;
    if (code) {
        exchange_release(exchange);
        return code;
    }
    if (!exchange->buffers.data) {
        exchange->buffers.data =
            memory_array(float, exchange->buffers.count * exchange->buffers.stride, "gradients");
        exchange->buffers.owned = true;
    }
    log_debug("exchange %s of %" PRId64 " numbers, %" PRId64 " shard%s on %d rank%s, %d buffer%s",
              exchange_name(exchange), elements, shards, shards == 1 ? "" : "s", size,
              size == 1 ? "" : "s", exchange->buffers.count,
              exchange->buffers.count == 1 ? "" : "s");
    *result = exchange;
    return OK;
}

void exchange_release(struct Exchange *exchange) {
    if (!exchange)
        return;
    beat_wait(ranks_beat(exchange->ranks));
    if (exchange->method)
        exchange->method->release(exchange);
    beat_go_on(ranks_beat(exchange->ranks));
    if (exchange->buffers.owned)
        memory_release(exchange->buffers.data);
    tree__program_release(&exchange->program);
    memory_release(exchange->pieces);
    memory_release(exchange);
}

int64_t exchange_first_shard(const struct Exchange *exchange) {
    return exchange->first;
}

int64_t exchange_shard_count(const struct Exchange *exchange) {
    return exchange->count;
}

const char *exchange_name(const struct Exchange *exchange) {
    return exchange->method ? exchange_algorithm_names[exchange->algorithm] : "none";
}

float *exchange_shard_buffer(struct Exchange *exchange) {
    if (exchange->done == exchange->count) {
        exchange->done = 0;
        exchange->counter.depth = 0;
    }
    return exchange->buffers.data + exchange->counter.depth * exchange->buffers.stride;
}

/* One of the rank's shards carries its notes, the others zeros. */
static void write_notes(struct Exchange *exchange) {
    float *buffer = exchange->buffers.data + exchange->counter.depth * exchange->buffers.stride;
    float *notes = buffer + exchange->elements - EXCHANGE_NOTES;
    if (exchange->done == exchange->count - 1)
        memcpy(notes, exchange->notes.own, sizeof exchange->notes.own);
    else
        memset(notes, 0, sizeof exchange->notes.own);
}

/* Adds elements [begin, end) of buffer `depth` to those of the one before it. */
static void add_buffer(const struct Exchange *exchange, int depth, int64_t begin, int64_t end) {
    float *right = exchange->buffers.data + depth * exchange->buffers.stride + begin;
    float *left = right - exchange->buffers.stride;
    exchange->add(left, left, right, end - begin);
}

void exchange_expect_pairs(struct Exchange *exchange, int64_t added) {
    CHECK(exchange->count % 2 == 0 && added >= exchange->early.elements &&
          added <= exchange->elements - EXCHANGE_NOTES);
    exchange->pairs = (struct ExchangePairs){.expected = true, .added = added};
}

float *exchange_second_buffer(struct Exchange *exchange) {
    CHECK(exchange->pairs.expected);
    return exchange_shard_buffer(exchange) + exchange->buffers.stride;
}

void exchange_expect_early(struct Exchange *exchange, int64_t elements) {
    CHECK(elements >= 0 && elements <= exchange->elements - EXCHANGE_NOTES &&
          (!exchange->pairs.expected || elements <= exchange->pairs.added));
    exchange->early.elements = exchange->early.ready_from = elements;
    if (exchange->method && exchange->method->expect)
        exchange->method->expect(exchange);
}

/* The shards that become complete together. */
static int64_t group_of(const struct Exchange *exchange) {
    return exchange->pairs.expected ? 2 : 1;
}

/* How many additions follow from the shard or pair that comes next. */
static int joins_of_next(const struct Exchange *exchange) {
    struct TreeCounter counter = exchange->counter;
    int joins = 0;
    int64_t group = group_of(exchange), next = exchange->first + exchange->done;
    tree__push(&counter, (struct TreeNode){.index = next / group, .level = group == 2});
    while (tree__join(&counter))
        joins++;
    return joins;
}

void exchange_ready(struct Exchange *exchange, int64_t first) {
    struct ExchangeEarly *early = &exchange->early;
    if (!exchange->method || !exchange->method->ready ||
        exchange->done + group_of(exchange) < exchange->count || first >= early->ready_from)
        return;
    for (int i = 0, joins = joins_of_next(exchange); i < joins; i++)
        add_buffer(exchange, exchange->counter.depth - i, first, early->ready_from);
    early->ready_from = first;
    exchange->method->ready(exchange);
}

/* What was ready early has been added, as has the beginning of a pair. */
static void push_shard(struct Exchange *exchange) {
    struct TreeCounter *counter = &exchange->counter;
    const struct ExchangeEarly *early = &exchange->early;
    CHECK(exchange->done < exchange->count);
    write_notes(exchange);
    tree__push(counter, (struct TreeNode){.index = exchange->first + exchange->done++});
    while (tree__join(counter)) {
        bool pair = exchange->pairs.expected && counter->stack[counter->depth - 1].level == 1;
        if (!pair)
            add_buffer(exchange, counter->depth, 0, early->ready_from);
        add_buffer(exchange, counter->depth, pair ? exchange->pairs.added : early->elements,
                   exchange->elements);
    }
}

void exchange_shard_done(struct Exchange *exchange) {
    for (int64_t left = group_of(exchange); left > 0; left--)
        push_shard(exchange);
    exchange->early.ready_from = exchange->early.elements;
}

const float *exchange_finish(struct Exchange *exchange) {
    CHECK(exchange->done == exchange->count);
    const float *sum = exchange->buffers.data;
    if (exchange->method) {
        double start = clock_seconds();
        beat_wait(ranks_beat(exchange->ranks));
        sum = exchange->method->finish(exchange);
        beat_go_on(ranks_beat(exchange->ranks));
        exchange->exposed += clock_seconds() - start;
    }
    memcpy(exchange->notes.sum, sum + exchange->elements - EXCHANGE_NOTES,
           sizeof exchange->notes.sum);
    return sum;
}

double exchange_exposed(const struct Exchange *exchange) {
    return exchange->exposed;
}

float *exchange_own_notes(struct Exchange *exchange) {
    return exchange->notes.own;
}

const float *exchange_notes(const struct Exchange *exchange) {
    return exchange->notes.sum;
}

int64_t exchange_own_nonfinite(const struct Exchange *exchange, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
        for (int buffer = 0; buffer < exchange->counter.depth; buffer++)
            if (!isfinite(exchange->buffers.data[buffer * exchange->buffers.stride + i]))
                return i;
    return -1;
}

int64_t exchange_memory(int64_t shards, int64_t ranks, int64_t elements) {
    return (tree__most_buffers(shards, ranks) + (ranks > 1)) * padded(elements + EXCHANGE_NOTES) *
           (int64_t)sizeof(float);
}
