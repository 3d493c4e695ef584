/* How a long job (an import, statistics) tells its caller how far it is and what it left out. The
 * caller decides what to do with it. */
#ifndef TRAINER_BASE_TICKER_H
#define TRAINER_BASE_TICKER_H

#include <stdint.h>

struct Ticker {
    void *context;
    /* Of the part of the job called `what`, such as "train", `done` of `total` images are done.
     * Called from one thread; may be NULL. */
    void (*report)(void *context, const char *what, int64_t done, int64_t total);
    /* One line that the user should see, such as a file that was left out; may be NULL. */
    void (*notice)(void *context, const char *line);
};

#endif
