/* Two levels, in buckets. The ranks of a node have their buffers, and one result, in memory that
 * they share. Of each bucket a rank adds up its slice over the subtrees of its node, as far as the
 * tree allows; what remains (one subtree a node, if its shards are a power of two) is exchanged
 * with the ranks in the same place on the other nodes: each of them receives one part of the slice
 * from all nodes, adds it up in the tree's order, and sends the sum to the others.
 *
 * Buckets go from the end of the arena to its start, as backward completes them, and get small at
 * the start, because what backward completes last is what a step has to wait for. A bucket goes
 * through its phases by itself whenever somebody looks (advance): a thread while the last shard is
 * computed, and exchange_finish afterwards. A bucket of a step is touched only after all ranks of
 * the node have completed it in this step, and so no longer need the sum of the step before; and
 * exchange_finish ends only after nobody on the node needs the buffers any more. */
#include <mpi.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/thread.h"
#include "comm/exchange_method.h"
#include "comm/node_memory.h"
#include "comm/ranks_mpi.h"

#define HEADER 4096               /* bytes before the buffers of a rank: its flags */
#define BUCKET ((int64_t)1 << 17) /* elements, at least, of all but the first buckets */
#define BUCKET_OF_RANK                                                                             \
    ((int64_t)1 << 13) /* elements, for messages that are worth their overhead                     \
                        */
#define SMALLEST_BUCKET ((int64_t)1 << 13)
#define POLL_NANOSECONDS 200000 /* between two looks of the thread */
#define ALIGNED 16              /* elements to which slices and parts are rounded */

/* What the ranks of a node see of one another. Both only rise, by the number of buckets a step. */
struct Flags {
    _Alignas(64) _Atomic uint64_t ready; /* buckets that this rank has completed */
    _Alignas(64) _Atomic uint64_t done;  /* buckets of which its slice is in the result */
};

/* A subtree of a node, made of those of its ranks. */
struct NodePiece {
    struct TreeNode node;
    int pieces; /* of its ranks */
    struct TreeProgram program;
    const float **sources; /* of this rank's node: the ranks' buffers */
    float *staged;         /* the sum of this rank's slices, if there are several pieces */
};

struct Node {
    int *ranks; /* `places` of them, in their order */
    int piece_count;
    struct NodePiece *pieces;
};

enum Phase { COMPLETING, GATHERING, SPREADING, DONE };

struct Bucket {
    int64_t begin, end;
    int64_t staged_at; /* where this rank's slice of it begins among all of its slices */
    enum Phase phase;
    float *received; /* this rank's part, of each subtree of the other nodes */
    MPI_Request *gather, *spread;
    int gathers, spreads;
};

struct Levels {
    struct Exchange *exchange;
    MPI_Comm communicator;
    int nodes, places, node, place;
    struct Node *all;           /* nodes */
    int foreign;                /* subtrees of the other nodes */
    struct TreeProgram program; /* the subtrees of all nodes */
    int *order;                 /* node · TREE_DEPTH + subtree, of each operand of the program */
    const float **sources;      /* of the program, while it runs */
    float *scratch;
    struct NodeMemory *memory;
    struct Flags **flags; /* of the ranks of this node */
    float *result;
    int spins; /* tries before the processor is given to another process */

    struct Bucket *buckets;
    int bucket_count;
    uint64_t before;       /* buckets of the steps before */
    _Atomic int completed; /* buckets of this step that this rank has completed */
    _Atomic int finished;  /* buckets of this step that are in the result */

    bool threaded;
    _Atomic bool ends, finishing;
    pthread_t thread;
    pthread_mutex_t mutex; /* of whoever looks after the buckets */
    sem_t wake;
};

/* ---- Who and what ---- */

/* The ranks of each node; false if their numbers differ. */
static bool find_nodes(const struct Exchange *exchange, struct Levels *levels) {
    const struct Ranks *ranks = exchange->ranks;
    int nodes = levels->nodes = ranks_nodes(ranks);
    int *counts = memory_array(int, nodes, "exchange");
    bool same = exchange->size % nodes == 0;
    levels->places = exchange->size / nodes;
    levels->all = memory_array(struct Node, nodes, "exchange");
    for (int node = 0; node < nodes; node++)
        levels->all[node].ranks = memory_array(int, levels->places, "exchange");
    for (int rank = 0; same && rank < exchange->size; rank++) {
        int node = ranks_node(ranks, rank), place = counts[node]++;
        same = place < levels->places;
        if (same)
            levels->all[node].ranks[place] = rank;
        if (rank == exchange->rank) {
            levels->node = node;
            levels->place = place;
        }
    }
    memory_release(counts);
    return same;
}

