/* Recursive halving between nodes, nearest first, then doubling (Rabenseifner 2004, "Optimization
 * of collective reduction operations"): in round r a rank and its partner, whose subtrees are
 * siblings r levels above those of the nodes, each keep and add up one half of what they have left;
 * then the sums go back the same way. A bucket takes 2 log₂ M messages to and from each of M nodes'
 * ranks where sending directly takes 2 (M − 1), for the same number of bytes. */
#include "base/memory.h"
#include "comm/levels.h"

enum { BOTH }; /* the one set of requests that is in use */

struct Range {
    int64_t begin, end;
};

static int rounds_of(const struct Levels *levels) {
    int rounds = 0;
    while (1 << rounds < levels->nodes)
        rounds++;
    return rounds;
}

/* The node whose subtree has this index among the nodes' subtrees. */
static int node_at(const struct Levels *levels, int64_t index) {
    return levels->tree.order[index] / TREE_DEPTH;
}

static int64_t own_index(const struct Levels *levels) {
    return levels->all[levels->node].pieces[0].node.index;
}

bool levels__halving_serves(const struct Levels *levels) {
    if (levels->nodes & (levels->nodes - 1))
        return false;
    for (int m = 0; m < levels->nodes; m++) {
        const struct Node *node = &levels->all[m];
        if (node->piece_count != 1 ||
            node->pieces[0].node.level != levels->all[0].pieces[0].node.level)
            return false;
    }
    return true;
}

/* What this rank has left of its slice after so many rounds of halving, and, if `given` is no NULL,
 * what it gives away in the round that follows. */
static struct Range left_after(const struct Levels *levels, const struct Bucket *bucket, int rounds,
                               struct Range *given) {
    struct Range left, halves[2];
    left.end = levels__slice(levels, bucket, &left.begin);
    left.end += left.begin;
    for (int round = 0; round <= rounds; round++) {
        int upper = (int)(own_index(levels) >> round & 1);
        int64_t middle = exchange_clamp(left.begin + levels__share(left.end - left.begin, 2),
                                        left.begin, left.end);
        halves[0] = (struct Range){left.begin, middle};
        halves[1] = (struct Range){middle, left.end};
        if (round == rounds)
            break;
        left = halves[upper];
    }
    if (given)
        *given = halves[!(own_index(levels) >> rounds & 1)];
    return left;
}

static void prepare(const struct Levels *levels, struct Bucket *bucket) {
    struct Range kept = left_after(levels, bucket, 1, NULL);
    bucket->received = memory_array(float, kept.end - kept.begin, "exchange");
    bucket->requests[BOTH] = memory_array(MPI_Request, 2, "exchange");
}

/* Sends and expects a range of floats each. */
static void swap(struct Levels *levels, struct Bucket *bucket, int round, const float *give,
                 struct Range given, float *take, struct Range taken) {
    int partner = levels__partner(levels, node_at(levels, own_index(levels) ^ 1 << round));
    int tag = levels__tag(levels, bucket, bucket->stage);
    MPI_Irecv(take, (int)(taken.end - taken.begin), MPI_FLOAT, partner, tag, levels->communicator,
              &bucket->requests[BOTH][0]);
    MPI_Isend(give, (int)(given.end - given.begin), MPI_FLOAT, partner, tag, levels->communicator,
              &bucket->requests[BOTH][1]);
    bucket->request_counts[BOTH] = 2;
}

/* Where the partial sum before a round is. */
static const float *partial_sum(const struct Levels *levels, const struct Bucket *bucket, int round,
                                int64_t begin) {
    return round ? levels->result + begin : levels__own_piece(levels, bucket, 0, begin);
}

/* Stages 0 … R − 1 are the rounds of halving, R … 2R − 1 those of doubling in the other order. */
static void begin_stage(struct Levels *levels, struct Bucket *bucket) {
    int rounds = rounds_of(levels), stage = bucket->stage;
    int round = stage < rounds ? stage : 2 * rounds - 1 - stage;
    struct Range given, kept = left_after(levels, bucket, round + 1, NULL);
    left_after(levels, bucket, round, &given);
    if (stage < rounds)
        swap(levels, bucket, round, partial_sum(levels, bucket, round, given.begin), given,
             bucket->received, kept);
    else
        swap(levels, bucket, round, levels->result + kept.begin, kept, levels->result + given.begin,
             given);
}

static void begin(struct Levels *levels, struct Bucket *bucket) {
    bucket->stage = 0;
    begin_stage(levels, bucket);
}

static bool advance(struct Levels *levels, struct Bucket *bucket) {
    int rounds = rounds_of(levels), stage = bucket->stage;
    if (!levels__have_arrived(bucket, BOTH))
        return false;
    if (stage < rounds) {
        struct Range kept = left_after(levels, bucket, stage + 1, NULL);
        levels->exchange->add(levels->result + kept.begin,
                              partial_sum(levels, bucket, stage, kept.begin), bucket->received,
                              kept.end - kept.begin);
    }
    if (++bucket->stage == 2 * rounds)
        bucket->phase = DONE;
    else
        begin_stage(levels, bucket);
    return true;
}

const struct BetweenNodes levels__halving = {
    .prepare = prepare, .begin = begin, .advance = advance};
