/* The preflight of a run: what CS231n calls babysitting the learning process, done before the run
 * is started. Its items are looked at in order, because each rests on those before it. */
#ifndef TRAINER_CHECK_PREFLIGHT_H
#define TRAINER_CHECK_PREFLIGHT_H

#include "check/finding.h"
#include "train/train.h"

struct PreflightRequest {
    const struct TrainRequest *train; /* of which the run file and the watch matter */
    unsigned items;                   /* CHECK_ITEM_BIT */
    double seconds;    /* about how long each of the items that train may take on this machine */
    const char *sheet; /* PNG of the images as the network sees them; NULL: none is written */
    /* NULL, or told on rank 0 when an item begins (its findings are not there yet) and has ended.
     */
    void (*tell)(void *context, const struct Findings *findings, enum CheckItem item, bool ended);
    void *context;
};

/* Fills `findings` on rank 0; release it in any case. Fails as train() does before its first step,
 * or if something keeps an item from being examined. *verdict is the same on every rank.
 * Collective. */
int preflight(struct Ranks *ranks, const struct PreflightRequest *request,
              struct Findings *findings, enum CheckVerdict *verdict, struct Error *error);

#endif
