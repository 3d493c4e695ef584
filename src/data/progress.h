/* How a long job of data/ tells its caller how far it is. The caller decides what to do with it. */
#ifndef TRAINER_DATA_PROGRESS_H
#define TRAINER_DATA_PROGRESS_H

#include <stdint.h>

struct JobProgress {
    void *context;
    /* `what`, e.g. "train", is `done` of `total` done. Called from one thread; may be NULL. */
    void (*report)(void *context, const char *what, int64_t done, int64_t total);
    /* One line that the user should see, e.g. a file that was left out; may be NULL. */
    void (*notice)(void *context, const char *line);
};

#endif
