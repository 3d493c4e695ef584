/* Who holds a lock: a process, named so that people find it, and so that a process of the same
 * machine can tell whether it still runs. */
#ifndef TRAINER_BASE_HOLDER_H
#define TRAINER_BASE_HOLDER_H

#include <stdbool.h>

struct Holder {
    long process;
    char host[256], since[40]; /* since: "2026-11-28 13:40:12 +0000" */
    /* What makes the process number unique: when the process started, in clock ticks after the
     * machine's own start, that start's identity, and the name space of process numbers. */
    unsigned long long start;
    char boot[40], numbers[40];
    bool renews; /* the file has no lock; its holder renews its time */
};

/* This process. */
struct Holder holder__self(void);

/* Writes and reads what a lock file says. holder__read returns false if `text` is something else.
 */
#define HOLDER_TEXT 700
char *holder__write(const struct Holder *holder, char text[HOLDER_TEXT]);
bool holder__read(struct Holder *holder, const char *text);

/* Did the holder start on this machine, since its last start, so that this process can look for it?
 * And if so, does it still run? */
bool holder__is_near(const struct Holder *holder);
bool holder__runs(const struct Holder *holder);

#endif
