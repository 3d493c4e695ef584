/* `parameters:` in the run file: rules for parameters by kind and name. A rule applies to the rows
 * of its kind (weights, biases, normalisations, slopes, all) whose name its pattern matches. If
 * several rules apply to a row, the later one wins, key by key. */
#ifndef TRAINER_OPTIM_RULES_H
#define TRAINER_OPTIM_RULES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "optim/optimizer.h"
#include "runfile/schema.h"

struct RuleOptions {
    const char *name;                        /* pattern (base/pattern.h) */
    int frozen;                              /* enum: false, true; −1: the rule does not say */
    double rate, weight_decay, l1, max_norm; /* NaN: the rule does not say */
};
extern const struct KindTable rule_kinds;

/* The settings of one row after all rules. */
struct RowSettings {
    bool frozen; /* no update, no decay, no momentum */
    double rate; /* a factor of the learning rate */
    double weight_decay; /* λ₂: adds λ₂/2·Σw² to the loss (decoupled optimisers: their own decay) */
    double l1;           /* λ₁: adds λ₁·Σ|w| */
    double max_norm; /* largest Euclidean norm of the weights of one output; 0: no limit */
};

/* Fills settings[row] for each row of the arena from the optimiser's keys and the rules; rows of
 * statistics are frozen. `rules` may be NULL. Fails (ERROR_RUN_FILE) for a rule that sets nothing,
 * that sets something beside frozen: true, or that applies to no parameter (it names the nearest),
 * and if nothing is left to train. */
int rules_apply(const struct ChoiceList *rules, const struct OptimizerCommon *common,
                const struct Arena *arena, struct RowSettings *settings, struct Error *error);

#endif
