/* The layout of a model's parameters: the arena that all modules share, and for each of its rows
 * what only nn needs to know. Inside nn/ only. */
#ifndef TRAINER_NN_LAYOUT_H
#define TRAINER_NN_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "runfile/schema.h"

#define NODE_ROWS 16 /* the most rows that one node may add */

struct ModelRow {
    int node; /* the index of the node that the row belongs to */
    /* For a statistic: running <- (1 - momentum) * running + momentum * (the global batch's). */
    double momentum;
    /* For a statistic: how many values of each channel a sample has; the statistic is measured over
     * those of a shard or, if `of_batch`, of the whole batch. 0: it is not measured but constant.
     */
    int64_t values;
    bool of_batch;
    /* For weights: how many inputs reach an output, and how many outputs an input reaches (a
     * convolution's kernel area included); a bias has its weights'. 0: none (normalisations). */
    int64_t fan_in, fan_out;
    int64_t groups;            /* of a convolution; 0: one */
    struct Choice initialiser; /* of initialiser_kinds: the run file's choice, or a default */
};

struct Layout {
    struct Arena arena;
    struct ModelRow *rows; /* parallel to arena.rows */
    int row_capacity;
};

/* A row as both tables describe it. */
struct LayoutRow {
    struct ArenaRow *arena;
    struct ModelRow *model;
};
struct LayoutRow layout_row(const struct Layout *layout, int row);

/* Makes room for the rows of another node: pointers to its rows stay valid until the next call. */
void layout_reserve(struct Layout *layout);
/* Appends an empty row; layout_reserve has made room for it. */
struct LayoutRow layout_append(struct Layout *layout);
/* Sets the offsets, after the last row: trained rows first, then statistics, each in the order of
 * appending. */
void layout_finish(struct Layout *layout);
void layout_release(struct Layout *layout);

#endif