/* The subtrees that a node can make of those of its ranks. */
static void find_pieces(const struct Exchange *exchange, const struct Levels *levels,
                        struct Node *node) {
    struct TreeCounter joined = {.shards = exchange->shards}, own;
    int64_t most = (int64_t)levels->places * TREE_DEPTH, begins[TREE_DEPTH];
    struct TreeNode *nodes = memory_array(struct TreeNode, most, "exchange");
    int count = 0;
    for (int place = 0; place < levels->places; place++) {
        tree__count(&own, exchange->shards, node->ranks[place] * exchange->count, exchange->count);
        for (int i = 0; i < own.depth; i++, count++) {
            nodes[count] = own.stack[i];
            tree__push(&joined, own.stack[i]);
            begins[joined.depth - 1] = count;
            while (tree__join(&joined))
                ;
        }
    }
    node->piece_count = joined.depth;
    node->pieces = memory_array(struct NodePiece, joined.depth, "exchange");
    for (int i = 0; i < joined.depth; i++) {
        int end = i + 1 < joined.depth ? (int)begins[i + 1] : count;
        struct NodePiece *piece = &node->pieces[i];
        *piece = (struct NodePiece){.node = joined.stack[i], .pieces = end - (int)begins[i]};
        tree__program_create(&piece->program, exchange->shards, nodes + begins[i], piece->pieces);
    }
    memory_release(nodes);
}

static bool is_left_of(struct TreeNode a, struct TreeNode b) {
    return a.index << a.level < b.index << b.level;
}

/* How the subtrees of all nodes are added up. */
static void find_program(const struct Exchange *exchange, struct Levels *levels) {
    int count = 0;
    for (int m = 0; m < levels->nodes; m++)
        count += levels->all[m].piece_count;
    struct TreeNode *nodes = memory_array(struct TreeNode, count, "exchange");
    levels->order = memory_array(int, count, "exchange");
    levels->sources = memory_array(const float *, count, "exchange");
    levels->foreign = count - levels->all[levels->node].piece_count;
    count = 0;
    for (int m = 0; m < levels->nodes; m++)
        for (int q = 0; q < levels->all[m].piece_count; q++) {
            struct TreeNode next = levels->all[m].pieces[q].node;
            int at = count++;
            for (; at > 0 && is_left_of(next, nodes[at - 1]); at--) {
                nodes[at] = nodes[at - 1];
                levels->order[at] = levels->order[at - 1];
            }
            nodes[at] = next;
            levels->order[at] = m * TREE_DEPTH + q;
        }
    tree__program_create(&levels->program, exchange->shards, nodes, count);
    memory_release(nodes);
}

/* ---- Slices and parts of buckets ---- */

static int64_t share(int64_t count, int among) {
    return ((count + among - 1) / among + ALIGNED - 1) / ALIGNED * ALIGNED;
}

/* This rank's slice of a bucket: [*begin, *begin + count). */
static int64_t slice_of(const struct Levels *levels, const struct Bucket *bucket, int64_t *begin) {
    int64_t slice = share(bucket->end - bucket->begin, levels->places);
    *begin = exchange_clamp(bucket->begin + levels->place * slice, bucket->begin, bucket->end);
    return exchange_clamp(bucket->end - *begin, 0, slice);
}

/* The part of that slice which the rank on node `node` adds up. */
static int part_of(const struct Levels *levels, const struct Bucket *bucket, int node,
                   int64_t *begin) {
    int64_t first, count = slice_of(levels, bucket, &first), part = share(count, levels->nodes);
    *begin = exchange_clamp(first + node * part, first, first + count);
    return (int)exchange_clamp(first + count - *begin, 0, part);
}

static void release_buckets(struct Levels *levels) {
    for (int k = 0; k < levels->bucket_count; k++) {
        memory_release(levels->buckets[k].received);
        memory_release(levels->buckets[k].gather);
        memory_release(levels->buckets[k].spread);
    }
    memory_release(levels->buckets);
}

static void make_bucket(struct Levels *levels, int64_t begin, int64_t end) {
    int others = levels->nodes - 1, own = levels->all[levels->node].piece_count;
    size_t old = (size_t)levels->bucket_count * sizeof *levels->buckets;
    levels->buckets =
        memory_resize(levels->buckets, old, old + sizeof *levels->buckets, "exchange");
    struct Bucket *bucket = &levels->buckets[levels->bucket_count++];
    int64_t at;
    *bucket = (struct Bucket){.begin = begin, .end = end};
    if (levels->bucket_count > 1)
        bucket->staged_at = bucket[-1].staged_at + slice_of(levels, bucket - 1, &at);
    int64_t part = part_of(levels, bucket, levels->node, &at);
    bucket->received = memory_array(float, part * levels->foreign, "exchange");
    bucket->gather = memory_array(MPI_Request, others * own + levels->foreign, "exchange");
    bucket->spread = memory_array(MPI_Request, 2 * others, "exchange");
}

