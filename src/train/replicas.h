/* The replicas: every rank's own copy of parameters, statistics, optimiser slots and the average of
 * weights. All of them must have the same bits, which the ranks check.
 *
 * Each step closes two links of a checksum's chain (optim/checksum.h) over what it replaced: first
 * the parameters, slots and running statistics just before their update, then the average before
 * it takes the new weights in. A bit that changes in a rank's memory between two steps is in the
 * next link, before the update can round the difference away. The ranks compare their chains, and
 * what their memory holds at that moment, every train.check_every steps, before each save, and when
 * a number is not finite.
 *
 * If they differ, the links since the last comparison show in which step they began to differ. The
 * minority there is at fault. Without a majority, as on two ranks, all ranks go back to the last
 * checkpoint and replay the steps up to that link: a rank whose link differs from the replay's is
 * at fault. One rank alone does none of this. Inside train/ only. */
#ifndef TRAINER_TRAIN_REPLICAS_H
#define TRAINER_TRAIN_REPLICAS_H

#include <stdbool.h>

#include "base/error.h"
#include "optim/checksum.h"

struct Trainer;

struct Replicas {
    bool compared;           /* there are several ranks */
    struct Checksum changes; /* since a checkpoint */
    struct Digest *links;    /* two of each of the steps agreed + 1, agreed + 2, … */
    int64_t link_count, most_links;
    int64_t agreed;     /* after this step all ranks had the same bits */
    int64_t checkpoint; /* the step of the newest checkpoint; −1: there is none */
    struct Digest base; /* the last link of the chain at it */
    bool replaying;
    /* The steps since the newest checkpoint after which the clock asked for a validation, which a
     * replay has to repeat: it measures the average's statistics. */
    int64_t *validations;
    int validation_count;
};

/* The parts of the run exist. Released by replicas__release. */
void replicas__create(struct Trainer *trainer);
void replicas__release(struct Trainer *trainer);
/* A new chain begins. The state is that of the checkpoint after the present step, or, if
 * `has_checkpoint` is false, none has been written yet. */
void replicas__start_chain(struct Trainer *trainer, bool has_checkpoint);

/* The ranks agree, and the present state is being saved: a replay may begin here. Returns the last
 * link of the chain, which goes on. */
struct Digest replicas__begin_save(struct Trainer *trainer);
/* The checkpoint of an earlier step, after the link `base`, is the newest from now on. */
void replicas__use_checkpoint(struct Trainer *trainer, int64_t step, struct Digest base);

/* Numbers that are about to be replaced, or the sum of their bits: to be called by code that
 * changes saved arrays, with a multiple of 4 bytes. */
void replicas__note(struct Trainer *trainer, const void *values, int64_t bytes);
/* Half of a step is done: the update of the model, or of what follows it. */
void replicas__close_link(struct Trainer *trainer);
/* Whether no more links can be kept before a comparison: the same on every rank. */
bool replicas__are_full(const struct Trainer *trainer);

/* The clock asked for a validation after the present step. */
void replicas__note_validation(struct Trainer *trainer);
/* Did it, when the step was made first? */
bool replicas__validated(const struct Trainer *trainer, int64_t step);

/* Fails (ERROR_NUMERIC) with the same message on every rank if replicas differ; the run cannot go
 * on then, because its state may be that of an older checkpoint. `whole`: what the memory holds is
 * the state after a step; otherwise an update has spoiled it, and the links alone are compared.
 * Collective. */
int replicas__compare(struct Trainer *trainer, bool whole, struct Error *error);
/* All that the memory holds, in one digest. */
struct Digest replicas__digest(const struct Trainer *trainer);
/* replica_faults.c: says who is at fault, after the replicas were found to differ. `whole`: as
 * above; `memory`: this rank's digest of all that the memory holds. Collective; returns
 * ERROR_NUMERIC. */
int replicas__blame(struct Trainer *trainer, bool whole, struct Digest memory, struct Error *error);

#endif
