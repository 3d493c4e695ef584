#include "base/worker.h"

#include <semaphore.h>

#include "base/memory.h"
#include "base/thread.h"

struct Worker {
    void (*work)(void *context);
    void *context;
    pthread_t thread;
    sem_t begin, done;
    bool works; /* begun and not yet waited for */
    bool ends;
};

/* A signal may end sem_wait early. */
static void take(sem_t *semaphore) {
    while (sem_wait(semaphore))
        ;
}

static void *run(void *context) {
    struct Worker *worker = context;
    for (;;) {
        take(&worker->begin);
        if (worker->ends)
            return NULL;
        worker->work(worker->context);
        sem_post(&worker->done);
    }
}

static void release(struct Worker *worker) {
    sem_destroy(&worker->begin);
    sem_destroy(&worker->done);
    memory_release(worker);
}

struct Worker *worker_create(void (*work)(void *context), void *context) {
    struct Worker *worker = memory_allocate(sizeof *worker, "a thread");
    worker->work = work;
    worker->context = context;
    sem_init(&worker->begin, 0, 0);
    sem_init(&worker->done, 0, 0);
    if (thread_start(&worker->thread, run, worker))
        return worker;
    release(worker);
    return NULL;
}

void worker_release(struct Worker *worker) {
    if (!worker)
        return;
    worker_wait(worker);
    worker->ends = true;
    sem_post(&worker->begin);
    pthread_join(worker->thread, NULL);
    release(worker);
}

void worker_begin(struct Worker *worker) {
    worker_wait(worker);
    worker->works = true;
    sem_post(&worker->begin);
}

void worker_wait(struct Worker *worker) {
    if (worker->works)
        take(&worker->done);
    worker->works = false;
}
