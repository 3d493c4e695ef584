/* How a long job (an import, statistics) tells its caller how far it is and what it left out. The
 * caller decides what to do with it. */
#ifndef TRAINER_BASE_TICKER_H
#define TRAINER_BASE_TICKER_H

#include <stdint.h>

struct Ticker {
    void *context;
    /* `done` of the `total` images of a part of the job are done; `what` names the part, such as
     * "train". Called from one thread; may be NULL. */
    void (*report)(void *context, const char *what, int64_t done, int64_t total);
    /* One line that the user should see, such as a file that was left out; may be NULL. */
    void (*notice)(void *context, const char *line);
};

#endif
