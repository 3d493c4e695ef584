/* What the items of a preflight share. Inside check/ only. */
#ifndef TRAINER_CHECK_INSIDE_H
#define TRAINER_CHECK_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "check/finding.h"
#include "check/preflight.h"
#include "comm/ranks.h"
#include "run/check.h"
#include "train/experiment.h"

/* A new finding, which is good until it is blamed. */
struct Finding *findings__add(struct Findings *findings, enum CheckItem item, const char *name);
void finding__figure(struct Finding *finding, const char *name, double value);
/* Adds to what was found. */
void finding__say(struct Finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void finding__expect(struct Finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes the verdict worse. If it is as bad already, the first cause stays. */
void finding__blame(struct Finding *finding, enum CheckVerdict verdict, const char *cause,
                    const char *advice);
/* The finding of that name, or NULL. */
const struct Finding *findings__find(const struct Findings *findings, const char *name);

struct Preflight {
    struct Ranks *ranks;
    const struct PreflightRequest *request;
    struct Findings *findings; /* those of rank 0 count; other ranks' are released unread */
    struct Experiment *experiment;
};

/* The loss of the run's targets if all scores are 0. */
double check__chance(const struct Experiment *experiment);

/* Each adds what it found. Collective. Failures are those of the world (a file that cannot be
 * read), which end the preflight: whatever is wrong with the run is a finding. */
int check__data(struct Preflight *preflight, struct Error *error);
int check__loss(struct Preflight *preflight, struct Error *error);
int check__gradients(struct Preflight *preflight, struct Error *error);

#endif
