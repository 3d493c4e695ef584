/* The ranks of a run: who am I, and how all of them agree. Hides MPI; mpi.h stands in comm/ alone
 * and, for MPI_COMM_WORLD, in cli/world.c. */
#ifndef TRAINER_COMM_RANKS_H
#define TRAINER_COMM_RANKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct Ranks;

/* One rank and no MPI: everything below works and communicates nothing. Release with
 * ranks_release. comm/ranks_mpi.h makes Ranks from an MPI communicator. */
struct Ranks *ranks_alone(void);
void ranks_release(struct Ranks *ranks); /* Collective. */

int ranks_rank(const struct Ranks *ranks);
int ranks_size(const struct Ranks *ranks);
int ranks_nodes(const struct Ranks *ranks); /* how many hosts hold them */

/* All of these are Collective. */
void ranks_barrier(struct Ranks *ranks);
void ranks_broadcast(struct Ranks *ranks, void *data, int64_t bytes); /* from rank 0; any size */
void ranks_minimum(struct Ranks *ranks, int64_t *values, int count);
void ranks_maximum(struct Ranks *ranks, int64_t *values, int count);
void ranks_sum(struct Ranks *ranks, int64_t *values, int64_t count);
/* Every rank gives `bytes` bytes; rank 0 gets them in rank order (all: every rank does). */
void ranks_gather(struct Ranks *ranks, const void *mine, int64_t bytes, void *all);
void ranks_gather_all(struct Ranks *ranks, const void *mine, int64_t bytes, void *all);

/* The verdict: every rank passes its own code (OK or the code in `error`); returns on every rank
 * the code of the lowest rank that failed, with that rank's line in every rank's `error` (with
 * "rank 3: " in front when another than rank 0 failed and some rank did not). */
int ranks_agree(struct Ranks *ranks, int code, struct Error *error);

#endif
