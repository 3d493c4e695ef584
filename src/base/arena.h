/* The flat arenas of a run: one table of rows says what lies where. The same offsets hold in
 *   - the state     (parameters, then running statistics),
 *   - a gradient    (gradients, then this shard's part of the statistics, then its tallies),
 *   - an optimiser's slots (the parameters' part only).
 * Initialising, exchanging, updating and saving are loops over the table. nn, comm, optim and
 * checkpoint all work on it and know nothing of one another. */
#ifndef TRAINER_BASE_ARENA_H
#define TRAINER_BASE_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#define ARENA_DIMENSIONS 6
#define ARENA_ALIGNMENT 16 /* elements: every row starts on a cache line of floats */

enum ArenaRole {
    ROLE_WEIGHT, /* of a convolution, linear layer */
    ROLE_BIAS,
    ROLE_NORMALISATION, /* scale and shift of a normalisation layer */
    ROLE_SLOPE,         /* of an activation that learns it */
    ROLE_STATISTIC      /* not trained: a running mean or variance */
};

struct ArenaRow {
    char *name; /* PyTorch's state_dict name: "0.weight", "3.body.1.running_mean" */
    enum ArenaRole role;
    int64_t offset, count; /* elements */
    /* In memory the row is a dense tensor of these dimensions ... */
    int rank;
    int64_t size[ARENA_DIMENSIONS];
    /* ... in a file its dimensions are permuted (file dimension i is memory dimension order[i]) and
     * then runs of them are joined: file_rank sizes in file_size. Convolutions: OHWI in memory,
     * OIHW in the file. A linear layer after a flatten: (O,H,W,C) -> (O, C*H*W). */
    int order[ARENA_DIMENSIONS];
    int file_rank;
    int64_t file_size[ARENA_DIMENSIONS];
};

struct Arena {
    struct ArenaRow *rows;
    int row_count;
    int64_t parameters; /* elements from 0 that are trained (rows with role != ROLE_STATISTIC) */
    int64_t statistics; /* elements from `parameters` on */
    int64_t trained;    /* the sum of the trained rows' counts, padding excluded: for people */
};

/* state = parameters + statistics; a gradient has ARENA_TALLIES more elements after them, room for
 * the sums that a step needs from all shards (nn/plan.h says which). */
#define ARENA_TALLIES 16
static inline int64_t arena_state_elements(const struct Arena *arena) {
    return arena->parameters + arena->statistics;
}
static inline int64_t arena_gradient_elements(const struct Arena *arena) {
    return arena->parameters + arena->statistics + ARENA_TALLIES;
}

/* Copies row `row` between memory order (in `state`, float) and file order (dense, `count` long) */
void arena_to_file(const struct ArenaRow *row, const float *state, float *file);
void arena_from_file(const struct ArenaRow *row, const float *file, float *state);

/* Whether the two orders are the same, so that the row is dense in memory as it is in a file. */
bool arena_keeps_order(const struct ArenaRow *row);

/* The row with that name, or -1. */
int arena_find(const struct Arena *arena, const char *name);

void arena_release(struct Arena *arena); /* rows and names; not `arena` itself */

#endif
