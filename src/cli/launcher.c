#include "cli/launcher.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As /proc/PID/stat names them: Open MPI's, PRRTE's, Hydra's and Slurm's. */
static const char *const names[] = {"mpirun",     "mpiexec",      "orterun", "orted",
                                    "prterun",    "prted",        "prte",    "hydra_pmi_proxy",
                                    "slurmstepd", "mpiexec.hydra"};
#define NAMES (sizeof names / sizeof *names)

struct Process {
    char name[32], state;
    int parent;
    unsigned long long began;
};

/* False if there is no such process. */
static bool read_process(int pid, struct Process *process) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
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

static bool starts_ranks(const struct Process *process) {
    for (size_t i = 0; i < NAMES; i++)
        if (!strcmp(process->name, names[i]))
            return true;
    return false;
}

struct Launcher launcher_find(void) {
    struct Process process;
    for (int pid = (int)getppid(); pid > 1 && read_process(pid, &process); pid = process.parent)
        if (starts_ranks(&process))
            return (struct Launcher){.pid = pid, .began = process.began};
    return (struct Launcher){0};
}

bool launcher_lives(const struct Launcher *launcher) {
    struct Process process;
    if (!launcher->pid)
        return true;
    return read_process(launcher->pid, &process) && process.began == launcher->began &&
           process.state != 'Z' && process.state != 'X';
}
