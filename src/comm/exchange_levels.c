/* Two levels, in buckets. The ranks of a node have their buffers, and one result, in memory that
 * they share. A rank adds up its slice of each bucket over the subtrees of its node, as far as the
 * tree allows; what remains (one subtree a node, if its shards are a power of two) is exchanged
 * with the ranks in the same place on the other nodes: in rounds of halving if the tree allows it
 * (levels_halving.c), else directly (levels_direct.c).
 *
 * Buckets go from the end of the arena to its start, as backward completes them, and get small at
 * the start, because what backward completes last is what a step has to wait for. A bucket moves
 * through its phases whenever advance is called: by a thread while the last shard is computed, and
 * by exchange_finish afterwards. A bucket of a step is touched only after all ranks of the node
 * have completed it in this step, and so no longer need the sum of the step before; and
 * exchange_finish ends only after nobody on the node needs the buffers any more. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/thread.h"
#include "comm/levels.h"
#include "comm/node_memory.h"
#include "comm/ranks_mpi.h"

#define HEADER 4096               /* bytes before the buffers of a rank: its flags */
#define BUCKET ((int64_t)1 << 17) /* elements, at least, of all but the first buckets */
#define BUCKET_OF_RANK                                                                             \
    ((int64_t)1 << 13) /* elements, for messages that are worth their overhead                     \
                        */
#define SMALLEST_BUCKET ((int64_t)1 << 13)
#define POLL_NANOSECONDS 200000 /* between two looks of the thread */

static void release_buckets(struct Levels *levels) {
    for (int k = 0; k < levels->bucket_count; k++) {
        memory_release(levels->buckets[k].received);
        memory_release(levels->buckets[k].requests[0]);
        memory_release(levels->buckets[k].requests[1]);
    }
    memory_release(levels->buckets);
}

static void make_bucket(struct Levels *levels, int64_t begin, int64_t end) {
    levels->buckets = memory_room(levels->buckets, levels->bucket_count, "exchange");
    struct Bucket *bucket = &levels->buckets[levels->bucket_count++];
    int64_t at;
    *bucket = (struct Bucket){.begin = begin, .end = end};
    if (levels->bucket_count > 1)
        bucket->staged_at = bucket[-1].staged_at + levels__slice(levels, bucket - 1, &at);
    if (levels->between)
        levels->between->prepare(levels, bucket);
}

/* Room for this rank's slices of all buckets, of each subtree that its node adds up. */
static void make_room(struct Levels *levels) {
    const struct Bucket *last = &levels->buckets[levels->bucket_count - 1];
    struct Node *node = &levels->all[levels->node];
    int64_t at, count = last->staged_at + levels__slice(levels, last, &at);
    for (int q = 0; q < node->piece_count; q++) {
        struct NodePiece *piece = &node->pieces[q];
        if (piece->pieces == 1 || levels->nodes == 1)
            continue;
        memory_release(piece->staged);
        piece->staged = memory_array(float, count, "exchange");
    }
}

/* First come the elements that become complete early, from the last to the first; then the rest. */
static void make_buckets(struct Levels *levels) {
    const struct Exchange *exchange = levels->exchange;
    int64_t worth = BUCKET_OF_RANK * exchange->size, whole = worth > BUCKET ? worth : BUCKET;
    int64_t least = worth > SMALLEST_BUCKET ? worth : SMALLEST_BUCKET;
    int64_t early = exchange->early.elements, end = early;
    release_buckets(levels);
    levels->buckets = NULL;
    levels->bucket_count = 0;
    while (end > 0) {
        int64_t count = end >= 2 * whole ? whole : end / 2;
        if (count < least)
            count = end;
        make_bucket(levels, end - count, end);
        end -= count;
    }
    for (int64_t begin = early; begin < exchange->elements; begin += whole)
        make_bucket(levels, begin, exchange_clamp(begin + whole, 0, exchange->elements));
    make_room(levels);
}

/* ---- Phases ---- */

/* Adds this rank's slice up over its node. */
static void reduce_node(const struct Levels *levels, const struct Bucket *bucket) {
    const struct Node *node = &levels->all[levels->node];
    int64_t begin, count = levels__slice(levels, bucket, &begin);
    for (int q = 0; q < node->piece_count; q++) {
        const struct NodePiece *piece = &node->pieces[q];
        float *sum =
            levels->nodes == 1 ? levels->result + begin : piece->staged + bucket->staged_at;
        if (piece->pieces > 1)
            tree__reduce(&piece->program, levels->exchange->add, piece->sources, begin, count,
                         levels->scratch, sum);
    }
}

