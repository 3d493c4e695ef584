/* What a rank reports about itself while it works: its step and phase, that it advances, and
 * whether it waits for other ranks. The thread that computes writes; the watchdog (watch/watch.h)
 * reads, in another thread or another process. A report costs a few stores and no lock. The
 * functions of comm/ that communicate report by themselves that they wait. */
#ifndef TRAINER_COMM_BEAT_H
#define TRAINER_COMM_BEAT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum BeatPhase {
    BEAT_STARTING,   /* run file, options, checkpoint to continue from */
    BEAT_PREPARING,  /* opens the data, compiles the plan, allocates */
    BEAT_FIRST_STEP, /* of this process: libraries make their kernels in it */
    BEAT_STEP,
    BEAT_VALIDATING,
    BEAT_SAVING,
    BEAT_LOOKING, /* for the layer where numbers went wrong */
    BEAT_EVALUATING,
    BEAT_ENDING,
    BEAT_PHASES
};

/* A cache line. Starts as {0}. One writer, any number of readers. */
struct Beat {
    _Alignas(64) _Atomic uint64_t word; /* beat_phase_of, beat_waits, and a count in the low bits */
    _Atomic uint64_t turn;              /* collective calls that were entered */
    _Atomic int64_t step;               /* the step in progress or just done, from 1; 0: none yet */
    _Atomic uint64_t busy;              /* ns in steps and not waiting */
    /* The writer's own. */
    uint64_t since; /* ns, when it began to compute; 0: not in a step */
    int waits;      /* calls that wait, one inside the other */
};

/* The rank moves on: within a phase; to another phase; to a step (`first`: the first step of this
 * process). */
void beat_move(struct Beat *beat);
void beat_enter(struct Beat *beat, enum BeatPhase phase);
void beat_step(struct Beat *beat, int64_t step, bool first);

/* Called before and after whatever waits for other ranks. Pairs may be nested. */
void beat_wait(struct Beat *beat);
void beat_go_on(struct Beat *beat);

/* What a word of a beat says. Two words differ if the rank has moved on between them. */
static inline enum BeatPhase beat_phase_of(uint64_t word) {
    return (enum BeatPhase)(word >> 56 & 0x7f);
}
static inline bool beat_waits(uint64_t word) {
    return word >> 63;
}

#endif
