/* Which trial a group trains next: a pure function of what is known of all trials. */
#ifndef TRAINER_SEARCH_SCHEDULE_H
#define TRAINER_SEARCH_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum TrialStatus {
    TRIAL_NEW,      /* not begun */
    TRIAL_OPEN,     /* trains to a rung, or did when its group ended */
    TRIAL_PAUSED,   /* has reached a rung, and waits whether it goes on */
    TRIAL_FINISHED, /* trained to its end */
    TRIAL_DIVERGED, /* its loss rose too far, or was not finite */
    TRIAL_FAILED    /* ended with an error */
};

/* What is known of a trial. */
struct TrialState {
    enum TrialStatus status;
    bool taken;           /* a group trains it now */
    int rungs;            /* that it has reached */
    const double *scores; /* at each of them; higher is better; NaN is the worst */
};

/* The trials of one stage. With one rung, every trial is trained to its end. */
struct Stage {
    struct TrialState *trials;
    int64_t count;
    int rungs;
    int64_t factor;
};

enum NextKind {
    NEXT_RESUME,  /* the trial, to the rung that it was on its way to */
    NEXT_PROMOTE, /* the trial, to its next rung */
    NEXT_BEGIN,   /* the trial, which is new */
    NEXT_WAIT,    /* other groups' trials may give work */
    NEXT_DONE     /* the stage is over */
};
struct Next {
    enum NextKind kind;
    int64_t trial; /* from 0 */
};

/* Asynchronous successive halving (Li et al. 2020, "A system for massively parallel hyperparameter
 * tuning", algorithm 2): of the trials that have reached a rung, the best 1/factor go on, as soon
 * as they are known to be among them; otherwise a new trial begins. Once nothing is left to do and
 * no trial is at its end, the best of the highest rung goes on, so that one always gets there.
 * `may_begin`: new trials may begin. */
struct Next schedule_next(const struct Stage *stage, bool may_begin);

/* Whether one trial is better than another: it has come to a higher rung (the end is the highest),
 * or to the same with a higher score. Diverged and failed trials are the worst. */
bool schedule_is_better(const struct TrialState *one, const struct TrialState *other);

/* The epochs of rung `rung`, from 0: first · factor^rung; INT64_MAX beyond a long time. */
int64_t schedule_epochs(int64_t first, int64_t factor, int rung);
/* The rungs of a run of `epochs`, the end included; 1 if `first` is 0. */
int schedule_rungs(int64_t first, int64_t factor, double epochs);

#endif
