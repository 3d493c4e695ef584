/* Lookahead (Zhang et al. 2019, "Lookahead optimizer: k steps forward, 1 step back") works with any
 * optimiser. The optimiser updates the fast weights θ. Every k steps the slow weights φ move a
 * fraction α of the way to them, and the optimiser continues from there with its momentum
 * unchanged: φ ← φ + α(θ − φ), θ ← φ. */
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
