/* What the system says of processes, and of the host that they run on. Nothing here allocates
 * memory, so that it may be called where that is no longer safe. */
#ifndef TRAINER_BASE_PROCESS_H
#define TRAINER_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct Process {
    char name[32], state;
    int parent;
    unsigned long long
        start; /* since the boot, in clock ticks: numbers of processes are used again */
};
/* Reads /proc/PID/stat; false if there is no such process. */
bool process_read(long pid, struct Process *process);
/* Whether it runs, or could: it has not ended and waits for its parent to notice. */
bool process_is_alive(const struct Process *process);

/* This host's name, cut to `bytes`, with the closing 0. */
void process_own_host(char *name, size_t bytes);

#endif
