/* Lookahead (Zhang et al. 2019, "Lookahead optimizer: k steps forward, 1 step back") around any
 * optimiser, which walks the fast weights θ. Every k steps the slow weights φ follow it a share of
 * the way, and it starts again from them:  φ ← φ + α(θ − φ),  θ ← φ. Its momentum stays. */
#ifndef TRAINER_OPTIM_LOOKAHEAD_H
#define TRAINER_OPTIM_LOOKAHEAD_H

#include <stdint.h>

#include "runfile/schema.h"

struct LookaheadOptions {
    int64_t every; /* k; 0: no lookahead */
    double share;  /* α */
};
extern const struct Key lookahead_keys[];

#endif
