/* Each rank receives its part of the slice from the ranks in its place on all other nodes, adds it
 * up in the tree's order, and sends the sum to the others. */
#include "base/memory.h"
#include "comm/levels.h"

enum { GATHER, SPREAD }; /* the two sets of requests, and stages */

/* The part of that slice which the rank on node `node` adds up. */
static int part_of(const struct Levels *levels, const struct Bucket *bucket, int node,
                   int64_t *begin) {
    int64_t first, count = levels__slice(levels, bucket, &first),
                   part = levels__share(count, levels->nodes);
    *begin = exchange_clamp(first + node * part, first, first + count);
    return (int)exchange_clamp(first + count - *begin, 0, part);
}

static void prepare(const struct Levels *levels, struct Bucket *bucket) {
    int others = levels->nodes - 1, own = levels->all[levels->node].piece_count;
    int64_t begin, part = part_of(levels, bucket, levels->node, &begin);
    bucket->received = memory_array(float, part * levels->tree.foreign, "exchange");
    bucket->requests[GATHER] =
        memory_array(MPI_Request, others * own + levels->tree.foreign, "exchange");
    bucket->requests[SPREAD] = memory_array(MPI_Request, 2 * others, "exchange");
}

/* Whom this rank exchanges its slices with, on each other node in turn. */
static int partner(const struct Levels *levels, int step, int *node) {
    *node = (levels->node + step) % levels->nodes;
    return levels__partner(levels, *node);
}

/* Sends the other nodes their parts, and expects this rank's own part and their sums. */
static void begin(struct Levels *levels, struct Bucket *bucket) {
    MPI_Comm communicator = levels->communicator;
    MPI_Request *gather = bucket->requests[GATHER], *spread = bucket->requests[SPREAD];
    int64_t at;
    int node, own = part_of(levels, bucket, levels->node, &at), received = 0;
    int gathers = 0, spreads = 0;
    for (int step = 1; step < levels->nodes; step++) {
        int rank = partner(levels, step, &node), count = part_of(levels, bucket, node, &at);
        for (int q = 0; q < levels->all[node].piece_count; q++)
            MPI_Irecv(bucket->received + (int64_t)own * received++, own, MPI_FLOAT, rank,
                      levels__tag(levels, bucket, q), communicator, &gather[gathers++]);
        for (int q = 0; q < levels->all[levels->node].piece_count; q++)
            MPI_Isend(levels__own_piece(levels, bucket, q, at), count, MPI_FLOAT, rank,
                      levels__tag(levels, bucket, q), communicator, &gather[gathers++]);
        MPI_Irecv(levels->result + at, count, MPI_FLOAT, rank,
                  levels__tag(levels, bucket, TREE_DEPTH), communicator, &spread[spreads++]);
    }
    bucket->stage = GATHER;
    bucket->request_counts[GATHER] = gathers;
    bucket->request_counts[SPREAD] = spreads;
}

/* Where the operands of the sum over all nodes are. */
static void find_sources(struct Levels *levels, const struct Bucket *bucket) {
    int64_t begin;
    int own = part_of(levels, bucket, levels->node, &begin);
    for (int i = 0; i < levels->tree.program.pieces; i++) {
        int m = levels->tree.order[i] / TREE_DEPTH, q = levels->tree.order[i] % TREE_DEPTH,
            received = q;
        for (int step = 1, node; m != levels->node; step++) {
            partner(levels, step, &node);
            if (node == m)
                break;
            received += levels->all[node].piece_count;
        }
        levels->tree.sources[i] = m == levels->node ? levels__own_piece(levels, bucket, q, begin)
                                                    : bucket->received + (int64_t)own * received;
    }
}

/* Adds this rank's part up over all nodes, and sends the sum to the others. */
static void begin_spreading(struct Levels *levels, struct Bucket *bucket) {
    int64_t begin;
    int node, count = part_of(levels, bucket, levels->node, &begin);
    find_sources(levels, bucket);
    tree__reduce(&levels->tree.program, levels->exchange->add, levels->tree.sources, 0, count,
                 levels->scratch, levels->result + begin);
    for (int step = 1; step < levels->nodes; step++)
        MPI_Isend(levels->result + begin, count, MPI_FLOAT, partner(levels, step, &node),
                  levels__tag(levels, bucket, TREE_DEPTH), levels->communicator,
                  &bucket->requests[SPREAD][bucket->request_counts[SPREAD]++]);
}

static bool advance(struct Levels *levels, struct Bucket *bucket) {
    if (!levels__have_arrived(bucket, bucket->stage))
        return false;
    if (bucket->stage == GATHER)
        begin_spreading(levels, bucket);
    else
        bucket->phase = DONE;
    bucket->stage = SPREAD;
    return true;
}

const struct BetweenNodes levels__direct = {.prepare = prepare, .begin = begin, .advance = advance};
