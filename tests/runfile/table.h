/* A table of the tests' own, with every KeyType, and kinds that hold kinds. */
#ifndef TRAINER_TESTS_RUNFILE_TABLE_H
#define TRAINER_TESTS_RUNFILE_TABLE_H

#include <math.h>
#include <stdio.h>

#include "runfile/runfile.h"

/* A failure as cli/ prints it, for an override to blame. */
#define ERROR_LINE 1200
static inline const char *error_line(const struct Error *error, char line[ERROR_LINE]) {
    bool blamed = *error->option.name;
    snprintf(line, ERROR_LINE, "%s%s%s%s%s%s", blamed ? "--" : "", error->option.name,
             blamed ? " " : "", error->option.value, blamed ? ": " : "", error->text);
    return line;
}

struct ConvOptions {
    int64_t out, kernel, stride, padding;
    bool bias;
    struct Choice init;
};
struct DropoutOptions {
    double rate;
};
struct BranchesOptions {
    struct ChoiceLists paths;
};
struct ResidualOptions {
    struct ChoiceList body;
    int shortcut;
};
struct ScaleOptions {
    struct {
        double factor;
        struct Reals offsets;
    } affine;
};
struct ConstantOptions {
    double value;
};
struct KaimingOptions {
    int mode;
};
struct OptimizerOptions {
    double rate, momentum;
};
struct TestOptions {
    struct {
        const char *file, *note, *title;
        struct Reals mean;
        struct Ints sizes;
        struct Strings names;
    } data;
    struct {
        int64_t batch, shards, seed;
        double rate, smoothing;
        struct Span length, warmup;
        struct Spans times;
        bool shuffle;
        int last_batch;
        struct {
            double norm;
            int64_t every;
            double value, floor; /* optional, and with a default */
            int by;              /* optional */
        } clip;
    } train;
    struct ChoiceList augment, model;
    struct Choice optimizer, loss;
};

static const char *const shortcut_names[] = {"identity", "pad", "projection", NULL};
static const char *const mode_names[] = {"fan_in", "fan_out", NULL};
static const char *const last_batch_names[] = {"keep", "drop", NULL};
static const char *const by_names[] = {"layer", "all", NULL};
static const char *const auto_name[] = {"auto", NULL};

static const struct Key constant_keys[] = {
    {.name = "value", .type = KEY_REAL, .offset = offsetof(struct ConstantOptions, value)},
    KEY_END};
static const struct Key kaiming_keys[] = {{.name = "mode",
                                           .type = KEY_ENUM,
                                           .offset = offsetof(struct KaimingOptions, mode),
                                           .fallback = "fan_in",
                                           .names = mode_names},
                                          KEY_END};
static const struct Kind init_zeros = {.name = "zeros"};
static const struct Kind init_constant = {
    .name = "constant", .keys = constant_keys, .options_size = sizeof(struct ConstantOptions)};
static const struct Kind init_kaiming = {
    .name = "kaiming", .keys = kaiming_keys, .options_size = sizeof(struct KaimingOptions)};
static const struct Kind *const init_list[] = {&init_zeros, &init_constant, &init_kaiming, NULL};
static const struct KindTable test_inits = {"initialiser", init_list};

#define CONV_KEY(key_name, key_type)                                                               \
    .name = #key_name, .type = key_type, .offset = offsetof(struct ConvOptions, key_name)
static const struct Key conv_keys[] = {
    {CONV_KEY(out, KEY_INT), .minimum = 1, .maximum = INFINITY, .help = "output channels"},
    {CONV_KEY(kernel, KEY_INT), .fallback = "3", .minimum = 1, .maximum = 31, .unit = "pixels"},
    {CONV_KEY(stride, KEY_INT), .fallback = "1", .minimum = 1, .maximum = 8},
    {CONV_KEY(padding, KEY_INT), .fallback = "0", .minimum = 0, .maximum = 15},
    {CONV_KEY(bias, KEY_BOOL), .fallback = "true", .help = "on | off"},
    {CONV_KEY(init, KEY_CHOICE), .fallback = "kaiming", .kinds = &test_inits},
    KEY_END};
static const struct Key dropout_keys[] = {{.name = "rate",
                                           .type = KEY_REAL,
                                           .offset = offsetof(struct DropoutOptions, rate),
                                           .fallback = "0.5",
                                           .minimum = 0,
                                           .maximum = 1},
                                          KEY_END};
static const struct Key affine_keys[] = {
    {.name = "factor",
     .type = KEY_REAL,
     .offset = offsetof(struct ScaleOptions, affine.factor) - offsetof(struct ScaleOptions, affine),
     .fallback = "1"},
    {.name = "offsets",
     .type = KEY_REALS,
     .offset =
         offsetof(struct ScaleOptions, affine.offsets) - offsetof(struct ScaleOptions, affine),
     .fallback = "[]"},
    KEY_END};
static const struct Key scale_keys[] = {{.name = "affine",
                                         .type = KEY_SECTION,
                                         .offset = offsetof(struct ScaleOptions, affine),
                                         .keys = affine_keys},
                                        KEY_END};
