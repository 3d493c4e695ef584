/* train.on_nan: what a run does about a step whose numbers are not finite. */
#ifndef TRAINER_RUN_ON_NAN_H
#define TRAINER_RUN_ON_NAN_H

#include <stdint.h>

#include "runfile/schema.h"

extern const struct KindTable on_nan_kinds;
extern const struct Kind on_nan_stop, on_nan_skip, on_nan_roll_back;

struct OnNanSkip {
    int64_t in_a_row, in_all; /* the most steps that are skipped */
};

struct OnNanRollBack {
    int64_t times; /* the most, in the whole run */
    double factor; /* of the learning rate, each time */
};

#endif
