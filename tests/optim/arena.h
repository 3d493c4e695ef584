/* An arena of a small net: every kind of row, and a weight that is longer than an optimiser's
 * block. */
#ifndef TRAINER_TESTS_OPTIM_ARENA_H
#define TRAINER_TESTS_OPTIM_ARENA_H

#include "base/arena.h"

#define PARAMETERS 3520
#define STATE (PARAMETERS + 16)
enum { CONV, SCALE, SHIFT, HEAD, HEAD_BIAS, LONG, MEAN, ROWS };

static char row_names[ROWS][24] = {"0.weight",      "1.weight", "1.bias",        "3.body.0.weight",
                                   "3.body.0.bias", "5.weight", "1.running_mean"};
static struct ArenaRow rows[ROWS] = {
    {.name = row_names[CONV], .role = ROLE_WEIGHT, .count = 7 * 27, .rank = 2, .size = {7, 27}},
    {.name = row_names[SCALE], .role = ROLE_NORMALISATION, .offset = 192, .count = 7},
    {.name = row_names[SHIFT], .role = ROLE_NORMALISATION, .offset = 208, .count = 7},
    {.name = row_names[HEAD],
     .role = ROLE_WEIGHT,
     .offset = 224,
     .count = 3 * 21,
     .rank = 2,
     .size = {3, 21}},
    {.name = row_names[HEAD_BIAS], .role = ROLE_BIAS, .offset = 288, .count = 3},
    {.name = row_names[LONG],
     .role = ROLE_WEIGHT,
     .offset = 304,
     .count = 5 * 643,
     .rank = 2,
     .size = {5, 643}},
    {.name = row_names[MEAN], .role = ROLE_STATISTIC, .offset = PARAMETERS, .count = 7},
};
static const struct Arena arena = {
    .rows = rows, .row_count = ROWS, .parameters = PARAMETERS, .statistics = 16};

/* The row of an element; −1: padding. */
static inline int row_at(int element) {
    for (int i = 0; i < ROWS; i++)
        if (element >= rows[i].offset && element < rows[i].offset + rows[i].count)
            return i;
    return -1;
}

#endif
