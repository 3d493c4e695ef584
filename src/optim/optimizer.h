/* An optimiser computes the next parameters from the gradient. Each is one kernel file in
 * optim/optimizers/, which defines `const struct Optimizer KERNEL(optimizer_NAME)`, and one row of
 * optim/optimizers.def. The updater (optim/updater.h) implements what works with every optimiser:
 * rules by name, clipping, the L1 penalty, max-norm and lookahead. */
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
/* The elements of a piece that is read twice; it fits into the first-level cache. */
#define OPTIMIZER_BLOCK 2048

/* The arguments of one call, for `count` elements of adjacent rows with the same settings. A call
 * may cover only a part of the rows, because each element is updated independently. */
struct Update {
    const void *options;
    double rate;         /* η: the schedule's rate times the row's own factor */
    double weight_decay; /* λ; 0 if the row is not decayed */
    int64_t step;        /* 1 for the first update */
    int64_t count;
    void *parameters;             /* real */
    const void *gradient;         /* real; clipped, with the L1 penalty's gradient added */
    void *slots[OPTIMIZER_SLOTS]; /* real: momentum and the like; NULL if not needed */
    uint32_t *replaced;           /* `update` adds the bits of all numbers that it replaces */
    double *sums;                 /* (OPTIMIZER_SUMS): `measure` adds to them */
    double trust;                 /* the row's trust ratio, 1 without one; if `measure` is set */
};

struct Optimizer {
    struct Kind kind;
    int slot_count;
    const char *slot_names[OPTIMIZER_SLOTS]; /* in the checkpoint: "momentum" */
    /* Whether these options need that slot. NULL: they need all slots. */
    bool (*needs)(const void *options, int slot);
    /* The value of every element of the slot before the first step. NULL: zeros. */
    double (*start)(const void *options, int slot);
    /* Weight decay shrinks the weights directly and is not part of the gradient. */
    bool decoupled;
    /* Updates parameters and slots in one pass over memory. Returns false if the gradient has a NaN
     * or Inf. */
    bool (*update)(const struct Update *update);
    /* For optimisers whose step depends on norms over a whole row (a layer's weights); NULL for all
     * others. `measure` is called first, for pieces of the row of up to OPTIMIZER_BLOCK elements;
     * it adds to the sums, may update slots, and returns what `update` returns. Then `trust`
     * computes update->trust from the sums, and `update` is called for the row. The options of such
     * an optimiser begin with struct TrustRatioOptions. */
    bool (*measure)(const struct Update *update);
    double (*trust)(const void *options, double weight_decay, const double *sums);
};

extern const struct KindTable optimizer_kinds;

#ifdef KERNEL_SUFFIX
/* The bits, as a whole number, of a parameter or a slot's element. The code that replaces an
 * element adds its old bits to *update->replaced in the same pass over memory. By these sums the
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

/* Every optimiser's options begin with this. */
struct OptimizerCommon {
    double rate;         /* the base learning rate η */
    double weight_decay; /* λ: the gradient of λ/2·|w|² is added */
    int decay;           /* enum: "weights" (convolution and linear weights only), "all" */
};
extern const char *const optimizer_row_names[]; /* "weights", "all", NULL */
enum { ROWS_WEIGHTS, ROWS_ALL };

/* The keys of OptimizerCommon, for each optimiser's table. `value` is the default of weight_decay
 * and `meaning` its help. */
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

/* A number that is added to a denominator. It must not be 0, so that a parameter whose gradients
 * are all 0 does not change. */
#define OPTIMIZER_EPSILON_KEY(options, value)                                                      \
    {                                                                                              \
        .name = "epsilon", .type = KEY_REAL, .offset = offsetof(options, epsilon),                 \
        .fallback = value, .minimum = 1e-30, .maximum = 1,                                         \
        .help = "added to the denominator, against a division by zero"                             \
    }

#endif
