/* Fractional max pooling (Graham 2014): the image shrinks by a ratio that need not be whole,
 * because regions of different sizes, floor(ratio) and ceil(ratio) pixels long, lie along each axis
 * in a random order. Region i spans [a(i), a(i+1)), with `overlapping` the pixel at a(i+1) too.
 * With n regions over L pixels (L is one less than the side of the image if they overlap):
 *
 *   pseudorandom:  a(i) = floor(L·(i + u) / n) − floor(L·u / n), one u in [0, 1) for each axis
 *
 *   random:        the lengths in a uniformly random order
 *
 * The regions are drawn for each sample, by its place in the batch, and each axis; all channels use
 * the same, as in the paper (PyTorch draws for each channel too, and has windows of a fixed size).
 * Predicting uses u = 1/2 for either sequence. A NaN wins. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "nn/layer.h"

#define LONGEST 15        /* side of a region in pixels: a tap's row and column fit one byte */
#define COLUMNS (1 << 20) /* the columns use the numbers of the sample's stream from here on */
#define UNIT (1 << 24)    /* u is a multiple of 1 / UNIT */
#define ROOT_2 1.4142135623730951

enum { SEQUENCE_PSEUDORANDOM, SEQUENCE_RANDOM };
static const char *const sequence_names[] = {"pseudorandom", "random", NULL};
static const char *const out_words[] = {"ratio", NULL};

struct FractionalOptions {
    double ratio;
    int64_t out; /* -1: follows from the ratio */
    int sequence;
    bool overlapping;
};

#define OPTION(member) offsetof(struct FractionalOptions, member)
static const struct Key keys[] = {
    {"ratio", KEY_REAL, OPTION(ratio), "1.4142135623730951", .minimum = 1, .maximum = 8,
     .help = "how many times smaller the image becomes; its sides are rounded down, and lose at "
             "least one pixel if regions overlap"},
    {"out", KEY_COUNT, OPTION(out), "ratio", .minimum = 1, .maximum = 1 << 16, .names = out_words,
     .unit = "pixels", .help = "height and width of the output; \"ratio\": as the ratio says"},
    {"sequence", KEY_ENUM, OPTION(sequence), "pseudorandom", .names = sequence_names,
     .help = "pseudorandom: regions' lengths alternate evenly from a random start; random: in any "
             "order, which regularises more"},
    {"overlapping", KEY_BOOL, OPTION(overlapping), "true",
     .help = "neighbouring regions share a line of pixels"},
    KEY_END};

static const struct FractionalOptions *options_of(const struct Call *call) {
    return call->operation->node->options;
}

/* The pixels of an axis that are divided into regions. */
static int64_t length_of(const struct FractionalOptions *options, int64_t size) {
    return size - (options->overlapping ? 1 : 0);
}

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct FractionalOptions *options = node->options;
    struct Shape in = node->in[0];
    const int64_t sizes[] = {in.height, in.width};
    int64_t out[2];
    if (in.fold_height * in.fold_width != 1)
        return describe__fail(describe, NULL, "its input is flattened: put it before the flatten");
    if (options->out >= 0 && options->ratio != ROOT_2)
        return describe__fail(describe, "ratio",
                              "%g together with out: %" PRId64
                              ", which sets the size already; expected only one of the two",
                              options->ratio, options->out);
    for (int i = 0; i < 2; i++) {
        int64_t length = length_of(options, sizes[i]);
        out[i] = options->out < 0 ? (int64_t)((double)sizes[i] / options->ratio) : options->out;
        if (options->out < 0 && out[i] > length)
            out[i] = length;
        if (out[i] < 1 || out[i] > length || (length - 1) / out[i] + 2 > LONGEST)
            return describe__fail(
                describe, options->out < 0 ? "ratio" : "out",
                "%" PRId64 " regions on a side of %" PRId64 " pixels%s: expected 1 to %d pixels "
                "for each",
                out[i], sizes[i], options->overlapping ? " that share lines" : "", LONGEST - 1);
    }
    node->out = (struct Shape){out[0], out[1], in.channels, 1, 1};
    node->flops = (double)shape_elements(in);
    return OK;
}

static bool draws(const struct Node *node) {
    (void)node;
    return true;
}

/* The number of starts of a sample's regions: of rows and of columns, each with one more after the
 * last. */
static int64_t start_count(struct Shape out) {
    return out.height + out.width + 2;
}

/* Saved: all samples' starts, then which tap won each output. */
static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    int64_t samples = planning->samples[0];
    size_t starts = (size_t)(samples * start_count(operation->out)) * sizeof(int32_t);
    if (planning->training)
        operation->needs.saved_bytes = starts + (size_t)(samples * shape_elements(operation->out));
    else
        operation->needs.scratch_bytes = starts;
    return OK;
}

static int32_t *starts_of(const struct Call *call, int64_t sample) {
    return (int32_t *)(call->training ? call->saved : call->scratch) +
           sample * start_count(call->operation->out);
}
static uint8_t *winners_of(const struct Call *call, int64_t sample) {
    if (!call->training)
        return NULL;
    return (uint8_t *)((int32_t *)call->saved + call->samples * start_count(call->operation->out)) +
           sample * shape_elements(call->operation->out);
}

