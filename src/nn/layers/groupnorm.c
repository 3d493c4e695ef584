/* Group normalisation (Wu and He 2018): in each sample the channels are cut into groups of
 * neighbours, and a group is normalised over its channels and all pixels, in training and inference
 * alike. With n values in a group:
 *
 *   y = γ(c) · x̂ + β(c),  x̂ = (x − mean) · v,  v = 1 / sqrt(var + ε)
 *
 *   dβ = Σ dy,  dγ = Σ dy · x̂,  dx = v · (γ dy − (Σ γ dy)/n − x̂ · (Σ γ dy x̂)/n)
 *
 * Sums over pixels run channel by channel, in `real` over the pixels of a chunk and in double over
 * the chunks; samples are added in their order. */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>

#include "nn/channel_sums.h"
#include "nn/initialise.h"
#include "nn/layer.h"

struct GroupnormOptions {
    int64_t groups;
    double epsilon;
    struct Choice scale_init, shift_init;
};

static const struct Key keys[] = {
    {"groups", KEY_INT, offsetof(struct GroupnormOptions, groups), .minimum = 1, .maximum = 1 << 20,
     .help =
         "groups of channels; 1: the whole sample; as many as channels: instance normalisation"},
    NORMALISATION_KEYS(struct GroupnormOptions),
    KEY_END};

enum { ROW_SCALE, ROW_SHIFT };

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct GroupnormOptions *options = node->options;
    struct Shape in = node->in[0];
    if (in.fold_height * in.fold_width != 1)
        return describe__fail(describe, NULL,
                              "its input is flattened, so it has no channels: put it before the "
                              "flatten, or take a layernorm");
    if (in.channels % options->groups)
        return describe__fail(describe, "groups",
                              "%" PRId64 " groups must divide the %" PRId64 " channels",
                              options->groups, in.channels);
    if (shape_elements(in) == options->groups)
        return describe__fail(describe, "groups",
                              "a group has one value, which would become 0: expected fewer groups "
                              "or a larger image");
    node->out = in;
    node->flops = 8.0 * (double)shape_elements(in);
    describe__channel_row(describe, "weight", ROLE_NORMALISATION).model->initialiser =
        *initialise_or(&options->scale_init, &initialise_ones);
    describe__channel_row(describe, "bias", ROLE_NORMALISATION).model->initialiser =
        *initialise_or(&options->shift_init, &initialise_zeros);
    return OK;
}

/* The work space of one sample. */
struct Work {
    double *first, *second;
    real *a, *b, *centre, *scale, *factor, *offset;
};
enum { WORK_BYTES = 2 * sizeof(double) + 6 * sizeof(real) };

static size_t work_bytes(int64_t channels) {
    return ((size_t)channels * WORK_BYTES + 63) & ~(size_t)63;
}

/* Work space: struct Work of each sample, then each sample's part of dγ and of dβ. Saved: mean and
 * v of every group of every sample. */
static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    const struct GroupnormOptions *options = operation->node->options;
    int64_t channels = operation->out.channels, samples = planning->samples[0];
    operation->needs.in_place = true;
    operation->needs.backward_in_place = true;
    operation->needs.input = planning->training;
    operation->needs.saved_bytes = (size_t)(samples * options->groups * 2) * sizeof(real);
    operation->needs.scratch_bytes =
        (size_t)samples * work_bytes(channels) + (size_t)(2 * samples * channels) * sizeof(real);
    return OK;
}

static struct Work work_of(const struct Call *call, int64_t sample) {
    int64_t channels = call->operation->out.channels;
    struct Work work;
    work.first = (double *)((char *)call->scratch + (size_t)sample * work_bytes(channels));
    work.second = work.first + channels;
    work.a = (real *)(work.second + channels);
    work.b = work.a + channels;
    work.centre = work.b + channels;
    work.scale = work.centre + channels;
    work.factor = work.scale + channels;
    work.offset = work.factor + channels;
    return work;
}

