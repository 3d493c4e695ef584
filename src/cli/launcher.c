#include "cli/launcher.h"

#include <string.h>
#include <unistd.h>

#include "base/process.h"

/* The names in /proc/PID/stat of the launchers of Open MPI, PRRTE, Hydra and Slurm. Launchers that
 * exist only for one job come first. */
static const char *const names[] = {"mpirun",        "mpiexec",   "orterun", "orted",
                                    "prterun",       "prted",     "prte",    "hydra_pmi_proxy",
                                    "mpiexec.hydra", "slurmstepd"};
#define NAMES (int)(sizeof names / sizeof *names)
#define OF_ONE_JOB 4

static int kind_of(const struct Process *process) {
    int kind = 0;
    while (kind < NAMES && strcmp(process->name, names[kind]))
        kind++;
    return kind;
}

struct Launcher launcher_find(void) {
    struct Process process;
    for (int pid = (int)getppid(); pid > 1 && process_read(pid, &process); pid = process.parent)
        if (kind_of(&process) < NAMES)
            return (struct Launcher){
                .pid = pid, .began = process.start, .of_one_job = kind_of(&process) < OF_ONE_JOB};
    return (struct Launcher){0};
}

bool process_lives(int pid) {
    struct Process process;
    return process_read(pid, &process) && process_is_alive(&process);
}

bool launcher_lives(const struct Launcher *launcher) {
    struct Process process;
    if (!launcher->pid)
        return true;
    return process_read(launcher->pid, &process) && process.start == launcher->began &&
           process_is_alive(&process);
}
