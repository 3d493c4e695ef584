/* Ranks from an MPI communicator. For comm/ and cli/world.c. */
#ifndef TRAINER_COMM_RANKS_MPI_H
#define TRAINER_COMM_RANKS_MPI_H

#include <mpi.h>

#include "comm/ranks.h"

/* Duplicates the communicator, so that the run's messages cannot be mistaken for others, and finds
 * out which ranks share a host. From then on a failed CHECK ends the whole job through MPI_Abort.
 * The caller initialises MPI before, and finalises it after ranks_release. Collective. */
struct Ranks *ranks_from_communicator(MPI_Comm communicator);

/* Only for ranks made by ranks_from_communicator: the communicator of all ranks, and that of the
 * ranks on this host. Owned by `ranks`. */
MPI_Comm ranks_communicator(const struct Ranks *ranks);
MPI_Comm ranks_node_communicator(const struct Ranks *ranks);

#endif
