/* The tests of comm/ run on one rank without MPI, and, started by mpirun, on several: even numbers
 * of ranks with an MPI that threads may call, as the program starts it, odd ones without. */
#ifndef TRAINER_TESTS_COMM_WORLD_H
#define TRAINER_TESTS_COMM_WORLD_H

#include <stdlib.h>

#include "comm/ranks_mpi.h"

static inline struct Ranks *world_start(void) {
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    int provided;
    if (!size)
        return ranks_alone();
    MPI_Init_thread(NULL, NULL, atoi(size) % 2 ? MPI_THREAD_FUNNELED : MPI_THREAD_SERIALIZED,
                    &provided);
    return ranks_from_communicator(MPI_COMM_WORLD);
}

static inline void world_stop(struct Ranks *ranks) {
    int initialised;
    ranks_release(ranks);
    MPI_Initialized(&initialised);
    if (initialised)
        MPI_Finalize();
}

/* Every rank's count, added up, so that all ranks pass or fail a test together and none waits
 * for the others in a collective call. */
static inline int64_t world_total(struct Ranks *ranks, int64_t count) {
    int64_t total = 0;
    int64_t *counts = calloc((size_t)ranks_size(ranks), sizeof *counts);
    ranks_gather_all(ranks, &count, sizeof count, counts);
    for (int rank = 0; rank < ranks_size(ranks); rank++)
        total += counts[rank];
    free(counts);
    return total;
}

#endif