struct Groups {
    int64_t pixels, channels, groups, width; /* width: channels of a group */
    double count;                            /* values of a group */
};
static struct Groups groups_of(const struct Call *call) {
    const struct GroupnormOptions *options = call->operation->node->options;
    struct Shape out = call->operation->out;
    struct Groups groups = {.pixels = out.height * out.width,
                            .channels = out.channels,
                            .groups = options->groups,
                            .width = out.channels / options->groups};
    groups.count = (double)(groups.pixels * groups.width);
    return groups;
}

static double group_total(const struct Groups *g, int64_t group, const double *of_channel) {
    double sum = 0;
    for (int64_t c = group * g->width; c < (group + 1) * g->width; c++)
        sum += of_channel[c];
    return sum;
}

static void spread(const struct Groups *g, int64_t group, double value, real *to_channels) {
    for (int64_t c = group * g->width; c < (group + 1) * g->width; c++)
        to_channels[c] = (real)value;
}

/* first[c] = Σ (x − centre), or Σ (x − centre)² if `squares`, over the pixels. */
static void sum_powers(const struct Groups *g, bool squares, const real *x, const real *centre,
                       real *restrict part, double *restrict first) {
    for (int64_t c = 0; c < g->channels; c++)
        first[c] = 0;
    for (int64_t i = 0; i < channel_chunks(g->pixels); i++) {
        for (int64_t c = 0; c < g->channels; c++)
            part[c] = 0;
        for (int64_t p = channel_chunk_length(g->pixels, i); p > 0; p--, x += g->channels)
#pragma omp simd
            for (int64_t c = 0; c < g->channels; c++) {
                real far = x[c] - centre[c];
                part[c] += squares ? far * far : far;
            }
        for (int64_t c = 0; c < g->channels; c++)
            first[c] += (double)part[c];
    }
}

/* Mean and v of each group; leaves the mean in work.centre. */
static void find_statistics(const struct Groups *g, double epsilon, const real *x,
                            const struct Work *work, real *mean, real *inverse) {
    for (int64_t c = 0; c < g->channels; c++)
        work->centre[c] = 0;
    sum_powers(g, false, x, work->centre, work->a, work->first);
    for (int64_t j = 0; j < g->groups; j++) {
        mean[j] = (real)(group_total(g, j, work->first) / g->count);
        spread(g, j, (double)mean[j], work->centre);
    }
    sum_powers(g, true, x, work->centre, work->a, work->first);
    for (int64_t j = 0; j < g->groups; j++)
        inverse[j] = (real)(1 / sqrt(group_total(g, j, work->first) / g->count + epsilon));
}

static void forward_sample(const struct Call *call, const struct Groups *g, int64_t sample) {
    const struct GroupnormOptions *options = call->operation->node->options;
    const real *gamma = call_parameter(call, ROW_SCALE), *beta = call_parameter(call, ROW_SHIFT);
    const real *x = (const real *)call->input[0] + sample * g->pixels * g->channels;
    real *y = (real *)call->output + sample * g->pixels * g->channels;
    real *mean = (real *)call->saved + sample * 2 * g->groups, *inverse = mean + g->groups;
    struct Work work = work_of(call, sample);
    find_statistics(g, options->epsilon, x, &work, mean, inverse);
    for (int64_t c = 0; c < g->channels; c++)
        work.scale[c] = gamma[c] * inverse[c / g->width];
    for (int64_t p = 0; p < g->pixels; p++, x += g->channels, y += g->channels)
#pragma omp simd
        for (int64_t c = 0; c < g->channels; c++)
            y[c] = (x[c] - work.centre[c]) * work.scale[c] + beta[c];
}

static void forward(const struct Call *call) {
    struct Groups g = groups_of(call);
#pragma omp parallel for if (call->samples * g.pixels * g.channels >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        forward_sample(call, &g, i);
}

