/* What the items of a preflight share. Inside check/ only. */
#ifndef TRAINER_CHECK_INSIDE_H
#define TRAINER_CHECK_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "check/finding.h"
#include "check/preflight.h"
#include "comm/ranks.h"
#include "evaluate/evaluate.h"
#include "run/check.h"
#include "train/experiment.h"

/* A new finding, which is good until it is blamed. */
struct Finding *findings__add(struct Findings *findings, enum CheckItem item, const char *name);
/* What looks bad after few `steps` of an item is only doubtful: noise, and a rate that rises within
 * a few steps, look the same. */
void findings__soften(struct Findings *findings, enum CheckItem item, int64_t steps);
void finding__figure(struct Finding *finding, const char *name, double value);
/* Adds to what was found. */
void finding__say(struct Finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void finding__expect(struct Finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes the verdict worse. If it is as bad already, the first cause stays. */
void finding__blame(struct Finding *finding, enum CheckVerdict verdict, const char *cause,
                    const char *advice);
/* What explains that something does not work in a later item: the first that is bad, or else the
 * first that is doubtful and has to do with learning; or NULL. */
const struct Finding *findings__explanation(const struct Findings *findings);
/* Blames what explains it, if anything does. */
bool finding__blame_earlier(const struct Findings *findings, struct Finding *finding,
                            enum CheckVerdict verdict);

struct Preflight;
/* Blames a rate that is too low, with `cause` and `advice`; or `clip`, if it makes gradients so
 * much shorter that the steps are too short because of it. */
void check__blame_low_rate(const struct Preflight *preflight, struct Finding *finding,
                           enum CheckVerdict verdict, const char *cause, const char *advice);

/* What items 1 and 7 say if the training split has many wrong labels. */
#define CHECK_WRONG_LABELS                                                                         \
    "many labels of the training split do not go with the samples, and those of the validation "   \
    "split do"
#define CHECK_WRONG_LABELS_ADVICE "look at samples of the training split and their labels"

/* What in the run file keeps the run from learning. */
struct Hindrance {
    bool looked_for;
    const char *cause, *advice; /* NULL: nothing that can be switched off */
};

struct Preflight {
    struct Ranks *ranks;
    const struct PreflightRequest *request;
    struct Findings *findings; /* those of rank 0 count; other ranks' are released unread */
    struct Experiment *experiment;
    /* What later items need from earlier ones; the same on every rank. 0: was not looked at. */
    double step_seconds;       /* of the slowest rank */
    double cut;                /* the first gradient's norm over what clip leaves; of rank 0 */
    bool mirrors_sides;        /* flip makes other classes of images; of rank 0 */
    bool overfits;             /* a handful of samples was learnt by heart */
    double lowest_at;          /* the rate of the lowest loss in the range test */
    double best_rate;          /* a fifth of it, or the run's own if that was found better */
    bool too_high;             /* the run's rate, as that test says */
    struct Hindrance hindered; /* what keeps the run from learning, if that was looked for */
};

/* The loss of the run's targets if all scores are 0. */
double check__chance(const struct Experiment *experiment);

/* The rate of the run's steps at its highest: that of the optimiser times the schedule's most. */
double check__peak_rate(const struct Experiment *experiment);
/* Whether the loss is one of values, such as mse, which also takes classes. */
bool check__loss_is_of_values(const struct Experiment *experiment);
/* Whether the optimiser's steps are as long as the gradient: plain descent and momentum. */
bool check__follows_gradient(const struct Experiment *experiment);
/* How many steps take about request->seconds, between `least` and `most`. When it is first asked,
 * two steps are made to measure. Collective. */
int check__affordable(struct Preflight *preflight, int64_t least, int64_t most, int64_t *steps,
                      struct Error *error);

/* The norm of the weights that kaiming_normal draws for a row: √(2 · units). */
double check__usual_norm(const struct ArenaRow *row);

/* Fills findings->layers on rank 0 with what the layers do with the weights of `state`.
 * Collective. */
int check__probe(struct Preflight *preflight, const float *state, struct Findings *findings,
                 struct Error *error);

/* Looks at the next `count` batches without an update: step->loss becomes the mean of their losses,
 * and step->finite says of all of them. Collective. */
int check__mean_loss(struct Experiment *experiment, int64_t count, struct ExperimentStep *step,
                     struct Error *error);
/* Trains `steps` steps from the initial weights, at a rate that rises to `rate` over a quarter of
 * them. `last`: the mean loss of the last quarter; Inf: it did not stay finite. Collective. */
int check__train(struct Experiment *experiment, int64_t steps, double rate, double *last,
                 struct Error *error);

/* Trains up to `steps` steps at up to `rate` without augmentation, mixing and regularisation, and
 * if that learns, without each of them alone, to fill preflight->hindered; once. Collective. */
int check__hindrance(struct Preflight *preflight, int64_t steps, double rate, struct Error *error);

/* The same without augmentation alone; fills preflight->hindered if far more samples of the
 * validation split are then right than in `validation` (of rank 0), that of the run as it is.
 * Collective. */
int check__augmentation(struct Preflight *preflight, int64_t steps, double rate,
                        const struct Evaluation *validation, struct Error *error);

/* Each adds what it found. Collective. Failures are those of the world (a file that cannot be
 * read), which end the preflight: whatever is wrong with the run is a finding. */
int check__settings(struct Preflight *preflight, struct Error *error);
int check__data(struct Preflight *preflight, struct Error *error);
int check__loss(struct Preflight *preflight, struct Error *error);
int check__gradients(struct Preflight *preflight, struct Error *error);
int check__activations(struct Preflight *preflight, struct Error *error);
int check__overfit(struct Preflight *preflight, struct Error *error);
int check__rates(struct Preflight *preflight, struct Error *error);
int check__trial(struct Preflight *preflight, struct Error *error);

#endif
