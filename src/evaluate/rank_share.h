/* A checkpoint that rank 0 has read, on every rank. Inside train/ only. */
#ifndef TRAINER_EVALUATE_RANK_SHARE_H
#define TRAINER_EVALUATE_RANK_SHARE_H

#include "checkpoint/checkpoint.h"
#include "comm/ranks.h"

/* Broadcasts *checkpoint from rank 0, NULL included; the others get a copy of their own.
 * Collective. */
void share_checkpoint(struct Ranks *ranks, struct Checkpoint **checkpoint);

#endif
