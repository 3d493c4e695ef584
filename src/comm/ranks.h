/* The ranks of a run: which one this process is, and how all of them communicate and agree. Hides
 * MPI: mpi.h is included only in comm/ and, for MPI_COMM_WORLD, in cli/world.c. */
#ifndef TRAINER_COMM_RANKS_H
#define TRAINER_COMM_RANKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "comm/beat.h"

struct Ranks;

/* One rank without MPI: every function below works and communicates nothing. Release with
 * ranks_release. comm/ranks_mpi.h makes Ranks from an MPI communicator. */
struct Ranks *ranks_alone(void);
void ranks_release(struct Ranks *ranks); /* Collective. */

/* The ranks of `ranks` that give the same `group`, in their order, as Ranks of their own, to be
 * released before `ranks`. They report to the beat of `ranks`. Collective over `ranks`. */
struct Ranks *ranks_split(struct Ranks *ranks, int group);

int ranks_rank(const struct Ranks *ranks);
int ranks_size(const struct Ranks *ranks);
int ranks_nodes(const struct Ranks *ranks); /* on how many hosts they run */
/* The name of the host that `rank` runs on; owned by `ranks`. */
const char *ranks_host(const struct Ranks *ranks, int rank);
/* The host's number, from 0, in the order of the lowest ranks on them. Ranks of one node share
 * memory; two nodes may have one name. */
int ranks_node(const struct Ranks *ranks, int rank);

/* What this rank reports about itself; the collective functions of comm/ report that they wait.
 * ranks_use_beat replaces the beat that `ranks` owns by `beat`, which continues from its state and
 * must outlive `ranks`. */
struct Beat *ranks_beat(const struct Ranks *ranks);
void ranks_use_beat(struct Ranks *ranks, struct Beat *beat);

/* The following are collective. Minimum, maximum and sum are element by element over the ranks, in
 * place, with the same result on every rank. */
void ranks_barrier(struct Ranks *ranks);
void ranks_broadcast(struct Ranks *ranks, void *data, int64_t bytes); /* from rank 0; any size */
void ranks_minimum(struct Ranks *ranks, int64_t *values, int count);
void ranks_maximum(struct Ranks *ranks, int64_t *values, int count);
void ranks_sum(struct Ranks *ranks, int64_t *values, int64_t count);
/* Every rank gives `bytes` bytes; rank 0, or with gather_all every rank, receives them in the order
 * of the ranks in `all` (size · bytes). */
void ranks_gather(struct Ranks *ranks, const void *mine, int64_t bytes, void *all);
void ranks_gather_all(struct Ranks *ranks, const void *mine, int64_t bytes, void *all);

/* Makes all ranks agree on success or failure. Every rank passes its own code (OK, or the code in
 * `error`). Returns on every rank the code of the lowest rank that failed, with that rank's error
 * in every rank's `error`; if that is not rank 0, its message begins with
 * "rank 3 on HOST: ". Collective. */
int ranks_agree(struct Ranks *ranks, int code, struct Error *error);

#endif
