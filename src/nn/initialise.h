/* Initialisation of parameters. An initialiser is one small file in nn/initialisers/ (related ones
 * share a file) and one row of nn/initialisers.def: `const struct Initialiser initialiser_NAME`. */
#ifndef TRAINER_NN_INITIALISE_H
#define TRAINER_NN_INITIALISE_H

#include <stddef.h>

#include "base/random.h"
#include "nn/layout.h"
#include "runfile/schema.h"

struct Initialiser {
    struct Kind kind;
    /* Fills row.arena->count values in file order (PyTorch's), so that the layout in memory does
     * not change what is drawn. */
    void (*fill)(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                 float *values);
    bool needs_matrix; /* refuses rows of one dimension: biases, scales, shifts */
    /* Refuses keys that do not go together. NULL: there are none. */
    int (*check)(const struct Choice *choice, struct Error *error);
};

extern const struct KindTable initialiser_kinds;

/* `initialise:` of the run file: what holds for layers that make no choice of their own. */
struct InitialiseOptions {
    struct Choice weights, biases; /* kind NULL: kaiming_normal, zeros */
    int residual;                  /* RESIDUAL_NONE or RESIDUAL_ZERO */
};
enum { RESIDUAL_NONE, RESIDUAL_ZERO };
extern const struct Key initialise_keys[];

extern const struct Choice initialise_zeros, initialise_ones;

/* For weights and biases of a convolution or linear layer: the layer's own choice, the model's, or
 * kaiming_normal and zeros. */
const struct Choice *initialise_weights(const struct InitialiseOptions *model,
                                        const struct Choice *own);
const struct Choice *initialise_biases(const struct InitialiseOptions *model,
                                       const struct Choice *own);

/* All elements start->value; `start` must live as long as the choice. */
struct ConstantOptions {
    double value;
};
struct Choice initialise_constant(struct ConstantOptions *start);

/* The keys of weights and biases in a layer's table; `options` is its options struct. */
#define INITIALISE_KEYS(options)                                                                   \
    {"weight_init",                                                                                \
     KEY_CHOICE,                                                                                   \
     offsetof(options, weight_init),                                                               \
     .kinds = &initialiser_kinds,                                                                  \
     .optional = true,                                                                             \
     .help = "how the weights start; without it as initialise.weights says, or kaiming_normal: "   \
             "std sqrt(2 / fan_in)"},                                                              \
    {                                                                                              \
        "bias_init", KEY_CHOICE, offsetof(options, bias_init),                                     \
            .kinds = &initialiser_kinds, .optional = true,                                         \
            .help = "how the biases start; without it as initialise.biases says, or zeros"         \
    }

/* The keys that all normalisations share. */
#define NORMALISATION_KEYS(options)                                                                \
    {"epsilon",    KEY_REAL,     offsetof(options, epsilon), "1e-5",                               \
     .minimum = 0, .maximum = 1, .above_minimum = true,      .help = "added to the variance"},     \
        {"scale_init",                                                                             \
         KEY_CHOICE,                                                                               \
         offsetof(options, scale_init),                                                            \
         .kinds = &initialiser_kinds,                                                              \
         .optional = true,                                                                         \
         .help = "how the scale (weight) starts; without it 1"},                                   \
    {                                                                                              \
        "shift_init", KEY_CHOICE, offsetof(options, shift_init),                                   \
            .kinds = &initialiser_kinds, .optional = true,                                         \
            .help = "how the shift (bias) starts; without it 0"                                    \
    }

/* The run file's choice if it made one, else `fallback`. */
static inline const struct Choice *initialise_or(const struct Choice *choice,
                                                 const struct Choice *fallback) {
    return choice->kind ? choice : fallback;
}

#endif
