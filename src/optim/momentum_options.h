/* The options and keys of momentum and Nesterov momentum. There are two forms; for plain momentum,
 * with learning rate η, momentum ρ and gradient g, they are:
 *
 *   MOMENTUM_VELOCITY      form: course    v ← ρv − ηg, x ← x + v    CS231n's notes, default
 *   MOMENTUM_GRADIENT_SUM  form: pytorch   b ← ρb + g,  x ← x − ηb   its lectures, torch.optim.SGD
 *
 * At a constant η, v = −ηb, and both give the same parameters. If the schedule changes η, the
 * gradient sum applies the new η to all past gradients at once, and the velocity applies it only to
 * new ones. */
#ifndef TRAINER_OPTIM_MOMENTUM_OPTIONS_H
#define TRAINER_OPTIM_MOMENTUM_OPTIONS_H

#include "optim/optimizer.h"

struct MomentumOptions {
    struct OptimizerCommon common;
    double momentum;
    int form; /* an enum constant below */
};
enum { MOMENTUM_VELOCITY, MOMENTUM_GRADIENT_SUM };
static const char *const form_names[] = {"course", "pytorch", NULL};

/* `options` is struct MomentumOptions or a struct with its members; `formulas` begins the help of
 * `form`. */
#define MOMENTUM_KEYS(options, formulas)                                                           \
    OPTIMIZER_COMMON_KEYS(options),                                                                \
        {.name = "momentum",                                                                       \
         .type = KEY_REAL,                                                                         \
         .offset = offsetof(options, momentum),                                                    \
         .fallback = "0.9",                                                                        \
         .maximum = 1,                                                                             \
         .help = "fraction of the velocity that a step keeps (rho)"},                              \
    {                                                                                              \
        .name = "form", .type = KEY_ENUM, .offset = offsetof(options, form), .fallback = "course", \
        .names = form_names, .help = formulas ". The same at a constant rate, with v = -rate b"    \
    }

#endif
