/* The fixed binary tree over the shards (comm/exchange.h), without any communication: which
 * subtrees a rank can sum by itself, and in which order the remaining ones are added. */
#ifndef TRAINER_COMM_TREE_H
#define TRAINER_COMM_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define TREE_DEPTH 128  /* neighbouring shards form at most 2 log2(shards) maximal subtrees */
#define TREE_BLOCK 2048 /* elements summed at a time, so that partial sums stay in the L1 cache */

/* Covers the shards [index << level, (index + 1) << level) that exist. */
struct TreeNode {
    int64_t index;
    int level;
};

/* A binary counter: subtrees are pushed from left to right, and siblings are joined as soon as both
 * are complete. The sum of the subtree at position i of the stack is in buffer i. */
struct TreeCounter {
    int64_t shards;
    int depth;
    struct TreeNode stack[TREE_DEPTH];
};

void tree__push(struct TreeCounter *counter, struct TreeNode node);
/* Joins the two topmost subtrees if they are siblings, and returns whether they were; the caller
 * then adds buffer `depth` (the new depth) into buffer `depth - 1`. */
bool tree__join(struct TreeCounter *counter);

/* Leaves the maximal subtrees of the shards [first, first + count) in the counter; returns the
 * largest number of buffers that are in use at a time. */
int tree__count(struct TreeCounter *counter, int64_t shards, int64_t first, int64_t count);
/* The same of the rank that needs most, of so many ranks with equal numbers of shards. */
int64_t tree__most_buffers(int64_t shards, int64_t ranks);

/* The additions that combine the subtrees (pieces) of all ranks, given from left to right. Operands
 * and sums are numbers: 0 … pieces−1 are the given subtrees, larger ones scratch blocks, −1 is the
 * result. */
struct TreeAddition {
    int left, right, sum;
};
struct TreeProgram {
    int pieces, additions, scratch;
    struct TreeAddition *list; /* pieces - 1 of them */
};
void tree__program_create(struct TreeProgram *program, int64_t shards, const struct TreeNode *nodes,
                          int pieces);
void tree__program_release(struct TreeProgram *program);

/* result[0 … count) = the sum of sources[piece][begin … begin + count) over all pieces, two or
 * more, in the tree's order. `scratch` has room for program->scratch · TREE_BLOCK elements. */
typedef void TreeAdd(void *sum, const void *left, const void *right, int64_t count);
void tree__reduce(const struct TreeProgram *program, TreeAdd *add, const float *const *sources,
                  int64_t begin, int64_t count, float *scratch, float *result);

#endif
