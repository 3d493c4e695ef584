/* The process that started the ranks of this host: mpirun, its daemon, or Slurm's. */
#ifndef TRAINER_CLI_LAUNCHER_H
#define TRAINER_CLI_LAUNCHER_H

#include <stdbool.h>

/* A launcher is identified by its number and its start, because numbers are reused. */
struct Launcher {
    int pid; /* 0: none was found */
    unsigned long long began;
    bool of_one_job; /* it exists only for this job, as mpirun does */
};

/* The nearest ancestor of this process that is known to start ranks. This function and the next
 * allocate no memory. */
struct Launcher launcher_find(void);
/* True for a launcher that was not found. */
bool launcher_lives(const struct Launcher *launcher);
/* Whether a process of this number exists and has not ended. */
bool process_lives(int pid);

#endif