static bool is_complete(const struct Levels *levels, int bucket) {
    uint64_t needed = levels->before + (uint64_t)bucket + 1;
    for (int place = 0; place < levels->places; place++)
        if (atomic_load_explicit(&levels->flags[place]->ready, memory_order_acquire) < needed)
            return false;
    return true;
}

static void end_bucket(struct Levels *levels) {
    struct Flags *own = levels->flags[levels->place];
    atomic_fetch_add(&levels->finished, 1);
    atomic_fetch_add_explicit(&own->done, 1, memory_order_release);
}

/* Takes a bucket further; false if it is not time yet. */
static bool advance_bucket(struct Levels *levels, int k) {
    struct Bucket *bucket = &levels->buckets[k];
    bool moved = false;
    if (bucket->phase == COMPLETING && is_complete(levels, k)) {
        reduce_node(levels, bucket);
        bucket->phase = levels->between ? BETWEEN_NODES : DONE;
        if (levels->between)
            levels->between->begin(levels, bucket);
        moved = true;
    } else if (bucket->phase == BETWEEN_NODES) {
        moved = levels->between->advance(levels, bucket);
    }
    if (moved && bucket->phase == DONE)
        end_bucket(levels);
    return moved;
}

/* Looks after the buckets that this rank has completed; true if any came further. */
static bool advance(struct Levels *levels) {
    bool any = false;
    pthread_mutex_lock(&levels->mutex);
    for (int k = 0; k < levels->completed; k++)
        any |= advance_bucket(levels, k);
    pthread_mutex_unlock(&levels->mutex);
    return any;
}

/* ---- The thread ---- */

static void *run(void *context) {
    struct Levels *levels = context;
    while (sem_wait(&levels->thread.wake) || !levels->thread.ends)
        while (!levels->thread.finishing && levels->finished < levels->completed)
            if (!advance(levels))
                nanosleep(&(struct timespec){.tv_nsec = POLL_NANOSECONDS}, NULL);
    return NULL;
}

static void start_thread(struct Levels *levels) {
    int level = MPI_THREAD_SINGLE;
    MPI_Query_thread(&level);
    levels->thread.runs = levels->nodes > 1 && level >= MPI_THREAD_SERIALIZED &&
                          thread_start(&levels->thread.id, run, levels);
}

static void complete(struct Levels *levels, int buckets) {
    struct Flags *own = levels->flags[levels->place];
    levels->completed = buckets;
    atomic_store_explicit(&own->ready, levels->before + (uint64_t)buckets, memory_order_release);
}

static void ready(struct Exchange *exchange) {
    struct Levels *levels = exchange->state;
    int completed = levels->completed;
    while (completed < levels->bucket_count &&
           levels->buckets[completed].end <= exchange->early.elements &&
           levels->buckets[completed].begin >= exchange->early.ready_from)
        completed++;
    if (completed > levels->completed) {
        complete(levels, completed);
        if (levels->thread.runs)
            sem_post(&levels->thread.wake);
    }
    if (!levels->thread.runs)
        advance(levels);
}

/* ---- The exchange ---- */

static bool all_are_done(const struct Levels *levels) {
    uint64_t needed = levels->before + (uint64_t)levels->bucket_count;
    for (int place = 0; place < levels->places; place++)
        if (atomic_load_explicit(&levels->flags[place]->done, memory_order_acquire) < needed)
            return false;
    return true;
}

static const float *finish(struct Exchange *exchange) {
    struct Levels *levels = exchange->state;
    levels->thread.finishing = true;
    complete(levels, levels->bucket_count);
    for (int tries = 1; !all_are_done(levels); tries++)
        if (!advance(levels))
            exchange_pause(tries, levels->spins);
    pthread_mutex_lock(&levels->mutex);
    for (int k = 0; k < levels->bucket_count; k++)
        levels->buckets[k].phase = COMPLETING;
    levels->before += (uint64_t)levels->bucket_count;
    levels->completed = levels->finished = 0;
    pthread_mutex_unlock(&levels->mutex);
    levels->thread.finishing = false;
    return levels->result;
}

/* The thread has nothing to do between two steps. */
static void expect(struct Exchange *exchange) {
    make_buckets(exchange->state);
}

