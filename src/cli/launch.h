/* Who started this process, as the environment says: mpirun, srun, or nobody. Without MPI. */
#ifndef TRAINER_CLI_LAUNCH_H
#define TRAINER_CLI_LAUNCH_H

#include <stdbool.h>

#include "base/error.h"

struct LaunchMethod {
    const char *name; /* for people */
    const char *rank_variable, *size_variable;
    bool speaks_pmix; /* Open MPI can start under it */
    const char *remedy;
};

/* Before MPI starts, which changes the environment. */
struct Launch {
    const struct LaunchMethod
        *by;        /* what started this process as one of several; NULL: nothing did */
    int rank, size; /* as the launcher says: 0 and 1 without one; size 0: not said */
};
struct Launch launch_read(void);
/* launch_read() of this process's first call, which has to come before MPI starts. Never NULL. */
const struct Launch *launch_own(void);

/* Whether the launcher started this very process, rather than a script in which it is one of
 * several programs. */
bool launch_is_direct(void);

/* Before MPI starts: refuses a launcher from which MPI would get nothing. */
int launch_check(const struct Launch *launch, const char *library, struct Error *error);
/* Once MPI says that there are `size` ranks: refuses a launcher that started another number of
 * processes. `library`: MPI's name and version. */
int launch_check_size(const struct Launch *launch, const char *library, int size,
                      struct Error *error);
/* Refuses more ranks than Slurm granted processors, and warns of fewer than it granted tasks. */
int launch_check_grant(const struct Launch *launch, int size, int nodes, struct Error *error);

#endif
