/* Initialisers. fan_in and fan_out are the row's: inputs to one output number, outputs that one
 * input number reaches (a convolution's include its kernel's area). */
#include "nn/initialise.h"

#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/layer.h"

static void fill_constant(double value, const struct ArenaRow *row, float *values) {
    for (int64_t i = 0; i < row->count; i++)
        values[i] = (float)value;
}

static void fill_normal(double std, const struct ArenaRow *row, const struct RandomStream *stream,
                        float *values) {
    double *draws = memory_allocate((size_t)row->count * sizeof *draws, "initialisation");
    random_normal(stream, row->count, draws);
    for (int64_t i = 0; i < row->count; i++)
        values[i] = (float)(std * draws[i]);
    memory_release(draws);
}

/* Uniform in (−limit, limit): the middles of 2^32 cells. */
static void fill_uniform(double limit, const struct ArenaRow *row,
                         const struct RandomStream *stream, float *values) {
    for (int64_t i = 0; i < row->count; i += 4) {
        uint32_t words[4];
        random_block(stream, (uint32_t)(i / 4), words);
        for (int64_t j = 0; j < 4 && i + j < row->count; j++)
            values[i + j] = (float)(limit * (((double)words[j] + 0.5) * 0x1p-31 - 1));
    }
}

static void zeros(const void *options, const struct ArenaRow *row,
                  const struct RandomStream *stream, float *values) {
    (void)options, (void)stream;
    fill_constant(0, row, values);
}

static void ones(const void *options, const struct ArenaRow *row, const struct RandomStream *stream,
                 float *values) {
    (void)options, (void)stream;
    fill_constant(1, row, values);
}

/* Options of the kinds that take one number. */
struct OneNumber {
    double number;
};
static double one_number(const void *options) {
    return ((const struct OneNumber *)options)->number;
}
static const struct Key constant_keys[] = {
    {"value", KEY_REAL, offsetof(struct OneNumber, number), .help = "what every element becomes"},
    KEY_END};
static const struct Key normal_keys[] = {
    {"std", KEY_REAL, offsetof(struct OneNumber, number), .minimum = 0, .maximum = 1e6,
     .help = "standard deviation; the course's \"small\" is 0.01, its \"big\" 1"},
    KEY_END};
static const struct Key uniform_keys[] = {{"limit", KEY_REAL, offsetof(struct OneNumber, number),
                                           .minimum = 0, .maximum = 1e6,
                                           .help = "drawn from -limit to limit"},
                                          KEY_END};

static void constant(const void *options, const struct ArenaRow *row,
                     const struct RandomStream *stream, float *values) {
    (void)stream;
    fill_constant(one_number(options), row, values);
}
static void normal(const void *options, const struct ArenaRow *row,
                   const struct RandomStream *stream, float *values) {
    fill_normal(one_number(options), row, stream, values);
}
static void uniform(const void *options, const struct ArenaRow *row,
                    const struct RandomStream *stream, float *values) {
    fill_uniform(one_number(options), row, stream, values);
}

/* Rows without fans (scale and shift of a normalisation) count as one in, one out. */
static double fan(int64_t count) {
    return count > 0 ? (double)count : 1;
}
static void xavier(const void *options, const struct ArenaRow *row,
                   const struct RandomStream *stream, float *values) {
    (void)options;
    fill_normal(sqrt(1 / fan(row->fan_in)), row, stream, values);
}
static void glorot_normal(const void *options, const struct ArenaRow *row,
                          const struct RandomStream *stream, float *values) {
    (void)options;
    fill_normal(sqrt(2 / (fan(row->fan_in) + fan(row->fan_out))), row, stream, values);
}
static void glorot_uniform(const void *options, const struct ArenaRow *row,
                           const struct RandomStream *stream, float *values) {
    (void)options;
    fill_uniform(sqrt(6 / (fan(row->fan_in) + fan(row->fan_out))), row, stream, values);
}
static void fan_in_uniform(const void *options, const struct ArenaRow *row,
                           const struct RandomStream *stream, float *values) {
    (void)options;
    fill_uniform(sqrt(1 / fan(row->fan_in)), row, stream, values);
}

