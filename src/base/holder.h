/* The holder of a lock: a process, described well enough for people to find it and for another
 * process of the same machine to tell whether it still runs. */
#ifndef TRAINER_BASE_HOLDER_H
#define TRAINER_BASE_HOLDER_H

#include <stdbool.h>

struct Holder {
    long process;
    char host[256], since[40]; /* `since` is "2026-11-28 13:40:12 +0000" */
    /* These make the process number unique: the start of the process, in clock ticks after the
     * boot; the boot's identity; and the name space of process numbers. */
    unsigned long long start;
    char boot[40], numbers[40];
    bool renews; /* the file system has no locks; the holder renews the file's time */
};

/* This process. */
struct Holder holder__self(void);

/* Write and read the contents of a lock file. holder__write returns `text`. holder__read returns
 * false if `text` has another form. */
#define HOLDER_TEXT 700
char *holder__write(const struct Holder *holder, char text[HOLDER_TEXT]);
bool holder__read(struct Holder *holder, const char *text);

/* holder__is_near: whether the holder started on this machine since the last boot, so that this
 * process can find it. holder__runs: whether such a holder still runs. */
bool holder__is_near(const struct Holder *holder);
bool holder__runs(const struct Holder *holder);

#endif
