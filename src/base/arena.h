/* The flat arenas of a run. One table of rows gives the place of each tensor. Its offsets hold in
 *   - the state     (parameters, then running statistics),
 *   - a gradient    (gradients, then this shard's part of the statistics, then its tallies),
 *   - an optimiser's slot (the parameters' part only).
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
    int64_t trained;    /* the sum of the trained rows' counts, without padding; for display */
};

/* The state is the parameters and the statistics. A gradient has ARENA_TALLIES more elements after
 * them: room for the sums that a step needs from all shards (nn/plan.h lists them). */
#define ARENA_TALLIES 16
static inline int64_t arena_state_elements(const struct Arena *arena) {
    return arena->parameters + arena->statistics;
}
static inline int64_t arena_gradient_elements(const struct Arena *arena) {
    return arena->parameters + arena->statistics + ARENA_TALLIES;
}

/* Copy a row between memory order (at its offset in `state`) and file order (`file`, dense,
 * row->count elements). */
void arena_to_file(const struct ArenaRow *row, const float *state, float *file);
void arena_from_file(const struct ArenaRow *row, const float *file, float *state);

/* Whether the elements of the row have the same order in memory as in a file. */
bool arena_keeps_order(const struct ArenaRow *row);

/* The index of the row with that name; -1 if there is none. */
int arena_find(const struct Arena *arena, const char *name);

void arena_release(struct Arena *arena); /* rows and names; not `arena` itself */

#endif
