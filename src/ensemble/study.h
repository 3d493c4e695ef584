/* What there is to know of an ensemble: its members, singly and together, which of them it needs,
 * and how far its probabilities can be trusted. All choices are made on one split, and what they
 * are worth is measured on another. A function of the pools alone; not collective. */
#ifndef TRAINER_ENSEMBLE_STUDY_H
#define TRAINER_ENSEMBLE_STUDY_H

#include "ensemble/calibration.h"
#include "ensemble/gain.h"
#include "ensemble/greedy.h"

struct StudyRequest {
    const struct Pool *chosen_on; /* NULL: nothing is chosen; the weights are equal, unless given */
    const struct Pool *reported;  /* may be the same pool */
    enum Figure by;               /* what greedy selection goes by */
    int rounds;                   /* of it */
    const double *weights;        /* given (members), summing to one; NULL: none are */
};

/* One way to weight the members. */
struct Mixture {
    double *weights;                   /* (members) */
    struct Figures chosen_on, figures; /* on the two splits, before calibration */
    double temperature;                /* 1: there is nothing to calibrate, or on nothing */
    struct Figures calibrated;         /* on the reported split, with the temperature */
    struct Calibration before, after;  /* there; zeros if the scores are no probabilities */
};

struct Study {
    int members;
    enum Figure by;                      /* the figure that gains are measured in */
    struct Figures *chosen_on, *alone;   /* (members): of each, on the two splits */
    double *calibration_errors;          /* (members): expected, there; NaN of scores and values */
    int best_chosen, best;               /* the best member on the two; the first of equal ones */
    double mean;                         /* of the members' figures on the reported split */
    struct Mixture equal, greedy, given; /* without weights: not asked for, or not possible */
    struct Greedy search;
    /* (members): the figures of the ensemble of equal weights, and of the final one, without each
     * member, the others' weights scaled; nothing measured if no other member has weight. */
    struct Figures *equal_without, *final_without;
    double *disagreement;        /* (members, members) */
    const struct Mixture *final; /* given, if it is; else of equal and greedy the one that is better
                                    on the split that is chosen on, equal if they are the same */
    int rival;         /* the member in its place: best_chosen, or best if there is none */
    double gain;       /* of `final` over it, on the reported split */
    double gain_error; /* of it (ensemble/gain.h) */
};

void study_make(struct Study *study, const struct StudyRequest *request);
void study_release(struct Study *study);

#endif
