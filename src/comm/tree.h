/* The fixed binary tree over the shards (comm/exchange.h), without any communication: which
 * subtrees a rank can sum by itself, and in which order what remains is added. */
#ifndef TRAINER_COMM_TREE_H
#define TRAINER_COMM_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define TREE_DEPTH 128  /* a run of shards falls into at most 2 log2(shards) subtrees */
#define TREE_BLOCK 2048 /* elements summed at a time, so that partial sums stay in the L1 cache */

/* Covers the shards [index << level, (index + 1) << level) that exist. */
struct TreeNode {
    int64_t index;
    int level;
};

/* A binary counter: subtrees come from left to right, and neighbours are joined as soon as both are
 * complete. Position i of the stack holds its sum in buffer i. */
struct TreeCounter {
    int64_t shards;
    int depth;
    struct TreeNode stack[TREE_DEPTH];
};

void tree_push(struct TreeCounter *counter, struct TreeNode node);
/* Joins the two topmost subtrees if they are siblings: then the caller adds buffer `depth` (the new
 * depth) into buffer `depth - 1`. False where there is nothing to join. */
bool tree_join(struct TreeCounter *counter);

/* The maximal subtrees of the shards [first, first + count), as the counter leaves them; returns
 * the most buffers that were in use at a time. */
int tree_count(struct TreeCounter *counter, int64_t shards, int64_t first, int64_t count);

/* How the subtrees of all ranks, given from left to right, are added up. Operands and sums are
 * numbered: 0 … pieces-1 the given subtrees, then the scratch blocks, -1 the result. */
struct TreeAddition {
    int left, right, sum;
};
struct TreeProgram {
    int pieces, additions, scratch;
    struct TreeAddition *list; /* pieces - 1 of them */
};
void tree_program_create(struct TreeProgram *program, int64_t shards, const struct TreeNode *nodes,
                         int pieces);
void tree_program_release(struct TreeProgram *program);

/* result[0 … count) = the sum of sources[piece][begin … begin + count) over all pieces in the
 * tree's order, at least two of them. `scratch` holds program->scratch · TREE_BLOCK elements. */
typedef void TreeAdd(void *sum, const void *left, const void *right, int64_t count);
void tree_reduce(const struct TreeProgram *program, TreeAdd *add, const float *const *sources,
                 int64_t begin, int64_t count, float *scratch, float *result);

#endif