/* Where a rank's buffers are in the node's memory. */
static char *segment_of(const struct Levels *levels, int place, size_t bytes) {
    return (char *)node_memory_data(levels->memory) + (size_t)place * bytes;
}

static void find_memory(struct Exchange *exchange, struct Levels *levels, size_t segment) {
    struct Node *node = &levels->all[levels->node];
    levels->flags = memory_array(struct Flags *, levels->places, "exchange");
    for (int place = 0; place < levels->places; place++)
        levels->flags[place] = (struct Flags *)segment_of(levels, place, segment);
    levels->result = (float *)segment_of(levels, levels->places, segment);
    exchange->buffers.data = (float *)(segment_of(levels, levels->place, segment) + HEADER);
    int place = 0, buffer = 0;
    for (int q = 0; q < node->piece_count; q++) {
        struct NodePiece *piece = &node->pieces[q];
        piece->sources = memory_array(const float *, piece->pieces, "exchange");
        for (int i = 0; i < piece->pieces; i++, buffer++) {
            struct TreeCounter own;
            tree__count(&own, exchange->shards, node->ranks[place] * exchange->count,
                        exchange->count);
            if (buffer == own.depth) {
                place++;
                buffer = 0;
            }
            piece->sources[i] = (float *)(segment_of(levels, place, segment) + HEADER) +
                                buffer * exchange->buffers.stride;
        }
    }
}

/* Enough for the programs of the node and of all nodes. */
static void make_scratch(struct Levels *levels) {
    const struct Node *node = &levels->all[levels->node];
    int64_t scratch = levels->tree.program.scratch;
    for (int q = 0; q < node->piece_count; q++)
        if (node->pieces[q].program.scratch > scratch)
            scratch = node->pieces[q].program.scratch;
    levels->scratch = memory_array(float, scratch *TREE_BLOCK, "exchange");
}

static void release(struct Exchange *exchange) {
    struct Levels *levels = exchange->state;
    if (levels->thread.runs) {
        levels->thread.ends = true;
        sem_post(&levels->thread.wake);
        pthread_join(levels->thread.id, NULL);
    }
    if (levels->memory)
        MPI_Comm_free(&levels->communicator);
    release_buckets(levels);
    levels__release_nodes(levels);
    memory_release(levels->scratch);
    memory_release(levels->flags);
    node_memory_release(levels->memory);
    sem_destroy(&levels->thread.wake);
    pthread_mutex_destroy(&levels->mutex);
    memory_release(levels);
}

static int share_memory(struct Exchange *exchange, struct Levels *levels, struct Error *error) {
    size_t stride = (size_t)exchange->buffers.stride * sizeof(float);
    size_t segment = HEADER + (size_t)tree__most_buffers(exchange->shards, exchange->size) * stride;
    levels->memory = node_memory_create(
        exchange->ranks, (int64_t)((size_t)levels->places * segment + stride), "gradients");
    if (node_memory_sharers(levels->memory) != levels->places)
        return fail(error, ERROR_SYSTEM,
                    "levels: the ranks of a node cannot share memory; use halving, direct or auto");
    find_memory(exchange, levels, segment);
    return OK;
}

static int create(struct Exchange *exchange, struct Error *error) {
    struct Levels *levels = memory_array(struct Levels, 1, "exchange");
    *levels = (struct Levels){.exchange = exchange, .spins = exchange_spins(exchange)};
    exchange->state = levels;
    pthread_mutex_init(&levels->mutex, NULL);
    sem_init(&levels->thread.wake, 0, 0);
    int code = OK;
    if (!levels__find_nodes(levels))
        code = fail(error, ERROR_RUN_FILE,
                    "levels needs the same number of ranks on each node, found %d ranks on %d "
                    "nodes; use halving, direct or auto",
                    exchange->size, levels->nodes);
    if (!code) {
        if (levels->nodes > 1)
            levels->between = levels__halving_serves(levels) ? &levels__halving : &levels__direct;
        make_scratch(levels);
        code = share_memory(exchange, levels, error);
    }
    if (code) {
        exchange->buffers.data = NULL;
        node_memory_release(levels->memory);
        levels->memory = NULL;
        release(exchange);
        return code;
    }
    MPI_Comm_dup(ranks_communicator(exchange->ranks), &levels->communicator);
    make_buckets(levels);
    start_thread(levels);
    ranks_barrier(exchange->ranks);
    return OK;
}

const struct ExchangeMethod exchange_levels = {
    .create = create, .finish = finish, .expect = expect, .ready = ready, .release = release};
