/* Which values a trial has: a pure function of the method, the seed, the stage and the trial's
 * place in it. */
#ifndef TRAINER_SEARCH_SAMPLE_H
#define TRAINER_SEARCH_SAMPLE_H

#include "search/space.h"

/* How many trials a stage over `axes` has. For a grid: the product of the levels, which are as many
 * on each axis as fit into the trials asked for. 0: a grid of two values an axis is larger. */
int64_t sample__trials(const struct SearchOptions *options, const struct Axis *axes, int count);

/* The position on axis `axis` of trial `index`, from 0, of stage `stage`, from 1. */
double sample__position(const struct SearchOptions *options, const struct Axis *axes, int count,
                        int64_t stage, int64_t index, int axis);

#endif
