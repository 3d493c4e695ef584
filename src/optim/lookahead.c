#include "optim/lookahead.h"

const struct Key lookahead_keys[] = {
    {.name = "every",
     .type = KEY_INT,
     .offset = offsetof(struct LookaheadOptions, every),
     .fallback = "0",
     .minimum = 0,
     .maximum = 1e9,
     .unit = "steps",
     .switches_on = true,
     .help = "how often the slow weights follow the optimizer, which then continues from them "
             "(the paper: 5); 0: no lookahead"},
    {.name = "share",
     .type = KEY_REAL,
     .offset = offsetof(struct LookaheadOptions, share),
     .fallback = "0.5",
     .maximum = 1,
     .above_minimum = true,
     .help = "the fraction of the way that they follow"},
    KEY_END};
