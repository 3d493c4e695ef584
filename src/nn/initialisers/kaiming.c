/* Variance gain² / fan. The gain makes up for what the activation after the layer takes away: for a
 * standard normal z it is 1 / √E f(z)² (He et al. 2015, "Delving deep into rectifiers", for ReLU).
 * The gains of tanh (5/3), sigmoid (1) and selu (3/4) are PyTorch's instead. */
#include <math.h>

#include "base/error.h"
#include "nn/initialise_draws.h"

enum { FAN_IN, FAN_OUT };
enum {
    GAIN_RELU,
    GAIN_LINEAR,
    GAIN_LEAKY_RELU,
    GAIN_TANH,
    GAIN_SIGMOID,
    GAIN_ELU,
    GAIN_SELU,
    GAIN_GELU,
    GAIN_SILU
};
struct KaimingOptions {
    int mode, gain;
    double slope;
};
static const char *const mode_names[] = {"fan_in", "fan_out", NULL};
static const char *const gain_names[] = {"relu", "linear", "leaky_relu", "tanh", "sigmoid",
                                         "elu",  "selu",   "gelu",       "silu", NULL};
#define OPTION(member) offsetof(struct KaimingOptions, member)
static const struct Key keys[] = {
    {"mode", KEY_ENUM, OPTION(mode), "fan_in", .names = mode_names,
     .help = "keep the variance of the activations (fan_in) or of the gradients (fan_out)"},
    {"gain", KEY_ENUM, OPTION(gain), "relu", .names = gain_names,
     .help = "gain of the activation after the layer: relu sqrt 2, linear 1 (also maxout of two), "
             "leaky_relu and "
             "prelu sqrt(2 / (1 + slope^2)), "
             "tanh 5/3, sigmoid 1, elu 1.245, selu 3/4, gelu 1.534, silu 1.677"},
    {"slope", KEY_REAL, OPTION(slope), "0.01", .minimum = 0, .maximum = 1,
     .help = "the slope of the leaky_relu, if that is the gain"},
    KEY_END};

static const struct KaimingOptions defaults = {FAN_IN, GAIN_RELU, 0.01};

static int check(const struct Choice *choice, struct Error *error) {
    const struct KaimingOptions *options = choice->options;
    if (!options || options->gain == GAIN_LEAKY_RELU || options->slope == defaults.slope)
        return OK;
    return schema_fail(error, choice, "slope",
                       "%g is for gain: leaky_relu, and gain is %s; expected that gain or no slope",
                       options->slope, gain_names[options->gain]);
}

static double gain_of(const struct KaimingOptions *options) {
    switch (options->gain) {
    case GAIN_RELU:
        return sqrt(2);
    case GAIN_LEAKY_RELU:
        return sqrt(2 / (1 + options->slope * options->slope));
    case GAIN_TANH:
        return 5.0 / 3;
    case GAIN_ELU:
        return 1.2451983007;
    case GAIN_SELU:
        return 0.75;
    case GAIN_GELU:
        return 1.5335304412;
    case GAIN_SILU:
        return 1.6765324703;
    default:
        return 1;
    }
}

/* NULL options: the defaults of the keys. */
static double std_of(const struct KaimingOptions *options, struct LayoutRow row) {
    options = options ? options : &defaults;
    return gain_of(options) /
           sqrt(draw_fan(options->mode == FAN_IN ? row.model->fan_in : row.model->fan_out));
}

static void normal(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                   float *values) {
    draw__normal(std_of(options, row), row.arena->count, stream, values);
}

static void uniform(const void *options, struct LayoutRow row, const struct RandomStream *stream,
                    float *values) {
    draw__uniform(sqrt(3) * std_of(options, row), row.arena->count, stream, values);
}

const struct Initialiser initialiser_kaiming_normal = {
    .kind = {"kaiming_normal",
             "normal, std gain / sqrt(fan): He et al. 2015; the default of weights", keys,
             sizeof(struct KaimingOptions)},
    .fill = normal,
    .check = check,
};

const struct Initialiser initialiser_kaiming_uniform = {
    .kind = {"kaiming_uniform", "uniform, limit gain · sqrt(3 / fan): He et al. 2015", keys,
             sizeof(struct KaimingOptions)},
    .fill = uniform,
    .check = check,
};
