#include "cli/launcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As /proc/PID/stat names them: Open MPI's, PRRTE's, Hydra's and Slurm's. Those of one job come
 * first. */
static const char *const names[] = {"mpirun",        "mpiexec",   "orterun", "orted",
                                    "prterun",       "prted",     "prte",    "hydra_pmi_proxy",
                                    "mpiexec.hydra", "slurmstepd"};
#define NAMES (int)(sizeof names / sizeof *names)
#define OF_ONE_JOB 4

struct Process {
    char name[32], state;
    int parent;
    unsigned long long began;
};

/* False if there is no such process. */
static bool read_process(int pid, struct Process *process) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        close(file);
    if (length <= 0)
        return false;
    text[length] = '\0';
    /* The name stands in parentheses and may hold some itself. The 22nd field is the start. */
    char *begin = strchr(text, '('), *end = strrchr(text, ')');
    if (!begin || !end)
        return false;
    *end = '\0';
    snprintf(process->name, sizeof process->name, "%s", begin + 1);
    return sscanf(end + 1,
                  " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                  &process->state, &process->parent, &process->began) == 3;
}

static int kind_of(const struct Process *process) {
    int kind = 0;
    while (kind < NAMES && strcmp(process->name, names[kind]))
        kind++;
    return kind;
}

struct Launcher launcher_find(void) {
    struct Process process;
    for (int pid = (int)getppid(); pid > 1 && read_process(pid, &process); pid = process.parent)
        if (kind_of(&process) < NAMES)
            return (struct Launcher){
                .pid = pid, .began = process.began, .of_one_job = kind_of(&process) < OF_ONE_JOB};
    return (struct Launcher){0};
}

static bool is_alive(const struct Process *process) {
    return process->state != 'Z' && process->state != 'X';
}

bool process_lives(int pid) {
    struct Process process;
    return read_process(pid, &process) && is_alive(&process);
}

bool launcher_lives(const struct Launcher *launcher) {
    struct Process process;
    if (!launcher->pid)
        return true;
    return read_process(launcher->pid, &process) && process.began == launcher->began &&
           is_alive(&process);
}
