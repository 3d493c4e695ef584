#include "nn/initialise.h"

#define INITIALISER(name) extern const struct Initialiser initialiser_##name;
#define INTERNAL_INITIALISER(name) INITIALISER(name)
#include "nn/initialisers.def"
#undef INITIALISER
#undef INTERNAL_INITIALISER

#define INITIALISER(name) &initialiser_##name.kind,
#define INTERNAL_INITIALISER(name)
static const struct Kind *const kind_list[] = {
#include "nn/initialisers.def"
    NULL};
const struct KindTable initialiser_kinds = {"initialiser", kind_list};

/* ---- Defaults ---- */

static const struct Choice kaiming = {&initialiser_kaiming_normal.kind, NULL, NULL};
const struct Choice initialise_zeros = {&initialiser_zeros.kind, NULL, NULL};
const struct Choice initialise_ones = {&initialiser_ones.kind, NULL, NULL};

static const char *const residual_names[] = {"none", "zero", NULL};

#define OPTION(member) offsetof(struct InitialiseOptions, member)
const struct Key initialise_keys[] = {
    {"weights", KEY_CHOICE, OPTION(weights), .kinds = &initialiser_kinds, .optional = true,
     .help = "how weights of convolutions and linear layers start; without it kaiming_normal: "
             "std sqrt(2 / fan_in)"},
    {"biases", KEY_CHOICE, OPTION(biases), .kinds = &initialiser_kinds, .optional = true,
     .help = "how biases of convolutions and linear layers start; without it zeros; the course's "
             "slightly positive ones are {constant: {value: 0.01}}"},
    {"residual", KEY_ENUM, OPTION(residual), "none", .names = residual_names,
     .help = "zero: in every residual block the scale of the last normalisation, or the weights of "
             "the last layer if no normalisation follows it, start at 0, so that the block starts "
             "as its shortcut"},
    KEY_END};

const struct Choice *initialise_weights(const struct InitialiseOptions *model,
                                        const struct Choice *own) {
    return initialise_or(own, initialise_or(&model->weights, &kaiming));
}

const struct Choice *initialise_biases(const struct InitialiseOptions *model,
                                       const struct Choice *own) {
    return initialise_or(own, initialise_or(&model->biases, &initialise_zeros));
}

struct Choice initialise_constant(struct ConstantOptions *start) {
    return (struct Choice){&initialiser_constant.kind, start, NULL};
}
