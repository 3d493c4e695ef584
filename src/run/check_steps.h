/* The steps of run_check (run/check.h) that have a file of their own. Each looks at a part of a
 * run and makes it in `parts`. Failures name a key; the caller finds its line. Inside run/ only. */
#ifndef TRAINER_RUN_CHECK_STEPS_H
#define TRAINER_RUN_CHECK_STEPS_H

#include "run/check.h"

/* A schedule or early stopping that follows the validation needs one. Not collective. */
int run__check_watchers(const struct RunRequest *request, struct Error *error);

/* The data set, its splits, the loss and the metrics for its targets, statistics, preprocessing,
 * weights of classes and loaders. Collective if request->together. */
int run__check_data(const struct RunRequest *request, struct RunParts *parts, struct Error *error);

/* The length of the run, and what goes by its moments: schedule, average, lookahead, validations,
 * snapshots. Without a data set nobody knows the steps of an epoch, and only what is counted in
 * steps is looked at. Not collective. */
int run__check_times(const struct RunRequest *request, struct RunParts *parts, struct Error *error);

/* The plans for training and validation. Needs the model and the updater. Not collective. */
int run__check_plans(const struct RunRequest *request, struct RunParts *parts, struct Error *error);

#endif
