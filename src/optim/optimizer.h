/* An optimiser: from the gradient to the next parameters. Each is one kernel file in
 * optim/optimizers/ and one row of optim/optimizers.def: `const struct Optimizer
 * KERNEL(optimizer_NAME)`. What surrounds every optimiser (rules by name, clipping, L1, max-norm,
 * lookahead) is the updater's (optim/updater.h), and no optimiser sees it. */
#ifndef TRAINER_OPTIM_OPTIMIZER_H
#define TRAINER_OPTIM_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/kernel.h"
#include "runfile/schema.h"

#define OPTIMIZER_SLOTS 4
#define OPTIMIZER_SUMS 2
#define OPTIMIZER_BLOCK 2048 /* elements that are looked at twice: they stay in the first cache */

/* One call covers elements [0, count) of neighbouring rows that share their settings, or a part of
 * them: an optimiser works on each element alone. */
struct Update {
    const void *options;
    double rate;         /* the schedule's, times the row's own factor */
    double weight_decay; /* λ; 0 where the row is not decayed */
    int64_t step;        /* 1 for the first update */
    int64_t count;
    void *parameters;             /* real */
    const void *gradient;         /* real; clipped, with the L1 penalty's part */
    void *slots[OPTIMIZER_SLOTS]; /* momentum and the like; NULL where `needs` says no */
    double *sums;                 /* `measure` adds to OPTIMIZER_SUMS of them */
    double trust;                 /* optimisers that measure: the row's ratio; 1: it has none */
};

struct Optimizer {
    struct Kind kind;
    int slot_count;
    const char *slot_names[OPTIMIZER_SLOTS]; /* "momentum": names in the checkpoint */
    /* Do these options need that slot? NULL: they need all. */
    bool (*needs)(const void *options, int slot);
    /* What the slot holds before the first step. NULL: zeros. */
    double (*start)(const void *options, int slot);
    /* Weight decay shrinks the weights beside the update instead of being part of the gradient. */
    bool decoupled;
    /* Returns false where a gradient was NaN or Inf (seen for free in the same pass). */
    bool (*update)(const struct Update *update);
    /* Optimisers whose step depends on norms over a whole row (a layer's weights) look at it first:
     * `measure` goes over the row, in pieces of up to OPTIMIZER_BLOCK elements, and adds to the
     * sums (and may update slots), `trust` makes update->trust of them, then `update` goes over the
     * row again. Both NULL: one pass serves. The options of such an optimiser begin with struct
     * TrustRatioOptions. */
    bool (*measure)(const struct Update *update);
    double (*trust)(const void *options, double weight_decay, const double *sums);
};

extern const struct KindTable optimizer_kinds;

/* Every optimiser's options struct begins with these. */
struct OptimizerCommon {
    double rate;         /* the base learning rate η */
    double weight_decay; /* λ: the gradient of λ/2·|w|² is added */
    int decay;           /* enum: "weights" (convolution and linear weights only), "all" */
};
extern const char *const optimizer_row_names[]; /* "weights", "all", NULL */
enum { ROWS_WEIGHTS, ROWS_ALL };

/* The keys of OptimizerCommon, to be pasted into each table. `share`: the default of weight_decay;
 * `meaning`: its help. */
#define OPTIMIZER_COMMON_KEYS_DECAY(options, share, meaning)                                       \
    {.name = "rate",                                                                               \
     .type = KEY_REAL,                                                                             \
     .offset = offsetof(options, common.rate),                                                     \
     .minimum = 0,                                                                                 \
     .maximum = 1e6,                                                                               \
     .help = "base learning rate; the schedule multiplies it"},                                    \
        {.name = "weight_decay",                                                                   \
         .type = KEY_REAL,                                                                         \
         .offset = offsetof(options, common.weight_decay),                                         \
         .fallback = share,                                                                        \
         .minimum = 0,                                                                             \
         .maximum = 1e6,                                                                           \
         .help = meaning},                                                                         \
    {                                                                                              \
        .name = "decay", .type = KEY_ENUM, .offset = offsetof(options, common.decay),              \
        .fallback = "weights", .names = optimizer_row_names,                                       \
        .help = "what is decayed: weights of convolutions and linear layers, or all parameters; "  \
                "rules under `parameters` can say it row by row"                                   \
    }
#define OPTIMIZER_COMMON_KEYS(options)                                                             \
    OPTIMIZER_COMMON_KEYS_DECAY(options, "0", "L2 penalty: adds weight_decay * w to the gradient")

/* A number that is added to a denominator: never 0, so that a parameter without gradients stays. */
#define OPTIMIZER_EPSILON_KEY(options, value)                                                      \
    {                                                                                              \
        .name = "epsilon", .type = KEY_REAL, .offset = offsetof(options, epsilon),                 \
        .fallback = value, .minimum = 1e-30, .maximum = 1,                                         \
        .help = "added to the denominator, against a division by zero"                             \
    }

#endif
