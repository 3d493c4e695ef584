#include "cli/world.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/ranks_mpi.h"

/* Set by Open MPI's mpirun; by srun --mpi=pmix; by srun --mpi=pmi2 and Hydra. The first that is set
 * counts: an mpirun inside a Slurm step overrides what Slurm says. */
static const char *const rank_variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
#define RANK_VARIABLES (sizeof rank_variables / sizeof *rank_variables)

/* srun without PMI also starts several processes. MPI then refuses, and says why. */
static bool several_in_slurm_step(void) {
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS");
    return tasks && atoi(tasks) > 1 && getenv("SLURM_PROCID");
}

int world_launch_rank(void) {
    for (size_t i = 0; i < RANK_VARIABLES; i++)
        if (getenv(rank_variables[i]))
            return atoi(getenv(rank_variables[i]));
    return several_in_slurm_step() ? atoi(getenv("SLURM_PROCID")) : 0;
}

bool world_launched(void) {
    for (size_t i = 0; i < RANK_VARIABLES; i++)
        if (getenv(rank_variables[i]))
            return true;
    return several_in_slurm_step();
}

int world_start(struct Ranks **ranks, struct Error *error) {
    *ranks = NULL;
    if (!world_launched()) {
        *ranks = ranks_alone();
        return OK;
    }
    /* Threads compute; one at a time may talk to MPI. */
    int provided;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS)
        return fail(error, ERROR_SYSTEM, "MPI cannot be started");
    if (provided < MPI_THREAD_FUNNELED) {
        MPI_Finalize();
        return fail(error, ERROR_SYSTEM, "this MPI library cannot be used with threads");
    }
    *ranks = ranks_from_communicator(MPI_COMM_WORLD);
    return OK;
}

void world_stop(struct Ranks *ranks) {
    int initialised;
    ranks_release(ranks);
    MPI_Initialized(&initialised);
    if (initialised)
        MPI_Finalize();
}

const char *world_library(char buffer[WORLD_LIBRARY_LENGTH]) {
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "unknown";
    int length;
    MPI_Get_library_version(version, &length); /* allowed before MPI_Init */
    snprintf(buffer, WORLD_LIBRARY_LENGTH, "%.*s", (int)strcspn(version, ",\n"), version);
    return buffer;
}
