/* What the parts of the method `levels` share: see exchange_levels.c. For comm/ alone. */
#ifndef TRAINER_COMM_LEVELS_H
#define TRAINER_COMM_LEVELS_H

#include <mpi.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "comm/exchange_method.h"

/* What the ranks of a node see of one another. Both only grow, by the number of buckets in each
 * step. */
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

enum Phase { COMPLETING, BETWEEN_NODES, DONE };

struct Bucket {
    int64_t begin, end;
    int64_t staged_at; /* where this rank's slice of it begins among all of its slices */
    enum Phase phase;
    /* For the method between nodes: */
    int stage;                /* how far it is, in its own counting */
    float *received;          /* what the other nodes send to be added */
    MPI_Request *requests[2]; /* of what is added up, and of sums */
    int request_counts[2];
};

struct Levels;

/* How slices travel between the ranks in the same place on all nodes: two nodes or more. */
struct BetweenNodes {
    /* Allocates bucket->received and bucket->requests, which are released with memory_release. */
    void (*prepare)(const struct Levels *levels, struct Bucket *bucket);
    /* This rank's slices of the bucket are added up over its node. */
    void (*begin)(struct Levels *levels, struct Bucket *bucket);
    /* Goes on if what was sent and expected has arrived; false if it has not. Sets the phase DONE
     * once this rank's slice of levels->result is the sum over all nodes. */
    bool (*advance)(struct Levels *levels, struct Bucket *bucket);
};
/* levels_halving.c exchanges in rounds. It can be used if the number of nodes is a power of two and
 * each node has one subtree, all of one level. levels_direct.c sends from all to all; always
 * usable. */
bool levels__halving_serves(const struct Levels *levels);
extern const struct BetweenNodes levels__halving, levels__direct;

/* How the subtrees of all nodes are added up. */
struct NodesTree {
    int foreign; /* subtrees of the other nodes */
    struct TreeProgram program;
    int *order;            /* node · TREE_DEPTH + subtree, of each operand of the program */
    const float **sources; /* of the program, while it runs */
};

/* Looks after the buckets while the last shard is computed. */
struct LevelsThread {
    bool runs;
    _Atomic bool ends, finishing; /* exchange_finish looks after the buckets itself */
    pthread_t id;
    sem_t wake;
};

struct Levels {
    struct Exchange *exchange;
    MPI_Comm communicator;
    int nodes, places, node, place;
    const struct BetweenNodes *between; /* NULL: one node */
    struct Node *all;                   /* nodes */
    struct NodesTree tree;
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

    pthread_mutex_t mutex; /* held by the thread that looks after the buckets */
    struct LevelsThread thread;
};

/* levels_tree.c: who is where, and which subtrees are added up where. Fills nodes, places, node,
 * place, all and tree; false if the nodes have different numbers of
 * ranks. */
bool levels__find_nodes(struct Levels *levels);
void levels__release_nodes(struct Levels *levels);

/* A share of `count` elements, one of `among`. */
int64_t levels__share(int64_t count, int among);
/* This rank's slice of a bucket: [*begin, *begin + count). */
int64_t levels__slice(const struct Levels *levels, const struct Bucket *bucket, int64_t *begin);
/* Where this rank finds the elements from `begin` on of its node's subtree q. */
const float *levels__own_piece(const struct Levels *levels, const struct Bucket *bucket, int q,
                               int64_t begin);

/* The rank in this rank's place on another node. */
static inline int levels__partner(const struct Levels *levels, int node) {
    return levels->all[node].ranks[levels->place];
}
/* Messages of buckets that are in work together are told apart by their tags; kind: 0 …
 * TREE_DEPTH. */
static inline int levels__tag(const struct Levels *levels, const struct Bucket *bucket, int kind) {
    return (int)(bucket - levels->buckets) * (TREE_DEPTH + 1) + kind;
}
static inline bool levels__have_arrived(struct Bucket *bucket, int requests) {
    int done;
    MPI_Testall(bucket->request_counts[requests], bucket->requests[requests], &done,
                MPI_STATUSES_IGNORE);
    return done;
}

#endif