/* Room for this rank's slices of all buckets, of each subtree that its node adds up. */
static void make_room(struct Levels *levels) {
    const struct Bucket *last = &levels->buckets[levels->bucket_count - 1];
    struct Node *node = &levels->all[levels->node];
    int64_t at, count = last->staged_at + slice_of(levels, last, &at);
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

/* Where this rank finds the elements from `begin` on of a subtree of its node. */
static const float *own_piece(const struct Levels *levels, const struct Bucket *bucket, int q,
                              int64_t begin) {
    const struct NodePiece *piece = &levels->all[levels->node].pieces[q];
    int64_t first;
    slice_of(levels, bucket, &first);
    return piece->pieces == 1 ? piece->sources[0] + begin
                              : piece->staged + bucket->staged_at + (begin - first);
}

/* Adds this rank's slice up over its node. */
static void reduce_node(const struct Levels *levels, const struct Bucket *bucket) {
    const struct Node *node = &levels->all[levels->node];
    int64_t begin, count = slice_of(levels, bucket, &begin);
    for (int q = 0; q < node->piece_count; q++) {
        const struct NodePiece *piece = &node->pieces[q];
        float *sum =
            levels->nodes == 1 ? levels->result + begin : piece->staged + bucket->staged_at;
        if (piece->pieces > 1)
            tree__reduce(&piece->program, levels->exchange->add, piece->sources, begin, count,
                         levels->scratch, sum);
    }
}

/* Whom this rank exchanges its slices with, on each other node in turn. */
static int partner(const struct Levels *levels, int step, int *node) {
    *node = (levels->node + step) % levels->nodes;
    return levels->all[*node].ranks[levels->place];
}

/* Messages of buckets that are in work together are told apart by their tags. */
static int tag_of(const struct Levels *levels, const struct Bucket *bucket, int piece) {
    return (int)(bucket - levels->buckets) * (TREE_DEPTH + 1) + piece;
}

/* Sends the other nodes their parts, and expects this rank's own part and their sums. */
static void begin_gathering(struct Levels *levels, struct Bucket *bucket) {
    MPI_Comm communicator = levels->communicator;
    int64_t at;
    int node, own = part_of(levels, bucket, levels->node, &at), received = 0;
    bucket->gathers = bucket->spreads = 0;
    for (int step = 1; step < levels->nodes; step++) {
        int rank = partner(levels, step, &node), count = part_of(levels, bucket, node, &at);
        for (int q = 0; q < levels->all[node].piece_count; q++)
            MPI_Irecv(bucket->received + (int64_t)own * received++, own, MPI_FLOAT, rank,
                      tag_of(levels, bucket, q), communicator, &bucket->gather[bucket->gathers++]);
        for (int q = 0; q < levels->all[levels->node].piece_count; q++)
            MPI_Isend(own_piece(levels, bucket, q, at), count, MPI_FLOAT, rank,
                      tag_of(levels, bucket, q), communicator, &bucket->gather[bucket->gathers++]);
        MPI_Irecv(levels->result + at, count, MPI_FLOAT, rank, tag_of(levels, bucket, TREE_DEPTH),
                  communicator, &bucket->spread[bucket->spreads++]);
    }
}

/* Where the operands of the sum over all nodes are. */
static void find_sources(struct Levels *levels, const struct Bucket *bucket) {
    int64_t begin;
    int own = part_of(levels, bucket, levels->node, &begin);
    for (int i = 0; i < levels->program.pieces; i++) {
        int m = levels->order[i] / TREE_DEPTH, q = levels->order[i] % TREE_DEPTH, received = q;
        for (int step = 1, node; m != levels->node; step++) {
            partner(levels, step, &node);
            if (node == m)
                break;
            received += levels->all[node].piece_count;
        }
        levels->sources[i] = m == levels->node ? own_piece(levels, bucket, q, begin)
                                               : bucket->received + (int64_t)own * received;
    }
}

/* Adds this rank's part up over all nodes, and sends the sum to the others. */
static void begin_spreading(struct Levels *levels, struct Bucket *bucket) {
    int64_t begin;
    int node, count = part_of(levels, bucket, levels->node, &begin);
    find_sources(levels, bucket);
    tree__reduce(&levels->program, levels->exchange->add, levels->sources, 0, count,
                 levels->scratch, levels->result + begin);
    for (int step = 1; step < levels->nodes; step++)
        MPI_Isend(levels->result + begin, count, MPI_FLOAT, partner(levels, step, &node),
                  tag_of(levels, bucket, TREE_DEPTH), levels->communicator,
                  &bucket->spread[bucket->spreads++]);
}

static bool is_complete(const struct Levels *levels, int bucket) {
    uint64_t needed = levels->before + (uint64_t)bucket + 1;
    for (int place = 0; place < levels->places; place++)
        if (atomic_load_explicit(&levels->flags[place]->ready, memory_order_acquire) < needed)
            return false;
    return true;
}

static bool have_arrived(int count, MPI_Request *requests) {
    int done;
    MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
    return done;
}

static void end_bucket(struct Levels *levels, struct Bucket *bucket) {
    struct Flags *own = levels->flags[levels->place];
    bucket->phase = DONE;
    atomic_fetch_add(&levels->finished, 1);
    atomic_fetch_add_explicit(&own->done, 1, memory_order_release);
}

/* Takes a bucket to its next phase; false if it is not time yet. */
static bool advance_bucket(struct Levels *levels, int k) {
    struct Bucket *bucket = &levels->buckets[k];
    if (bucket->phase == COMPLETING && is_complete(levels, k)) {
        reduce_node(levels, bucket);
        if (levels->nodes > 1)
            begin_gathering(levels, bucket);
        bucket->phase = GATHERING;
        if (levels->nodes == 1)
            end_bucket(levels, bucket);
        return true;
    }
    if (bucket->phase == GATHERING && have_arrived(bucket->gathers, bucket->gather)) {
        begin_spreading(levels, bucket);
        bucket->phase = SPREADING;
        return true;
    }
    if (bucket->phase == SPREADING && have_arrived(bucket->spreads, bucket->spread)) {
        end_bucket(levels, bucket);
        return true;
    }
    return false;
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
    while (sem_wait(&levels->wake) || !levels->ends)
        while (!levels->finishing && levels->finished < levels->completed)
            if (!advance(levels))
                nanosleep(&(struct timespec){.tv_nsec = POLL_NANOSECONDS}, NULL);
    return NULL;
}

static void start_thread(struct Levels *levels) {
    int level = MPI_THREAD_SINGLE;
    MPI_Query_thread(&level);
    levels->threaded = levels->nodes > 1 && level >= MPI_THREAD_SERIALIZED &&
                       thread_start(&levels->thread, run, levels);
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
        if (levels->threaded)
            sem_post(&levels->wake);
    }
    if (!levels->threaded)
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
    levels->finishing = true;
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
    levels->finishing = false;
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
    exchange->buffers = (float *)(segment_of(levels, levels->place, segment) + HEADER);
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
            piece->sources[i] =
                (float *)(segment_of(levels, place, segment) + HEADER) + buffer * exchange->stride;
        }
    }
}