static void pseudorandom_starts(int64_t length, int64_t regions, int64_t u, int32_t *starts) {
    for (int64_t i = 0; i <= regions; i++)
        starts[i] =
            (int32_t)(length * (i * UNIT + u) / (regions * UNIT) - length * u / (regions * UNIT));
}

/* Goes through the regions and makes each a long one with the probability (long ones left) /
 * (regions left). */
static void random_starts(int64_t length, int64_t regions, const struct RandomStream *stream,
                          uint64_t first, int32_t *starts) {
    int64_t brief = length / regions, longer = length - brief * regions;
    starts[0] = 0;
    for (int64_t i = 0; i < regions; i++) {
        uint32_t word = random_word(stream, first + (uint64_t)i);
        bool is_long = random_below(word, (uint32_t)(regions - i)) < longer;
        longer -= is_long;
        starts[i + 1] = starts[i] + (int32_t)brief + is_long;
    }
}

static void make_starts(const struct Call *call, int64_t sample) {
    const struct FractionalOptions *options = options_of(call);
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int32_t *rows = starts_of(call, sample), *columns = rows + out.height + 1;
    int64_t height = length_of(options, in.height), width = length_of(options, in.width);
    if (!call->stochastic) {
        pseudorandom_starts(height, out.height, UNIT / 2, rows);
        pseudorandom_starts(width, out.width, UNIT / 2, columns);
        return;
    }
    struct RandomStream stream = call_stream(call, sample);
    if (options->sequence == SEQUENCE_RANDOM) {
        random_starts(height, out.height, &stream, 0, rows);
        random_starts(width, out.width, &stream, COLUMNS, columns);
    } else {
        pseudorandom_starts(height, out.height, random_word(&stream, 0) >> 8, rows);
        pseudorandom_starts(width, out.width, random_word(&stream, COLUMNS) >> 8, columns);
    }
}

static void compare(int64_t channels, uint8_t tap, const real *restrict x, real *restrict y,
                    uint8_t *restrict winner) {
    for (int64_t c = 0; c < channels; c++) {
        bool wins = (x[c] > y[c]) | (x[c] != x[c]);
        y[c] = wins ? x[c] : y[c];
        winner[c] = wins ? tap : winner[c];
    }
}

static void compare_only(int64_t channels, const real *restrict x, real *restrict y) {
    for (int64_t c = 0; c < channels; c++)
        y[c] = (x[c] > y[c]) | (x[c] != x[c]) ? x[c] : y[c];
}

/* The largest values of the region whose first pixel is at x; tap (r, s) is number 16·r + s. */
static void pool(const struct Call *call, const real *x, int64_t rows, int64_t columns, real *y,
                 uint8_t *winner) {
    struct Shape in = call->operation->in[0];
    int64_t channels = in.channels;
    memcpy(y, x, (size_t)channels * sizeof(real));
    if (winner)
        memset(winner, 0, (size_t)channels);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t s = 0; s < columns; s++) {
            const real *pixel = x + (r * in.width + s) * channels;
            if (winner)
                compare(channels, (uint8_t)(16 * r + s), pixel, y, winner);
            else
                compare_only(channels, pixel, y);
        }
}

static void forward_sample(const struct Call *call, int64_t sample) {
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels, shared = options_of(call)->overlapping ? 1 : 0;
    const int32_t *rows = starts_of(call, sample), *columns = rows + out.height + 1;
    const real *x = (const real *)call->input[0] + sample * shape_elements(in);
    real *y = (real *)call->output + sample * shape_elements(out);
    uint8_t *winner = winners_of(call, sample);
    make_starts(call, sample);
    for (int64_t p = 0; p < out.height; p++)
        for (int64_t q = 0; q < out.width; q++) {
            int64_t at = (p * out.width + q) * channels;
            pool(call, x + (rows[p] * in.width + columns[q]) * channels,
                 rows[p + 1] - rows[p] + shared, columns[q + 1] - columns[q] + shared, y + at,
                 winner ? winner + at : NULL);
        }
}

static void forward(const struct Call *call) {
    int64_t elements = call->samples * shape_elements(call->operation->in[0]);
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        forward_sample(call, i);
}

static void backward_sample(const struct Call *call, int64_t sample) {
    struct Shape in = call->operation->in[0], out = call->operation->out;
    int64_t channels = in.channels;
    const int32_t *rows = starts_of(call, sample), *columns = rows + out.height + 1;
    const uint8_t *winner = winners_of(call, sample);
    const real *dy = (const real *)call->output_gradient + sample * shape_elements(out);
    real *dx = (real *)call->input_gradient[0] + sample * shape_elements(in);
    memset(dx, 0, (size_t)shape_elements(in) * sizeof(real));
    for (int64_t p = 0; p < out.height; p++)
        for (int64_t q = 0; q < out.width; q++)
            for (int64_t c = 0; c < channels; c++, winner++, dy++) {
                int64_t h = rows[p] + *winner / 16, w = columns[q] + *winner % 16;
                dx[(h * in.width + w) * channels + c] += *dy;
            }
}

static void backward(const struct Call *call) {
    int64_t elements = call->samples * shape_elements(call->operation->in[0]);
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        backward_sample(call, i);
}

const struct Layer KERNEL(layer_fractional_maxpool) = {
    .kind = {"fractional_maxpool",
             "max pooling by a factor that need not be whole, over regions drawn anew for "
             "every image: shrinks images gently",
             keys, sizeof(struct FractionalOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .draws = draws,
};
