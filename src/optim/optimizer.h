/* Optimisers: from the exchanged gradient to the next parameters, over the flat arena. An optimiser
 * is one kernel file in optim/optimizers/ and one row of optim/optimizers.def:
 * `const struct Optimizer KERNEL(optimizer_NAME)`. */
#ifndef TRAINER_OPTIM_OPTIMIZER_H
#define TRAINER_OPTIM_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/kernel.h"
#include "runfile/schema.h"

#define OPTIMIZER_SLOTS 4

/* One call covers elements [0, count) of one run of rows that share their settings. */
struct Update {
    const void *options;
    double rate;         /* the schedule's, times the row's own factor */
    double weight_decay; /* 0 where the row is not decayed */
    int64_t step;        /* 1 for the first update */
    int64_t count;
    void *parameters;             /* real */
    const void *gradient;         /* real */
    void *slots[OPTIMIZER_SLOTS]; /* momentum and the like, zero at the start */
};

struct Optimizer {
    struct Kind kind;
    int slot_count;
    const char *slot_names[OPTIMIZER_SLOTS]; /* "momentum": names in the checkpoint */
    /* Returns false where a gradient was NaN or Inf (seen for free in the same pass). */
    bool (*update)(const struct Update *update);
};

extern const struct KindTable optimizer_kinds;

/* Every optimiser's options struct begins with these. */
struct OptimizerCommon {
    double rate;         /* the base learning rate η */
    double weight_decay; /* λ: the gradient of λ/2·|w|² is added */
    int decay;           /* enum: "weights" (convolution and linear weights only), "all" */
};
/* The keys of OptimizerCommon, to be pasted into each table. */
#define OPTIMIZER_COMMON_KEYS(options)                                                             \
    {.name = "rate",                                                                               \
     .type = KEY_REAL,                                                                             \
     .offset = offsetof(options, common.rate),                                                     \
     .minimum = 0,                                                                                 \
     .maximum = 1e6,                                                                               \
     .help = "base learning rate; the schedule multiplies it"},                                    \
        {.name = "weight_decay",                                                                   \
         .type = KEY_REAL,                                                                         \
         .offset = offsetof(options, common.weight_decay),                                         \
         .fallback = "0",                                                                          \
         .minimum = 0,                                                                             \
         .maximum = 1e6,                                                                           \
         .help = "L2 penalty: adds weight_decay * w to the gradient"},                             \
    {                                                                                              \
        .name = "decay", .type = KEY_ENUM, .offset = offsetof(options, common.decay),              \
        .fallback = "weights", .names = optimizer_decay_names,                                     \
        .help = "what is decayed: weights of convolutions and linear layers, or all parameters"    \
    }
extern const char *const optimizer_decay_names[]; /* "weights", "all", NULL */

struct Updater;
/* Groups the arena's rows; allocates the slots. Not collective. */
int updater_create(struct Updater **updater, const struct Choice *optimizer,
                   const struct Arena *arena, enum Variant variant, struct Error *error);
void updater_release(struct Updater *updater);
int updater_slot_count(const struct Updater *updater);
const char *updater_slot_name(const struct Updater *updater, int slot);
float *updater_slot(struct Updater *updater, int slot); /* arena->parameters elements */
double updater_rate(const struct Updater *updater);     /* base rate */
/* One step. Allocates nothing. False where a gradient was not finite: the parameters it met are
 * spoiled by then, and the caller saves nothing. */
bool updater_step(struct Updater *updater, double rate, int64_t step, float *state,
                  const float *gradient);

#endif
