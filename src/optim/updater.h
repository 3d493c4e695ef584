/* The update of the flat arena in a step: the run file's optimiser, and what works with every
 * optimiser. The order is:
 *
 *   the exchanged gradient → its scale → clipping by norm → clipping by value
 *   → + the L1 penalty's gradient
 *   → the optimiser (which adds the L2 penalty's gradient, or decays the weights directly)
 *   → max-norm → lookahead
 *
 * None of this applies to frozen rows. Rows with the same settings are updated in one pass over
 * memory; clipping by norm needs another pass before it. Not collective: every rank holds the whole
 * gradient and gets the same bits. */
#ifndef TRAINER_OPTIM_UPDATER_H
#define TRAINER_OPTIM_UPDATER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/kernel.h"
#include "optim/checksum.h"
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
/* Groups the arena's rows and allocates the slots. Everything to which the request points must
 * outlive the updater; the arena need not. Fails as rules_apply does. The caller releases
 * *updater. */
int updater_create(struct Updater **updater, const struct UpdaterRequest *request,
                   const struct Arena *arena, enum Variant variant, struct Error *error);
void updater_release(struct Updater *updater); /* NULL is allowed */

/* The state that a checkpoint keeps: the optimiser's slots and lookahead's slow weights. The
 * updater owns the memory; a slot has arena->parameters reals in the arena's layout. */
int updater_slot_count(const struct Updater *updater);
const char *updater_slot_name(const struct Updater *updater, int slot);
void *updater_slot(struct Updater *updater, int slot);

/* Makes each later step add to `checksum`: for each segment the sum of the bits of the parameters
 * and slots that the optimiser replaces, which needs no additional pass, and lookahead's slow
 * weights. NULL switches that off. */
void updater_watch(struct Updater *updater, struct Checksum *checksum);

double updater_rate(const struct Updater *updater); /* the optimiser's base rate */
/* Which rows of the arena are frozen, statistics included (an array that the updater owns); and the
 * number of parameters in frozen rows, statistics excluded. */
const bool *updater_frozen_rows(const struct Updater *updater);
int64_t updater_frozen(const struct Updater *updater);

/* Makes step number `step` (from 1). `rate` is the scheduled rate; `state`, which is updated, and
 * `gradient` are reals of the variant in the arena's layout. Allocates nothing. Returns false if
 * the gradient is not finite: the parameters are then invalid, and the caller must not save
 * them. */
bool updater_step(struct Updater *updater, double rate, int64_t step, void *state,
                  const void *gradient);
/* Sets the factor by which later steps first multiply the gradient; initially 1. */
void updater_scale_gradient(struct Updater *updater, double scale);
/* Whether the gradient of the rows that are not frozen is finite. */
bool updater_gradient_is_finite(const struct Updater *updater, const void *gradient);
/* The Euclidean norm of the last step's gradient over the rows that are not frozen, before
 * clipping; NaN if neither clip.norm nor clip.report asks for it. */
double updater_gradient_norm(const struct Updater *updater);

/* The penalty whose gradient the updates add: Σ λ₂/2·w² + λ₁·|w|. It does not include decoupled
 * decay. */
double updater_penalty(const struct Updater *updater, const void *state);
/* Whether any row has such a penalty. */
bool updater_has_penalty(const struct Updater *updater);

#endif