/* Enough for the programs of the node and of all nodes. */
static void make_scratch(struct Levels *levels) {
    const struct Node *node = &levels->all[levels->node];
    int64_t scratch = levels->program.scratch;
    for (int q = 0; q < node->piece_count; q++)
        if (node->pieces[q].program.scratch > scratch)
            scratch = node->pieces[q].program.scratch;
    levels->scratch = memory_array(float, scratch *TREE_BLOCK, "exchange");
}

static void release(struct Exchange *exchange) {
    struct Levels *levels = exchange->state;
    if (levels->threaded) {
        levels->ends = true;
        sem_post(&levels->wake);
        pthread_join(levels->thread, NULL);
    }
    if (levels->memory)
        MPI_Comm_free(&levels->communicator);
    release_buckets(levels);
    for (int m = 0; m < levels->nodes; m++) {
        for (int q = 0; q < levels->all[m].piece_count; q++) {
            tree__program_release(&levels->all[m].pieces[q].program);
            memory_release(levels->all[m].pieces[q].sources);
            memory_release(levels->all[m].pieces[q].staged);
        }
        memory_release(levels->all[m].pieces);
        memory_release(levels->all[m].ranks);
    }
    memory_release(levels->all);
    tree__program_release(&levels->program);
    memory_release(levels->order);
    memory_release(levels->sources);
    memory_release(levels->scratch);
    memory_release(levels->flags);
    node_memory_release(levels->memory);
    sem_destroy(&levels->wake);
    pthread_mutex_destroy(&levels->mutex);
    memory_release(levels);
}

static int share_memory(struct Exchange *exchange, struct Levels *levels, struct Error *error) {
    size_t stride = (size_t)exchange->stride * sizeof(float);
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
    sem_init(&levels->wake, 0, 0);
    int code = OK;
    if (!find_nodes(exchange, levels))
        code = fail(error, ERROR_RUN_FILE,
                    "levels needs the same number of ranks on each node, found %d ranks on %d "
                    "nodes; use halving, direct or auto",
                    exchange->size, levels->nodes);
    for (int m = 0; !code && m < levels->nodes; m++)
        find_pieces(exchange, levels, &levels->all[m]);
    if (!code) {
        find_program(exchange, levels);
        make_scratch(levels);
        code = share_memory(exchange, levels, error);
    }
    if (code) {
        exchange->buffers = NULL;
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
