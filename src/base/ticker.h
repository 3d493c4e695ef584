/* How a long job (an import, statistics) reports its progress and its remarks to its caller. */
#ifndef TRAINER_BASE_TICKER_H
#define TRAINER_BASE_TICKER_H

#include <stdint.h>

struct Ticker {
    void *context;
    /* `done` of the `total` images of a part of the job are done; `what` names the part: "train".
     * Called by one thread at a time. May be NULL. */
    void (*report)(void *context, const char *what, int64_t done, int64_t total);
    /* `line` is for the user: for example, it names a file that was left out. May be NULL. */
    void (*notice)(void *context, const char *line);
};

#endif
