/* Item 7, the short training, in parts. For check/ alone. */
#ifndef TRAINER_CHECK_TRIAL_H
#define TRAINER_CHECK_TRIAL_H

#include "check/inside.h"

/* Parts of the loss of chance. */
#define BELOW_CHANCE 0.97       /* something is learnt */
#define HARDLY_BELOW_CHANCE 0.9 /* more than by chance */
#define LEARNT 0.7              /* much is learnt */
#define SLOW 0.4                /* not all of what easy images teach */

#define SURE 5 /* standard errors above chance */

/* How far a parameter moved. */
struct Moved {
    const struct ArenaRow *row;
    double ratio; /* |update| / |weights|, the mean over the measured steps */
};

struct Trial {
    struct Preflight *preflight;
    int64_t steps, done;
    int64_t rise;               /* the steps over which the rate rises */
    double own;                 /* the rate, after its rise */
    bool warms_up;              /* the run does, over more steps than these */
    double chance, first;       /* losses: of scores of 0, and of the first batches */
    double last, last_accuracy; /* means over the last quarter */
    double newest_accuracy;     /* the mean over the measured steps */
    bool ends_better;           /* with the last weights training samples are learnt as well */
    float *before;              /* the weights before a step */
    struct Moved *moved;
    int moved_count;
    double median; /* of their ratios; 0: nothing is trained */
    double noise;  /* of the gradient over its signal */
    bool finite;
    bool went_on; /* for more steps, because little was learnt */
    bool hurried; /* there was no time for all steps */
    bool validated;
    struct Evaluation validation;
};

/* ---- trial_measures.c ---- */

/* The rate of a step. It rises over the first `rise` steps. In a longer warm-up of the run it is
 * the run's own as soon as that is higher, up to the rate of the lowest loss in the range test:
 * beyond it the loss may rise for some hundred steps, until the weights suit the rate. */
double check__trial_rate(const struct Trial *trial, int64_t step);
/* The loss of scores that tell the classes' frequencies alone, which may be far below that of
 * chance; where that is not known, that of chance. */
double check__trial_prior_loss(const struct Trial *trial);
/* Whether the loss rises far above that of the start, or is not finite. */
bool check__trial_explodes(const struct Trial *trial);
/* Whether the loss falls below those of the start and of chance. */
bool check__trial_learns(const struct Trial *trial);
double check__trial_training_accuracy(const struct Trial *trial);
/* The part of the training labels that must be wrong, as validation samples are right so much more
 * often than training samples: if a part of the training labels is drawn at random, the accuracy
 * there is above chance by as much less. 0: the difference may be chance, or says nothing, as mixed
 * images have no one label that could be right. On rank 0, after a validation with classes. */
double check__trial_wrong_labels(const struct Trial *trial);
/* Whether there are such labels. On rank 0. */
bool check__trial_suspects_labels(const struct Trial *trial);

/* ---- trial_learning.c ---- */

/* Adds the finding `learning`: whether the loss falls, whether what is learnt holds for the
 * validation split, and if not, why. */
void check__report_learning(struct Trial *trial);
/* Adds the finding `gap`, the losses of both splits, if the trial was validated. */
void check__report_gap(struct Trial *trial);

#endif
