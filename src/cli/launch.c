#include "cli/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/launcher.h"

/* The first launcher whose variable is set counts, because an mpirun in a Slurm step overrides
 * Slurm. Hydra is the mpiexec of MPICH and Intel MPI. */
static const struct LaunchMethod launchers[] = {
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", true,
     "that mpirun belongs to another installation of Open MPI; use the one of the library that "
     "this "
     "program was built with (PATH, or the same module)"},
    {"srun --mpi=pmix", "PMIX_RANK", "SLURM_STEP_NUM_TASKS", true,
     "Slurm's PMIx and that of the MPI library do not fit; use mpirun"},
    {"a launcher that speaks PMI (mpiexec of MPICH or Intel MPI, srun --mpi=pmi2)", "PMI_RANK",
     "PMI_SIZE", false, "use Open MPI's mpirun, or srun --mpi=pmix"},
    {"the launcher of MVAPICH", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", false,
     "use Open MPI's mpirun, or srun --mpi=pmix"},
    {"the launcher of Intel MPI", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", false,
     "use Open MPI's mpirun, or srun --mpi=pmix"},
};
#define LAUNCHERS (sizeof launchers / sizeof *launchers)

/* srun without an interface to MPI. A step of one task does not start ranks. */
static const struct LaunchMethod plain_srun = {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS",
                                               false, "use srun --mpi=pmix, or mpirun"};

static int number(const char *variable) {
    const char *text = getenv(variable);
    return text ? atoi(text) : 0;
}

static const struct LaunchMethod *find_launcher(void) {
    for (size_t i = 0; i < LAUNCHERS; i++)
        if (getenv(launchers[i].rank_variable))
            return &launchers[i];
    if (number(plain_srun.size_variable) > 1 && getenv(plain_srun.rank_variable))
        return &plain_srun;
    return NULL;
}

struct Launch launch_read(void) {
    struct Launch launch = {.by = find_launcher(), .size = 1};
    if (launch.by) {
        launch.rank = number(launch.by->rank_variable);
        launch.size = number(launch.by->size_variable);
    }
    return launch;
}

const struct Launch *launch_own(void) {
    static struct Launch launch;
    static bool read;
    if (!read)
        launch = launch_read();
    read = true;
    return &launch;
}

bool launch_is_direct(void) {
    return launcher_find().pid == getppid();
}

int launch_check(const struct Launch *launch, const char *library, struct Error *error) {
    if (launch->by != &plain_srun)
        return OK;
    return fail(error, ERROR_SYSTEM,
                "srun started %d processes without PMIx, so that %s cannot connect them: each "
                "would be a run of its own; %s",
                launch->size, library, plain_srun.remedy);
}

int launch_check_size(const struct Launch *launch, const char *library, int size,
                      struct Error *error) {
    const struct LaunchMethod *launcher = launch->by;
    int started = launch->size;
    if (launcher && started > 0 && started != size)
        return fail(error, ERROR_SYSTEM, "%s started %d process%s, but %s sees %d rank%s%s; %s",
                    launcher->name, started, started == 1 ? "" : "es", library, size,
                    size == 1 ? "" : "s",
                    size == 1 ? ": each process would be a run of its own" : "", launcher->remedy);
    return OK;
}

/* The number of processors that Slurm granted to the job, in the form "8(x2),4"; 0: not known. */
static int granted_processors(void) {
    const char *at = getenv("SLURM_JOB_CPUS_PER_NODE");
    int sum = 0;
    while (at && *at >= '0' && *at <= '9') {
        char *end;
        int count = (int)strtol(at, &end, 10);
        int nodes = !strncmp(end, "(x", 2) ? (int)strtol(end + 2, &end, 10) : 1;
        sum += count * nodes;
        end += *end == ')';
        at = *end == ',' ? end + 1 : NULL;
    }
    return sum;
}

/* The number of tasks of the job; 0: not known. mpirun starts its daemons by an srun, whose step
 * has one task for each node; in it SLURM_NTASKS is not the number of the job's tasks. */
static int granted_tasks(const struct Launch *launch) {
    bool of_daemons = launch->by == launchers && getenv(plain_srun.size_variable);
    return of_daemons ? 0 : number("SLURM_NTASKS");
}

/* Ranks may divide the processors of a task among them, but must not share a processor. */
int launch_check_grant(const struct Launch *launch, int size, int nodes, struct Error *error) {
    int tasks = granted_tasks(launch), cpus = number("SLURM_CPUS_PER_TASK");
    int processors = tasks ? tasks * (cpus ? cpus : 1) : granted_processors();
    if (getenv("SLURM_OVERCOMMIT"))
        return OK;
    if (processors && size > processors)
        return fail(error, ERROR_SYSTEM,
                    "MPI started %d ranks, but Slurm granted %d processor%s to this job: the ranks "
                    "would share them; ask for --ntasks=%d, or start fewer",
                    size, processors, processors == 1 ? "" : "s", size);
    if (size < tasks && launch->rank == 0)
        log_warning("Slurm granted %d tasks, but only %d rank%s started, on %d node%s: the others "
                    "stand idle unless they do something else; mpirun -np %d starts all",
                    tasks, size, size == 1 ? "" : "s", nodes, nodes == 1 ? "" : "s", tasks);
    return OK;
}