extern const struct KindTable test_layers;
static const struct Key residual_keys[] = {{.name = "body",
                                            .type = KEY_CHOICES,
                                            .offset = offsetof(struct ResidualOptions, body),
                                            .kinds = &test_layers,
                                            .help = "the branch"},
                                           {.name = "shortcut",
                                            .type = KEY_ENUM,
                                            .offset = offsetof(struct ResidualOptions, shortcut),
                                            .fallback = "identity",
                                            .names = shortcut_names},
                                           KEY_END};
static const struct Key branches_keys[] = {{.name = "paths",
                                            .type = KEY_CHOICE_LISTS,
                                            .offset = offsetof(struct BranchesOptions, paths),
                                            .kinds = &test_layers,
                                            .help = "side by side"},
                                           KEY_END};
static const struct Kind layer_conv = {.name = "conv",
                                       .summary = "Convolution.",
                                       .keys = conv_keys,
                                       .options_size = sizeof(struct ConvOptions)};
static const struct Kind layer_relu = {.name = "relu", .summary = "Cheap; can die."};
static const struct Kind layer_dropout = {
    .name = "dropout", .keys = dropout_keys, .options_size = sizeof(struct DropoutOptions)};
static const struct Kind layer_scale = {
    .name = "scale", .keys = scale_keys, .options_size = sizeof(struct ScaleOptions)};
static const struct Kind layer_residual = {
    .name = "residual", .keys = residual_keys, .options_size = sizeof(struct ResidualOptions)};
static const struct Kind layer_branches = {
    .name = "branches", .keys = branches_keys, .options_size = sizeof(struct BranchesOptions)};
static const struct Kind *const layer_list[] = {
    &layer_conv, &layer_relu, &layer_dropout, &layer_scale, &layer_residual, &layer_branches, NULL};
const struct KindTable test_layers = {"layer", layer_list};

#define RATE_KEY                                                                                   \
    {                                                                                              \
        .name = "rate", .type = KEY_REAL, .offset = offsetof(struct OptimizerOptions, rate),       \
        .maximum = 10, .above_minimum = true, .help = "base learning rate"                         \
    }
static const struct Key sgd_keys[] = {RATE_KEY, KEY_END};
static const struct Key nesterov_keys[] = {RATE_KEY,
                                           {.name = "momentum",
                                            .type = KEY_REAL,
                                            .offset = offsetof(struct OptimizerOptions, momentum),
                                            .fallback = "0.9",
                                            .minimum = 0,
                                            .maximum = 1},
                                           KEY_END};
static const struct Kind optimizer_sgd = {
    .name = "sgd", .keys = sgd_keys, .options_size = sizeof(struct OptimizerOptions)};
static const struct Kind optimizer_nesterov = {
    .name = "nesterov", .keys = nesterov_keys, .options_size = sizeof(struct OptimizerOptions)};
static const struct Kind *const optimizer_list[] = {&optimizer_sgd, &optimizer_nesterov, NULL};
static const struct KindTable test_optimizers = {"optimizer", optimizer_list};

#define DATA_KEY(key_name, key_type)                                                               \
    .name = #key_name, .type = key_type,                                                           \
    .offset = offsetof(struct TestOptions, data.key_name) - offsetof(struct TestOptions, data)
static const struct Key data_keys[] = {
    {DATA_KEY(file, KEY_STRING), .help = "HDF5 data set"},
    {DATA_KEY(note, KEY_STRING), .optional = true},
    {DATA_KEY(title, KEY_STRING), .optional = true, .fallback = "untitled"},
    {DATA_KEY(mean, KEY_REALS), .fallback = "[0.5]", .minimum = 0, .maximum = 255},
    {DATA_KEY(sizes, KEY_INTS), .fallback = "[]", .minimum = 1, .maximum = 1e6},
    {DATA_KEY(names, KEY_STRINGS), .fallback = "[]"},
    KEY_END};

#define CLIP_KEY(key_name, key_type)                                                               \
    .name = #key_name, .type = key_type,                                                           \
    .offset = offsetof(struct TestOptions, train.clip.key_name) -                                  \
              offsetof(struct TestOptions, train.clip)
static const struct Key clip_keys[] = {
    {CLIP_KEY(norm, KEY_REAL), .fallback = "0", .minimum = 0, .maximum = INFINITY},
    {CLIP_KEY(every, KEY_INT), .fallback = "1", .minimum = 1, .maximum = 1000},
    {CLIP_KEY(value, KEY_REAL), .optional = true, .minimum = 0, .maximum = 9, .help = "of each"},
    {CLIP_KEY(floor, KEY_REAL), .optional = true, .fallback = "0.5"},
    {CLIP_KEY(by, KEY_ENUM), .optional = true, .names = by_names},
    KEY_END};

#define TRAIN_KEY(key_name, key_type)                                                              \
    .name = #key_name, .type = key_type,                                                           \
    .offset = offsetof(struct TestOptions, train.key_name) - offsetof(struct TestOptions, train)
