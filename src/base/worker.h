/* A thread that does the same work again and again, each time that it is asked to. One other thread
 * asks, waits and releases. */
#ifndef TRAINER_BASE_WORKER_H
#define TRAINER_BASE_WORKER_H

struct Worker;

/* Starts the thread. It receives no signals except those of its own faults. NULL if it cannot be
 * created. */
struct Worker *worker_create(void (*work)(void *context), void *context);
/* Waits for the work that was begun, and ends the thread. NULL is allowed. */
void worker_release(struct Worker *worker);

/* Begins the work, after that which was begun before has ended. Allocates nothing. */
void worker_begin(struct Worker *worker);
/* Waits until the thread has nothing to do. */
void worker_wait(struct Worker *worker);

#endif
