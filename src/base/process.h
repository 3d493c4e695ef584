/* What the operating system reports about processes and about this host. No function here allocates
 * memory, so they may be called where allocation is not safe. */
#ifndef TRAINER_BASE_PROCESS_H
#define TRAINER_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct Process {
    char name[32], state;
    int parent;
    /* The start in clock ticks after the boot. It tells processes apart whose number is the
     * same. */
    unsigned long long start;
};
/* Reads /proc/PID/stat. False if there is no such process. */
bool process_read(long pid, struct Process *process);
/* Whether the process has not ended. One that has ended still exists until its parent waits for
 * it. */
bool process_is_alive(const struct Process *process);

/* Writes this host's name, cut so that it fits into `bytes` with its NUL. */
void process_own_host(char *name, size_t bytes);

#endif