static const struct Key train_keys[] = {
    {TRAIN_KEY(batch, KEY_INT), .minimum = 1, .unit = "samples", .help = "global mini-batch"},
    {TRAIN_KEY(shards, KEY_COUNT), .fallback = "auto", .minimum = 1, .names = auto_name},
    {TRAIN_KEY(seed, KEY_INT), .fallback = "-3"},
    {TRAIN_KEY(rate, KEY_REAL), .fallback = "0.1"},
    {TRAIN_KEY(smoothing, KEY_REAL), .fallback = "0", .minimum = 0, .maximum = 1,
     .below_maximum = true},
    {TRAIN_KEY(length, KEY_SPAN)},
    {TRAIN_KEY(warmup, KEY_SPAN), .fallback = "0"},
    {TRAIN_KEY(times, KEY_SPANS), .fallback = "[]", .minimum = 0, .maximum = 1000},
    {TRAIN_KEY(shuffle, KEY_BOOL), .fallback = "true"},
    {TRAIN_KEY(last_batch, KEY_ENUM), .fallback = "keep", .names = last_batch_names},
    {TRAIN_KEY(clip, KEY_SECTION), .keys = clip_keys, .help = "gradient clipping"},
    KEY_END};

static const struct Key test_keys[] = {{.name = "data",
                                        .type = KEY_SECTION,
                                        .offset = offsetof(struct TestOptions, data),
                                        .keys = data_keys},
                                       {.name = "augment",
                                        .type = KEY_CHOICES,
                                        .offset = offsetof(struct TestOptions, augment),
                                        .fallback = "[]",
                                        .kinds = &test_layers},
                                       {.name = "model",
                                        .type = KEY_CHOICES,
                                        .offset = offsetof(struct TestOptions, model),
                                        .kinds = &test_layers},
                                       {.name = "optimizer",
                                        .type = KEY_CHOICE,
                                        .offset = offsetof(struct TestOptions, optimizer),
                                        .fallback = "sgd: {rate: 0.25}",
                                        .kinds = &test_optimizers},
                                       {.name = "loss",
                                        .type = KEY_CHOICE,
                                        .offset = offsetof(struct TestOptions, loss),
                                        .kinds = &test_inits,
                                        .optional = true},
                                       {.name = "train",
                                        .type = KEY_SECTION,
                                        .offset = offsetof(struct TestOptions, train),
                                        .keys = train_keys},
                                       KEY_END};

/* Valid files. The refusal tests change a line of the first. */
static const char plain_file[] = "data:\n"                          /* 1 */
                                 "  file: pictures.h5\n"            /* 2 */
                                 "model:\n"                         /* 3 */
                                 "  - conv: {out: 16, kernel: 5}\n" /* 4 */
                                 "  - relu\n"                       /* 5 */
                                 "  - dropout:\n"                   /* 6 */
                                 "      rate: 0.25\n"               /* 7 */
                                 "  - residual:\n"                  /* 8 */
                                 "      body:\n"                    /* 9 */
                                 "        - conv: {out: 8}\n"       /* 10 */
                                 "        - relu: {}\n"             /* 11 */
                                 "      shortcut: pad\n"            /* 12 */
                                 "  - scale\n"                      /* 13 */
                                 "optimizer:\n"                     /* 14 */
                                 "  nesterov:\n"                    /* 15 */
                                 "    rate: 5e-4\n"                 /* 16 */
                                 "train:\n"                         /* 17 */
                                 "  batch: 128\n"                   /* 18 */
                                 "  length: 2 epochs\n"             /* 19 */
                                 "  warmup: 500 steps\n"            /* 20 */
                                 "  last_batch: drop\n"             /* 21 */
                                 "  clip:\n"                        /* 22 */
                                 "    norm: 1.0\n";                 /* 23 */

static const char odd_file[] =
    "---\n"
    "# a comment\n"
    "{data: {file: \"a \\\"b\\\" \\u2028 \\x01 \\U0001F600\", note: 'null', title: ~, mean: [0, "
    "1.5, 2e1],\n"
    "        sizes: [1, 1000000], names: [true, '0x10', \"\", \xC3\xA9t\xC3\xA9, 'a: b']},\n"
    " model: [relu: null, {conv: {out: 9223372036854775807, init: {constant: {value: -0.0}}}},\n"
    "         residual: {body: []}, scale: {affine: {factor: 1e-30, offsets: [.5, 1.]}},\n"
    "         {conv: {out: 1, init: zeros, bias: false}}],\n"
    " augment: [dropout], loss: kaiming, optimizer: {sgd: {rate: 0.30000000000000004}},\n"
    " train: {batch: 1, shards: 4, seed: -9223372036854775808, length: 0.5 epochs, warmup: 1 "
    "step,\n"
    "         times: [1 epoch, 2.5 epochs, 300 steps], shuffle: false, clip: }}\n"
    "...\n";

static const char short_file[] = "data: {file: x}\n"
                                 "model:\n"
                                 "  - residual:\n"
                                 "      body:\n"
                                 "      - residual: {body: [relu, {dropout: {rate: 1}}]}\n"
                                 "      - dropout:\n"
                                 "train:\n"
                                 "  batch: 7\n"
                                 "  length: 1 step\n";

#endif
