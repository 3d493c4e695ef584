/* The process that started the ranks of this host: mpirun, its daemon, or Slurm's. */
#ifndef TRAINER_CLI_LAUNCHER_H
#define TRAINER_CLI_LAUNCHER_H

#include <stdbool.h>

/* A process, by its number and when it began, because numbers are used again. */
struct Launcher {
    int pid; /* 0: none was found */
    unsigned long long began;
    bool of_one_job; /* it lives for this job alone, as mpirun does */
};

/* The nearest ancestor of this process that is known to start ranks. This and the next may be
 * called where no memory can be allocated. */
struct Launcher launcher_find(void);
/* True for a launcher that was not found. */
bool launcher_lives(const struct Launcher *launcher);
/* Whether there is a process of this number, and it has not ended. */
bool process_lives(int pid);

#endif
