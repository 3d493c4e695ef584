/* How this process was started, according to the environment: by mpirun, by srun, or directly.
 * Without MPI. */
#ifndef TRAINER_CLI_LAUNCH_H
#define TRAINER_CLI_LAUNCH_H

#include <stdbool.h>

#include "base/error.h"

struct LaunchMethod {
    const char *name; /* for messages */
    const char *rank_variable, *size_variable;
    bool speaks_pmix; /* it supports PMIx, so Open MPI can start */
    const char *remedy;
};

struct Launch {
    const struct LaunchMethod *by; /* the launcher of several processes; NULL: there is none */
    int rank, size; /* as the launcher gives them; 0 and 1 without one; size 0: not given */
};
/* Reads the environment. To be called before MPI starts, which changes it. */
struct Launch launch_read(void);
/* The result of launch_read() at the first call, which must come before MPI starts. Never NULL. */
const struct Launch *launch_own(void);

/* Whether the launcher started this process itself, and not a script that may run several
 * programs. */
bool launch_is_direct(void);

/* To be called before MPI starts: refuses a launcher that MPI does not support. */
int launch_check(const struct Launch *launch, const char *library, struct Error *error);
/* To be called when MPI has reported `size` ranks: refuses a launcher that started another number
 * of processes. `library` is MPI's name and version. */
int launch_check_size(const struct Launch *launch, const char *library, int size,
                      struct Error *error);
/* Refuses more ranks than the processors that Slurm granted, and warns of fewer ranks than the
 * tasks that it granted. */
int launch_check_grant(const struct Launch *launch, int size, int nodes, struct Error *error);

#endif
