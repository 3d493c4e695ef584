/* What is seen of each rank, and the judgement of which rank hangs. Inside watch/ only; nothing
 * here knows of threads, shared memory or clocks. */
#ifndef TRAINER_WATCH_SIGHT_H
#define TRAINER_WATCH_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/beat.h"

enum SightState {
    SIGHT_RUNS,
    SIGHT_LEFT, /* it has ended by itself, or never came */
    SIGHT_DIED, /* its process is gone, and it has not said that it leaves */
    SIGHT_FAR   /* on another node, from which nothing can be heard: not judged */
};

/* A rank, as one process sees it. */
struct Sight {
    enum SightState state;
    enum BeatPhase phase;
    bool waits;     /* for other ranks */
    char process;   /* T: stopped by a signal, t: by a debugger, D: blocked in the kernel; or 0 */
    int node;       /* its node */
    int pid;        /* its process there; 0: not known */
    uint64_t turn;  /* collective calls that it has entered */
    int64_t step;   /* as in struct Beat */
    double still;   /* seconds since it moved on */
    double silent;  /* seconds since its process gave any sign of life */
    double unheard; /* seconds since its node was heard of; 0 for this process's own node */
};

/* What the judgement depends on. */
struct Limits {
    double seconds; /* the job has ended so long after a rank stopped moving; 0: no limit */
    double
        longest[BEAT_PHASES]; /* seconds that a rank has rested in each phase, and then went on */
    int own_node;
};

enum Finding {
    FINDING_NONE,
    FINDING_DIED,        /* processes are gone */
    FINDING_UNREACHABLE, /* all of a node's ranks: nothing is heard of it, and nobody moves on */
    FINDING_CUT_OFF, /* this process's own node: nothing is heard of all others, which are several
                      */
    FINDING_SILENT,  /* a process is stopped, or gets no processor */
    FINDING_HANGS,   /* a process lives, waits for nobody, and does not move on */
    FINDING_BEHIND,  /* all wait; these have entered fewer collective calls than others */
    FINDING_DEADLOCK /* all wait, for the same */
};

#define JUDGEMENT_RANKS 8

struct Judgement {
    enum Finding finding;
    int count;                  /* of the ranks that are to blame */
    int ranks[JUDGEMENT_RANKS]; /* the first of them */
    double seconds;             /* how long the first has been so */
};

/* Seconds after which a rank in `phase` that does not move on is said to hang. */
double judge__limit(const struct Limits *limits, enum BeatPhase phase);

struct Judgement judge__ranks(const struct Sight *sights, int ranks, const struct Limits *limits);

/* One line for people, without an end of line. `hosts` has the name of each rank's host. */
#define WORDS_LENGTH 600
void judgement__words(const struct Judgement *judgement, const struct Sight *sights, int ranks,
                      const char *const *hosts, char words[WORDS_LENGTH]);

#endif
