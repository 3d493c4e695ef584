/* Initialisation of parameters: one table of kinds, one formula each. */
#ifndef TRAINER_NN_INITIALISE_H
#define TRAINER_NN_INITIALISE_H

#include "base/arena.h"
#include "base/random.h"
#include "runfile/schema.h"

struct Initialiser {
    struct Kind kind;
    /* Fills row->count values in file order (PyTorch's), so that layouts do not change the draw. */
    void (*fill)(const void *options, const struct ArenaRow *row,
                 const struct RandomStream *stream, float *values);
};

extern const struct KindTable initialiser_kinds;

#endif