enum { FAN_IN, FAN_OUT };
enum { GAIN_RELU, GAIN_LINEAR, GAIN_LEAKY_RELU, GAIN_TANH, GAIN_SIGMOID };
struct KaimingOptions {
    int mode, gain;
    double slope;
};
static const char *const mode_names[] = {"fan_in", "fan_out", NULL};
static const char *const gain_names[] = {"relu", "linear", "leaky_relu", "tanh", "sigmoid", NULL};
#define OPTION(member) offsetof(struct KaimingOptions, member)
static const struct Key kaiming_keys[] = {
    {"mode", KEY_ENUM, OPTION(mode), "fan_in", .names = mode_names,
     .help = "keep the variance of the activations (fan_in) or of the gradients (fan_out)"},
    {"gain", KEY_ENUM, OPTION(gain), "relu", .names = gain_names,
     .help = "of the activation behind: relu sqrt 2, linear 1, leaky_relu sqrt(2 / (1 + slope^2)), "
             "tanh 5/3, sigmoid 1"},
    {"slope", KEY_REAL, OPTION(slope), "0.01", .minimum = 0, .maximum = 1,
     .help = "of the leaky_relu, where that is the gain"},
    KEY_END};

/* Without options: those that a run file gives by naming none. */
static double kaiming_std(const struct KaimingOptions *options, const struct ArenaRow *row) {
    static const struct KaimingOptions defaults = {FAN_IN, GAIN_RELU, 0.01};
    double gain = 1;
    if (!options)
        options = &defaults;
    if (options->gain == GAIN_RELU)
        gain = sqrt(2);
    else if (options->gain == GAIN_LEAKY_RELU)
        gain = sqrt(2 / (1 + options->slope * options->slope));
    else if (options->gain == GAIN_TANH)
        gain = 5.0 / 3;
    return gain / sqrt(fan(options->mode == FAN_IN ? row->fan_in : row->fan_out));
}
static void kaiming_normal(const void *options, const struct ArenaRow *row,
                           const struct RandomStream *stream, float *values) {
    fill_normal(kaiming_std(options, row), row, stream, values);
}
static void kaiming_uniform(const void *options, const struct ArenaRow *row,
                            const struct RandomStream *stream, float *values) {
    fill_uniform(sqrt(3) * kaiming_std(options, row), row, stream, values);
}

static const struct Initialiser kinds[] = {
    {{"zeros", "all zero: for biases; weights would all stay equal", NULL, 0}, zeros},
    {{"constant", "every element the same", constant_keys, sizeof(struct OneNumber)}, constant},
    {{"normal", "normal with a given standard deviation: dies out or explodes in deep networks",
      normal_keys, sizeof(struct OneNumber)},
     normal},
    {{"uniform", "uniform between -limit and limit", uniform_keys, sizeof(struct OneNumber)},
     uniform},
    {{"xavier",
      "normal, std 1 / sqrt(fan_in), the course's form: right for tanh, halves the "
      "variance at each ReLU",
      NULL, 0},
     xavier},
    {{"glorot_normal", "normal, std sqrt(2 / (fan_in + fan_out)): Glorot and Bengio 2010", NULL, 0},
     glorot_normal},
    {{"glorot_uniform", "uniform, limit sqrt(6 / (fan_in + fan_out)): Glorot and Bengio 2010", NULL,
      0},
     glorot_uniform},
    {{"kaiming_normal", "normal, std gain / sqrt(fan): He et al. 2015; the default of weights",
      kaiming_keys, sizeof(struct KaimingOptions)},
     kaiming_normal},
    {{"kaiming_uniform", "uniform, limit gain · sqrt(3 / fan): He et al. 2015", kaiming_keys,
      sizeof(struct KaimingOptions)},
     kaiming_uniform},
    {{"fan_in_uniform", "uniform, limit 1 / sqrt(fan_in): what PyTorch's layers do by default",
      NULL, 0},
     fan_in_uniform},
};
enum { ZEROS = 0, CONSTANT = 1, KAIMING_NORMAL = 7 };
static const struct Initialiser ones_kind = {{"ones", "all one", NULL, 0}, ones};

static const struct Kind *const kind_list[] = {&kinds[0].kind,
                                               &kinds[1].kind,
                                               &kinds[2].kind,
                                               &kinds[3].kind,
                                               &kinds[4].kind,
                                               &kinds[5].kind,
                                               &kinds[6].kind,
                                               &kinds[7].kind,
                                               &kinds[8].kind,
                                               &kinds[9].kind,
                                               NULL};
const struct KindTable initialiser_kinds = {"initialiser", kind_list};

const struct Choice initialise_kaiming = {&kinds[KAIMING_NORMAL].kind, NULL, NULL};
const struct Choice initialise_zeros = {&kinds[ZEROS].kind, NULL, NULL};
const struct Choice initialise_ones = {&ones_kind.kind, NULL, NULL};

const struct Choice *initialise_to(struct Graph *graph, double value) {
    struct Choice *choice = graph_memory(graph, sizeof *choice);
    struct OneNumber *options = graph_memory(graph, sizeof *options);
    options->number = value;
    *choice = (struct Choice){&kinds[CONSTANT].kind, options, NULL};
    return choice;
}