/* first[c] = Σ dy and second[c] = Σ dy · (x − centre) over the pixels. */
static void sum_gradients(const struct Groups *g, const real *x, const real *dy,
                          const struct Work *work) {
    real *restrict a = work->a, *restrict b = work->b;
    for (int64_t c = 0; c < g->channels; c++)
        work->first[c] = work->second[c] = 0;
    for (int64_t i = 0; i < channel_chunks(g->pixels); i++) {
        for (int64_t c = 0; c < g->channels; c++)
            a[c] = b[c] = 0;
        int64_t left = channel_chunk_length(g->pixels, i);
        for (; left > 0; left--, x += g->channels, dy += g->channels)
#pragma omp simd
            for (int64_t c = 0; c < g->channels; c++) {
                a[c] += dy[c];
                b[c] += dy[c] * (x[c] - work->centre[c]);
            }
        for (int64_t c = 0; c < g->channels; c++) {
            work->first[c] += (double)a[c];
            work->second[c] += (double)b[c];
        }
    }
}

/* Computes the sample's parts of dγ and dβ, and dx if it is wanted; dx may be the memory of dy. */
static void backward_sample(const struct Call *call, const struct Groups *g, int64_t sample,
                            real *dgamma, real *dbeta) {
    const real *gamma = call_parameter(call, ROW_SCALE);
    int64_t at = sample * g->pixels * g->channels;
    const real *x = (const real *)call->input[0] + at;
    const real *dy = (const real *)call->output_gradient + at;
    const real *mean = (const real *)call->saved + sample * 2 * g->groups;
    const real *inverse = mean + g->groups;
    struct Work work = work_of(call, sample);
    for (int64_t j = 0; j < g->groups; j++)
        spread(g, j, (double)mean[j], work.centre);
    sum_gradients(g, x, dy, &work);
    for (int64_t c = 0; c < g->channels; c++) {
        double v = (double)inverse[c / g->width];
        dbeta[c] = (real)work.first[c];
        dgamma[c] = (real)(work.second[c] * v);
        work.first[c] *= (double)gamma[c];
        work.second[c] *= (double)gamma[c];
        work.scale[c] = (real)((double)gamma[c] * v);
    }
    for (int64_t j = 0; j < g->groups; j++) {
        double v = (double)inverse[j];
        spread(g, j, -v * group_total(g, j, work.first) / g->count, work.offset);
        spread(g, j, -v * v * v * group_total(g, j, work.second) / g->count, work.factor);
    }
    if (!call->input_gradient[0])
        return;
    real *dx = (real *)call->input_gradient[0] + at;
    for (int64_t p = 0; p < g->pixels; p++, x += g->channels, dy += g->channels, dx += g->channels)
#pragma omp simd
        for (int64_t c = 0; c < g->channels; c++)
            dx[c] =
                dy[c] * work.scale[c] + ((x[c] - work.centre[c]) * work.factor[c] + work.offset[c]);
}

static void backward(const struct Call *call) {
    struct Groups g = groups_of(call);
    size_t work = (size_t)call->samples * work_bytes(g.channels);
    real *dgammas = (real *)((char *)call->scratch + work);
    real *dbetas = dgammas + call->samples * g.channels;
#pragma omp parallel for if (call->samples * g.pixels * g.channels >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        backward_sample(call, &g, i, dgammas + i * g.channels, dbetas + i * g.channels);
    channel_totals(call->samples, g.channels, dgammas, call_gradient(call, ROW_SCALE));
    channel_totals(call->samples, g.channels, dbetas, call_gradient(call, ROW_SHIFT));
}

const struct Layer KERNEL(layer_groupnorm) = {
    .kind = {"groupnorm",
             "group normalisation: each sample by itself, so small batches do not hurt and "
             "predicting is the same as training",
             keys, sizeof(struct GroupnormOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
