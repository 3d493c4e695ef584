#include <string.h>

#include "base/memory.h"
#include "comm/levels.h"

#define ALIGNED 16 /* elements to which slices and parts are rounded */

/* The ranks of each node; false if their numbers differ. */
static bool find_ranks(const struct Exchange *exchange, struct Levels *levels) {
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
    levels->tree.order = memory_array(int, count, "exchange");
    levels->tree.sources = memory_array(const float *, count, "exchange");
    levels->tree.foreign = count - levels->all[levels->node].piece_count;
    count = 0;
    for (int m = 0; m < levels->nodes; m++)
        for (int q = 0; q < levels->all[m].piece_count; q++) {
            struct TreeNode next = levels->all[m].pieces[q].node;
            int at = count++;
            for (; at > 0 && is_left_of(next, nodes[at - 1]); at--) {
                nodes[at] = nodes[at - 1];
                levels->tree.order[at] = levels->tree.order[at - 1];
            }
            nodes[at] = next;
            levels->tree.order[at] = m * TREE_DEPTH + q;
        }
    tree__program_create(&levels->tree.program, exchange->shards, nodes, count);
    memory_release(nodes);
}

bool levels__find_nodes(struct Levels *levels) {
    if (!find_ranks(levels->exchange, levels))
        return false;
    for (int m = 0; m < levels->nodes; m++)
        find_pieces(levels->exchange, levels, &levels->all[m]);
    find_program(levels->exchange, levels);
    return true;
}

void levels__release_nodes(struct Levels *levels) {
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
    tree__program_release(&levels->tree.program);
    memory_release(levels->tree.order);
    memory_release(levels->tree.sources);
}

/* ---- Slices of buckets ---- */

int64_t levels__share(int64_t count, int among) {
    return ((count + among - 1) / among + ALIGNED - 1) / ALIGNED * ALIGNED;
}

int64_t levels__slice(const struct Levels *levels, const struct Bucket *bucket, int64_t *begin) {
    int64_t slice = levels__share(bucket->end - bucket->begin, levels->places);
    *begin = exchange_clamp(bucket->begin + levels->place * slice, bucket->begin, bucket->end);
    return exchange_clamp(bucket->end - *begin, 0, slice);
}

const float *levels__own_piece(const struct Levels *levels, const struct Bucket *bucket, int q,
                               int64_t begin) {
    const struct NodePiece *piece = &levels->all[levels->node].pieces[q];
    int64_t first;
    levels__slice(levels, bucket, &first);
    return piece->pieces == 1 ? piece->sources[0] + begin
                              : piece->staged + bucket->staged_at + (begin - first);
}
