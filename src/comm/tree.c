#include "comm/tree.h"

#include "base/error.h"
#include "base/memory.h"

void tree__push(struct TreeCounter *counter, struct TreeNode node) {
    CHECK(counter->depth < TREE_DEPTH);
    counter->stack[counter->depth++] = node;
}

/* If a node's right sibling would begin after the last shard, the node is its parent's whole value:
 * moves up to that parent. */
static void rise(struct TreeNode *node, int64_t shards) {
    while (node->index % 2 == 0 && (node->index + 1) << node->level >= shards &&
           (node->index > 0 || (int64_t)1 << node->level < shards)) {
        node->index /= 2;
        node->level++;
    }
}

bool tree__join(struct TreeCounter *counter) {
    struct TreeNode *top = &counter->stack[counter->depth - 1];
    rise(top, counter->shards);
    if (counter->depth < 2 || top->index % 2 == 0 || top[-1].level != top->level ||
        top[-1].index != top->index - 1)
        return false;
    top[-1] = (struct TreeNode){.index = top->index / 2, .level = top->level + 1};
    counter->depth--;
    return true;
}

int tree__count(struct TreeCounter *counter, int64_t shards, int64_t first, int64_t count) {
    int most = 0;
    *counter = (struct TreeCounter){.shards = shards};
    for (int64_t shard = first; shard < first + count; shard++) {
        tree__push(counter, (struct TreeNode){.index = shard});
        most = counter->depth > most ? counter->depth : most;
        while (tree__join(counter))
            ;
    }
    return most;
}

int64_t tree__most_buffers(int64_t shards, int64_t ranks) {
    struct TreeCounter counter;
    int64_t most = 0, each = shards / ranks;
    for (int64_t rank = 0; rank < ranks; rank++) {
        int buffers = tree__count(&counter, shards, rank * each, each);
        most = buffers > most ? buffers : most;
    }
    return most;
}

void tree__program_create(struct TreeProgram *program, int64_t shards, const struct TreeNode *nodes,
                          int pieces) {
    struct TreeCounter counter = {.shards = shards};
    int operand[TREE_DEPTH];
    *program = (struct TreeProgram){.pieces = pieces};
    program->list = memory_array(struct TreeAddition, pieces, "the order of a sum");
    for (int piece = 0; piece < pieces; piece++) {
        tree__push(&counter, nodes[piece]);
        operand[counter.depth - 1] = piece;
        while (tree__join(&counter)) {
            int at = counter.depth - 1;
            program->list[program->additions++] = (struct TreeAddition){
                .left = operand[at], .right = operand[at + 1], .sum = pieces + at};
            operand[at] = pieces + at;
            program->scratch = program->scratch > at + 1 ? program->scratch : at + 1;
        }
    }
    CHECK(counter.depth == 1 && program->additions == pieces - 1);
    if (pieces > 1)
        program->list[pieces - 2].sum = -1;
}

void tree__program_release(struct TreeProgram *program) {
    memory_release(program->list);
}

void tree__reduce(const struct TreeProgram *program, TreeAdd *add, const float *const *sources,
                  int64_t begin, int64_t count, float *scratch, float *result) {
    int pieces = program->pieces;
    for (int64_t at = 0; at < count; at += TREE_BLOCK) {
        int64_t block = count - at < TREE_BLOCK ? count - at : TREE_BLOCK;
        for (int i = 0; i < program->additions; i++) {
            struct TreeAddition a = program->list[i];
            const float *left = a.left < pieces ? sources[a.left] + begin + at
                                                : scratch + (a.left - pieces) * TREE_BLOCK;
            const float *right = a.right < pieces ? sources[a.right] + begin + at
                                                  : scratch + (a.right - pieces) * TREE_BLOCK;
            add(a.sum < 0 ? result + at : scratch + (a.sum - pieces) * TREE_BLOCK, left, right,
                block);
        }
    }
}
