/* Item 7, the short training, in parts. For check/ alone. */
#ifndef TRAINER_CHECK_TRIAL_H
#define TRAINER_CHECK_TRIAL_H

#include "check/inside.h"

/* Parts of the loss of chance. */
#define BELOW_CHANCE 0.97       /* something is learnt */
#define HARDLY_BELOW_CHANCE 0.9 /* more than by chance */
#define LEARNT 0.7              /* much is learnt */
#define SLOW 0.4                /* not all of what easy images teach */

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
    bool validated;
    struct Evaluation validation;
};

/* The rate of a step. It rises over the first `rise` steps. In a longer warm-up of the run it is
 * the run's own as soon as that is higher, up to the rate of the lowest loss in the range test:
 * beyond it the loss may rise for some hundred steps, until the weights suit the rate. */
double check__trial_rate(const struct Trial *trial, int64_t step);

/* trial_learning.c. The loss of scores that tell the classes' frequencies alone, which may be far
 * below that of chance; where that is not known, that of chance. */
double check__trial_prior_loss(const struct Trial *trial);
/* Whether the loss rises far above that of the start, or is not finite. */
bool check__trial_explodes(const struct Trial *trial);
/* Whether the loss falls below those of the start and of chance. */
bool check__trial_learns(const struct Trial *trial);
/* Whether the validation is so much better than the training that labels of the training split must
 * be wrong. On rank 0. */
bool check__trial_suspects_labels(const struct Trial *trial);
/* Adds the finding `learning`: whether the loss falls, whether what is learnt holds for the
 * validation split, and if not, why. */
void check__report_learning(struct Trial *trial);
/* Adds the finding `gap`, the losses of both splits, if the trial was validated. */
void check__report_gap(struct Trial *trial);

#endif
