/* An optimiser computes the next parameters from the gradient. Each is one kernel file in
 * optim/optimizers/ and one row of optim/optimizers.def: `const struct Optimizer
 * KERNEL(optimizer_NAME)`. What works with every optimiser (rules by name, clipping, L1, max-norm,
 * lookahead) is done by the updater (optim/updater.h); optimisers know nothing of it. */
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
#define OPTIMIZER_BLOCK                                                                            \
    2048 /* elements of a piece that is read twice: fits the first-level cache */

/* The arguments of one call, for `count` elements of neighbouring rows with the same settings. A
 * call may cover only a part of the rows, because each element is updated independently. */
struct Update {
    const void *options;
    double rate;         /* η: the schedule's rate times the row's own factor */
    double weight_decay; /* λ; 0 if the row is not decayed */
    int64_t step;        /* 1 for the first update */
    int64_t count;
    void *parameters;             /* real */
    const void *gradient;         /* real; clipped, the L1 penalty's gradient added */
    void *slots[OPTIMIZER_SLOTS]; /* real: momentum and the like; NULL if `needs` says no */
    uint32_t *replaced;           /* to which the bits of all numbers that are replaced are added */
    double *sums;                 /* OPTIMIZER_SUMS of them, to which `measure` adds */
    double trust;                 /* optimisers that measure: the row's trust ratio; 1: none */
};

struct Optimizer {
    struct Kind kind;
    int slot_count;
    const char *slot_names[OPTIMIZER_SLOTS]; /* "momentum": names in the checkpoint */
    /* Whether these options need that slot. NULL: they need all. */
    bool (*needs)(const void *options, int slot);
    /* The value of every element of the slot before the first step. NULL: zeros. */
    double (*start)(const void *options, int slot);
    /* Weight decay shrinks the weights directly instead of being part of the gradient. */
    bool decoupled;
    /* Updates parameters and slots. Returns false if a gradient was NaN or Inf (found in the same
     * pass over memory). */
    bool (*update)(const struct Update *update);
    /* For optimisers whose step depends on norms over a whole row (a layer's weights). `measure` is
     * called for the row in pieces of up to OPTIMIZER_BLOCK elements; it adds to the sums and may
     * update slots, and returns what `update` returns. `trust` computes update->trust from the
     * sums; then `update` is called for the row. Both NULL: one pass is enough. The options of such
     * an optimiser begin with struct TrustRatioOptions. */
    bool (*measure)(const struct Update *update);
    double (*trust)(const void *options, double weight_decay, const double *sums);
};

extern const struct KindTable optimizer_kinds;

#ifdef KERNEL_SUFFIX
/* The bits of a parameter or of a slot's number before it is replaced, as a whole number. The code
 * that replaces it adds them to *update->replaced, in the same pass over memory; by these sums the
 * ranks notice that a bit of one of them has changed (train/replicas.h). */
static inline uint32_t bits_of(real x) {
#ifdef KERNEL_DOUBLE
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return (uint32_t)(bits ^ bits >> 32);
#else
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
#endif
}
#endif

/* Every optimiser's options struct begins with these. */
struct OptimizerCommon {
    double rate;         /* the base learning rate η */
    double weight_decay; /* λ: the gradient of λ/2·|w|² is added */
    int decay;           /* enum: "weights" (convolution and linear weights only), "all" */
};
extern const char *const optimizer_row_names[]; /* "weights", "all", NULL */
enum { ROWS_WEIGHTS, ROWS_ALL };

/* The keys of OptimizerCommon, for each optimiser's table. `value`: the default of weight_decay;
 * `meaning`: its help. */
#define OPTIMIZER_COMMON_KEYS_DECAY(options, value, meaning)                                       \
    {.name = "rate",                                                                               \
     .type = KEY_REAL,                                                                             \
     .offset = offsetof(options, common.rate),                                                     \
     .minimum = 0,                                                                                 \
     .maximum = 1e6,                                                                               \
     .help = "base learning rate; the schedule multiplies it"},                                    \
        {.name = "weight_decay",                                                                   \
         .type = KEY_REAL,                                                                         \
         .offset = offsetof(options, common.weight_decay),                                         \
         .fallback = value,                                                                        \
         .without_regularisation = "0",                                                            \
         .minimum = 0,                                                                             \
         .maximum = 1e6,                                                                           \
         .help = meaning},                                                                         \
    {                                                                                              \
        .name = "decay", .type = KEY_ENUM, .offset = offsetof(options, common.decay),              \
        .fallback = "weights", .names = optimizer_row_names,                                       \
        .help = "what is decayed: weights of convolutions and linear layers, or all parameters; "  \
                "rules under `parameters` can set it row by row"                                   \
    }
#define OPTIMIZER_COMMON_KEYS(options)                                                             \
    OPTIMIZER_COMMON_KEYS_DECAY(options, "0", "L2 penalty: adds weight_decay * w to the gradient")

/* A number that is added to a denominator. It is never 0, so that a parameter whose gradients are
 * all 0 stays as it is. */
#define OPTIMIZER_EPSILON_KEY(options, value)                                                      \
    {                                                                                              \
        .name = "epsilon", .type = KEY_REAL, .offset = offsetof(options, epsilon),                 \
        .fallback = value, .minimum = 1e-30, .maximum = 1,                                         \
        .help = "added to the denominator, against a division by zero"                             \
    }

#endif
