/* What is seen of each rank, and the judgement which rank hangs. Internal to watch/; it depends on
 * no threads, shared memory or clocks. */
#ifndef TRAINER_WATCH_SIGHT_H
#define TRAINER_WATCH_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/beat.h"

enum SightState {
    SIGHT_RUNS,
    SIGHT_LEFT, /* it has ended on purpose, or has not started */
    SIGHT_DIED, /* its process is gone, and it has not announced that it leaves */
    SIGHT_FAR   /* it is on another node without a channel, and is not judged */
};

/* A rank, as one process sees it. */
struct Sight {
    enum SightState state;
    enum BeatPhase phase;
    bool waits;   /* for other ranks */
    char process; /* T: stopped by a signal, t: by a debugger, D: blocked in the kernel; or 0 */
    int node;
    int pid;        /* its process on that node; 0: not known */
    uint64_t turn;  /* collective calls that it has entered */
    int64_t step;   /* as in struct Beat */
    double still;   /* seconds since its last progress */
    double silent;  /* seconds since the last sign of life of its process */
    double unheard; /* seconds since the last message of its node; 0 for the own node */
};

/* What the judgement depends on. */
struct Limits {
    double seconds; /* within this time after a rank's last progress the job ends; 0: no limit */
    /* The longest time without progress in each phase after which a rank continued. */
    double longest[BEAT_PHASES];
    int own_node;
};

enum Finding {
    FINDING_NONE,
    FINDING_DIED,        /* processes are gone */
    FINDING_UNREACHABLE, /* nothing is heard of a node, and no rank makes progress */
    FINDING_CUT_OFF,     /* nothing is heard of any other node, of which there are several */
    FINDING_SILENT,      /* a process is stopped, or gets no processor */
    FINDING_HANGS,       /* a process is alive, waits for no other, and makes no progress */
    FINDING_BEHIND,      /* all wait; these have entered fewer collective calls than others */
    FINDING_DEADLOCK     /* all wait, and have entered equally many collective calls */
};

#define JUDGEMENT_RANKS 8

struct Judgement {
    enum Finding finding;
    int count;                  /* how many ranks are to blame */
    int ranks[JUDGEMENT_RANKS]; /* the first of them */
    double seconds;             /* for how long the finding has been true of the first */
};

/* The seconds without progress after which a rank in `phase` is judged. */
double judge__limit(const struct Limits *limits, enum BeatPhase phase);

struct Judgement judge__ranks(const struct Sight *sights, int ranks, const struct Limits *limits);

/* Writes a line for users, without a newline, to `words`. `hosts` has the host name of each
 * rank. */
#define WORDS_LENGTH 600
void judgement__words(const struct Judgement *judgement, const struct Sight *sights, int ranks,
                      const char *const *hosts, char words[WORDS_LENGTH]);

#endif
