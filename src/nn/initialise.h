/* Initialisation of parameters: one table of kinds, one formula each. */
#ifndef TRAINER_NN_INITIALISE_H
#define TRAINER_NN_INITIALISE_H

#include "base/arena.h"
#include "base/random.h"
#include "runfile/schema.h"

struct Initialiser {
    struct Kind kind;
    /* Fills row->count values in file order (PyTorch's), so that layouts do not change the draw. */
    void (*fill)(const void *options, const struct ArenaRow *row, const struct RandomStream *stream,
                 float *values);
};

extern const struct KindTable initialiser_kinds;

/* row->initialiser points at a struct Choice of initialiser_kinds: the run file's, or one of these
 * defaults. */
extern const struct Choice initialise_kaiming; /* normal, std sqrt(2 / fan_in) */
extern const struct Choice initialise_zeros, initialise_ones;

/* The run file's choice where it made one. */
static inline const struct Choice *initialise_or(const struct Choice *choice,
                                                 const struct Choice *fallback) {
    return choice->kind ? choice : fallback;
}

#endif
