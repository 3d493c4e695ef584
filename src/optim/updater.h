/* The update of a step, over the flat arena: the run file's optimiser, and around it what works
 * with every one. In this order:
 *
 *   the gradient as exchanged → clipped by norm → clipped by value → + L1's part
 *   → the optimiser (which adds L2's part, or decays beside it)
 *   → max-norm → lookahead
 *
 * Frozen rows are left alone by all of it. Rows with the same settings are one pass over memory;
 * clipping by norm needs one more, in front. */
#ifndef TRAINER_OPTIM_UPDATER_H
#define TRAINER_OPTIM_UPDATER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/kernel.h"
#include "optim/clip.h"
#include "optim/lookahead.h"
#include "optim/optimizer.h"
#include "optim/rules.h"

struct UpdaterRequest {
    const struct Choice *optimizer;
    const struct ChoiceList *rules;           /* of rule_kinds; NULL: none */
    const struct ClipOptions *clip;           /* NULL: no clipping */
    const struct LookaheadOptions *lookahead; /* NULL: none */
};

struct Updater;
/* Groups the arena's rows; allocates the slots. What the request points at outlives the updater;
 * the arena need not. Fails where a rule does (rules_apply). Not collective. */
int updater_create(struct Updater **updater, const struct UpdaterRequest *request,
                   const struct Arena *arena, enum Variant variant, struct Error *error);
void updater_release(struct Updater *updater); /* NULL is allowed */

/* What a checkpoint keeps of it: the optimiser's slots, and lookahead's slow weights. */
int updater_slot_count(const struct Updater *updater);
const char *updater_slot_name(const struct Updater *updater, int slot);
void *updater_slot(struct Updater *updater, int slot); /* arena->parameters reals */

double updater_rate(const struct Updater *updater); /* base rate */
/* Which rows of the arena stay as they are (those of statistics among them), and how many
 * parameters these are. */
const bool *updater_frozen_rows(const struct Updater *updater);
int64_t updater_frozen(const struct Updater *updater);

/* One step, the first is 1. `state` and `gradient` are reals of the variant. Allocates nothing.
 * False where a gradient was not finite: the parameters it met are spoiled by then, and the caller
 * saves nothing. */
bool updater_step(struct Updater *updater, double rate, int64_t step, void *state,
                  const void *gradient);
/* Of the last step's gradient over the rows that are not frozen, before clipping; NaN where neither
 * clip.norm nor clip.report asks for it. */
double updater_gradient_norm(const struct Updater *updater);

/* The penalty whose gradient the updates add: Σ λ₂/2·w² + λ₁·|w|, without decoupled decay. */
double updater_penalty(const struct Updater *updater, const void *state);

#endif
