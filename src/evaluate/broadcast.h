/* A checkpoint that rank 0 has opened, on every rank. */
#ifndef TRAINER_EVALUATE_BROADCAST_H
#define TRAINER_EVALUATE_BROADCAST_H

#include "checkpoint/checkpoint.h"
#include "comm/ranks.h"

/* Broadcasts the bytes of rank 0's *checkpoint, which may be NULL; every other rank opens its own
 * copy of them. Collective; on failure no rank but 0 has a checkpoint. */
int broadcast_checkpoint(struct Ranks *ranks, struct Checkpoint **checkpoint, struct Error *error);

#endif
