#include "run/on_nan.h"

static const struct Key skip_keys[] = {{.name = "in_a_row",
                                        .type = KEY_INT,
                                        .offset = offsetof(struct OnNanSkip, in_a_row),
                                        .fallback = "3",
                                        .minimum = 1,
                                        .maximum = 1e9,
                                        .unit = "steps",
                                        .help = "one more in a row ends the run"},
                                       {.name = "in_all",
                                        .type = KEY_INT,
                                        .offset = offsetof(struct OnNanSkip, in_all),
                                        .fallback = "100",
                                        .minimum = 1,
                                        .maximum = 1e12,
                                        .unit = "steps",
                                        .help = "one more in the whole run ends it"},
                                       KEY_END};

static const struct Key roll_back_keys[] = {
    {.name = "times",
     .type = KEY_INT,
     .offset = offsetof(struct OnNanRollBack, times),
     .fallback = "3",
     .minimum = 1,
     .maximum = 1e6,
     .help = "one more in the whole run ends it"},
    {.name = "factor",
     .type = KEY_REAL,
     .offset = offsetof(struct OnNanRollBack, factor),
     .fallback = "0.5",
     .maximum = 1,
     .above_minimum = true,
     .below_maximum = true,
     .help =
         "the factor by which the learning rate is multiplied each time, for the rest of the run"},
    KEY_END};

const struct Kind on_nan_stop = {
    .name = "stop", .summary = "the run ends; the message names the layer and the rank"};
const struct Kind on_nan_skip = {
    .name = "skip",
    .summary = "the step changes nothing, as if its batch were not there: parameters, optimizer, "
               "statistics and averages stay as they are; the gradient is read once more each step",
    .keys = skip_keys,
    .options_size = sizeof(struct OnNanSkip)};
const struct Kind on_nan_roll_back = {.name = "roll_back",
                                      .summary =
                                          "the run goes back to its last planned checkpoint and "
                                          "continues from there with a lower learning rate",
                                      .keys = roll_back_keys,
                                      .options_size = sizeof(struct OnNanRollBack)};

static const struct Kind *const kinds[] = {&on_nan_stop, &on_nan_skip, &on_nan_roll_back, NULL};
const struct KindTable on_nan_kinds = {.what = "NaN action", .kinds = kinds};
