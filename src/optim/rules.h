/* The section `parameters` of the run file: rules for parameters by kind and name. A rule applies
 * to the rows of its kind (weights, biases, normalisations, slopes, all) whose names match its
 * pattern. If several rules apply to a row, the last one that sets a key determines its value. */
#ifndef TRAINER_OPTIM_RULES_H
#define TRAINER_OPTIM_RULES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "optim/optimizer.h"
#include "runfile/schema.h"

struct RuleOptions {
    const char *name;                        /* pattern (base/pattern.h) */
    int frozen;                              /* enum: false, true; −1: not set */
    double rate, weight_decay, l1, max_norm; /* NaN: not set */
};
extern const struct KindTable rule_kinds;

/* The settings of one row after all rules. */
struct RowSettings {
    bool frozen;         /* no update, no decay, no momentum */
    double rate;         /* a factor of the learning rate */
    double weight_decay; /* λ₂: adds λ₂/2·Σw² to the loss, or is the decoupled decay */
    double l1;           /* λ₁: adds λ₁·Σ|w| to the loss */
    double max_norm;     /* largest Euclidean norm of the weights of one output; 0: no limit */
};

/* Fills settings[row] for each row of the arena from the optimiser's keys and the rules; rows of
 * statistics are frozen. `rules` may be NULL. ERROR_RUN_FILE if a rule sets nothing, sets another
 * key beside frozen: true, or applies to no parameter (the error names the nearest one), or if no
 * parameter is left to train. */
int rules_apply(const struct ChoiceList *rules, const struct OptimizerCommon *common,
                const struct Arena *arena, struct RowSettings *settings, struct Error *error);

#endif
