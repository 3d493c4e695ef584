/* Ranks from an MPI communicator. Included inside comm/, and by cli/world.c. */
#ifndef TRAINER_COMM_RANKS_MPI_H
#define TRAINER_COMM_RANKS_MPI_H

#include <mpi.h>

#include "comm/ranks.h"

/* Duplicates the communicator, so that the run's messages meet nobody else's, and finds out which
 * ranks share a host. From here on a failed CHECK ends the whole job through MPI_Abort.
 * Collective. MPI is initialised by the caller, and finalised after ranks_release. */
struct Ranks *ranks_from_communicator(MPI_Comm communicator);

/* Of ranks made by ranks_from_communicator only: all of them, and those on this host. */
MPI_Comm ranks_communicator(const struct Ranks *ranks);
MPI_Comm ranks_node_communicator(const struct Ranks *ranks);

#endif
