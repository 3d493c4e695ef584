/* What momentum and Nesterov momentum share: their options and the keys of them. */
#ifndef TRAINER_OPTIM_MOMENTUM_OPTIONS_H
#define TRAINER_OPTIM_MOMENTUM_OPTIONS_H

#include "optim/optimizer.h"

struct MomentumOptions {
    struct OptimizerCommon common;
    double momentum;
    int form;
};
enum { MOMENTUM_VELOCITY, MOMENTUM_GRADIENT_SUM };
static const char *const form_names[] = {"course", "pytorch", NULL};

/* `formulas`: the help of `form`. */
#define MOMENTUM_KEYS(formulas)                                                                    \
    OPTIMIZER_COMMON_KEYS(struct MomentumOptions),                                                 \
        {.name = "momentum",                                                                       \
         .type = KEY_REAL,                                                                         \
         .offset = offsetof(struct MomentumOptions, momentum),                                     \
         .fallback = "0.9",                                                                        \
         .maximum = 1,                                                                             \
         .help = "share of the velocity that is kept in a step (rho)"},                            \
    {                                                                                              \
        .name = "form", .type = KEY_ENUM, .offset = offsetof(struct MomentumOptions, form),        \
        .fallback = "course", .names = form_names,                                                 \
        .help = formulas ". The same at a constant rate, with v = -rate b"                         \
    }

#endif
