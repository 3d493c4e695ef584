/* The watchdog is a thread in each process. If a rank of the job dies, hangs or cannot be reached,
 * it names that rank and ends the job. It also names a rank that is much slower than the others. It
 * works while MPI is stuck, because it makes no MPI calls: the ranks of a node share memory, and
 * nodes send one another UDP messages.
 *
 * It sees the beat of each rank (comm/beat.h). A rank that waits for others is not to blame while
 * there is a rank that does not wait. Time in which the watching process itself was stopped does
 * not count, so that a job that was suspended as a whole can continue. */
#ifndef TRAINER_WATCH_WATCH_H
#define TRAINER_WATCH_WATCH_H

#include "comm/ranks.h"

/* How the watchdog acts on the process and its environment. Its thread calls these functions. */
struct WatchActions {
    void *context;
    /* Prints a line for the user. With `ends` set it tells why the job ends, once in the job;
     * otherwise it is a remark. */
    void (*say)(void *context, bool ends, const char *words);
    /* Ends this process; does not return. `stuck` (count) are the other processes of this node, to
     * be killed if they do not end by themselves; it is NULL if another process does that. */
    void (*end)(void *context, const int *stuck, int count);
    /* Whether the launcher of the ranks is still there. If not, the watchdog ends the job, because
     * nothing else would. May be NULL. */
    bool (*launcher_lives)(void *context);
};

struct Watch;

/* Starts the watchdog with a limit of `seconds` (see watch_set_limit), and moves the beat of
 * `ranks` to memory that the other ranks see. If nodes cannot send messages to one another, each
 * node is watched separately, and rank 0 logs a warning. If the ranks of a node cannot share
 * memory, *watch is NULL, and a warning is logged. `ranks` must be released before watch_stop.
 * Collective. */
void watch_start(struct Watch **watch, struct Ranks *ranks, const struct WatchActions *actions,
                 double seconds);

/* Sets the time within which the job ends after a rank's last progress; phases that may take long
 * have a multiple of it (the table is in watch/judge.c). With 0 only ranks that die are noticed.
 * NULL is allowed. Not collective. */
void watch_set_limit(struct Watch *watch, double seconds);

/* Tells the other ranks that this process ends on purpose and has printed any reason, so that they
 * do not report it as dead. May be called in a signal handler. NULL is allowed. */
void watch_leave(struct Watch *watch);

/* True for the first caller of the node, which may print why the job ends; the others and the
 * watchdogs then print nothing. May be called in a signal handler. NULL is allowed, and gives
 * true. */
bool watch_may_speak(struct Watch *watch);

/* Calls watch_leave, ends the thread, and releases the memory of the beat. NULL is allowed. Not
 * collective. */
void watch_stop(struct Watch *watch);

#endif
