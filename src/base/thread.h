/* Additional threads. */
#ifndef TRAINER_BASE_THREAD_H
#define TRAINER_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread that receives no signals except those of its own faults; other signals go to the
 * program's other threads. False if the thread cannot be created. */
bool thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
