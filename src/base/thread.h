/* Threads beside the program's own. */
#ifndef TRAINER_BASE_THREAD_H
#define TRAINER_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that takes none of the program's signals: they go to its other threads. Signals
 * of a fault stay with the thread that makes it. False if the system gives no thread. */
bool thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
