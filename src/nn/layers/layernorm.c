/* Layer normalisation (Ba et al. 2016): each sample is normalised over all its values, an image's
 * channels and pixels or a row of features, in training and inference alike; every value has a
 * scale and a shift of its own, as in PyTorch's LayerNorm((C, H, W)) and LayerNorm(features). With
 * n values in a sample, and dβ and dγ summed over the samples:
 *
 *   y = γ · x̂ + β,  x̂ = (x − mean) · v,  v = 1 / sqrt(var + ε)
 *
 *   dβ = Σ dy,  dγ = Σ dy · x̂,  dx = v · (γ dy − (Σ γ dy)/n − x̂ · (Σ γ dy x̂)/n) */
#include <math.h>
#include <stddef.h>

#include "nn/initialise.h"
#include "nn/layer.h"

#define PIECE 1024 /* values whose dγ and dβ one thread computes at a time */

struct LayernormOptions {
    double epsilon;
    struct Choice scale_init, shift_init;
};

static const struct Key keys[] = {NORMALISATION_KEYS(struct LayernormOptions), KEY_END};

enum { ROW_SCALE, ROW_SHIFT };

/* A row with a value for each input: of an image, (H,W,C) in memory and (C,H,W) in a file. */
static struct LayoutRow describe_value_row(struct Describe *describe, const char *name) {
    struct Shape in = describe->node->in[0];
    if (in.height == 1 && in.width == 1)
        return describe__channel_row(describe, name, ROLE_NORMALISATION);
    const int64_t size[] = {in.height, in.width, in.channels};
    struct LayoutRow row = describe__row(describe, name, ROLE_NORMALISATION, 3, size);
    for (int i = 0; i < 3; i++) {
        row.arena->order[i] = (int[]){2, 0, 1}[i];
        row.arena->file_size[i] = size[row.arena->order[i]];
    }
    return row;
}

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct LayernormOptions *options = node->options;
    if (shape_elements(node->in[0]) == 1)
        return describe__fail(describe, NULL,
                              "a sample has one value here, which would become 0: expected more");
    node->out = node->in[0];
    node->flops = 8.0 * (double)shape_elements(node->out);
    describe_value_row(describe, "weight").model->initialiser =
        *initialise_or(&options->scale_init, &initialise_ones);
    describe_value_row(describe, "bias").model->initialiser =
        *initialise_or(&options->shift_init, &initialise_zeros);
    return OK;
}

/* Saved: mean and v of every sample. */
static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    operation->needs.in_place = true;
    operation->needs.backward_in_place = true;
    operation->needs.input = planning->training;
    operation->needs.saved_bytes = (size_t)(2 * planning->samples[0]) * sizeof(real);
    return OK;
}

static void forward_sample(const struct Call *call, int64_t n, const real *x, real *y,
                           real *statistics) {
    const struct LayernormOptions *options = call->operation->node->options;
    const real *gamma = call_parameter(call, ROW_SCALE), *beta = call_parameter(call, ROW_SHIFT);
    double sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i];
    double mean = sum / (double)n;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < n; i++)
        squares += ((double)x[i] - mean) * ((double)x[i] - mean);
    real centre = (real)mean, v = (real)(1 / sqrt(squares / (double)n + options->epsilon));
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - centre) * v * gamma[i] + beta[i];
    statistics[0] = centre;
    statistics[1] = v;
}

static void forward(const struct Call *call) {
    int64_t n = shape_elements(call->operation->out);
#pragma omp parallel for if (call->samples * n >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        forward_sample(call, n, (const real *)call->input[0] + i * n, (real *)call->output + i * n,
                       (real *)call->saved + 2 * i);
}

/* dγ and dβ of the values first … first+count−1, summed over the samples in their order. */
static void parameter_gradients(const struct Call *call, int64_t n, int64_t first, int64_t count) {
    const real *x = (const real *)call->input[0] + first;
    const real *dy = (const real *)call->output_gradient + first, *statistics = call->saved;
    real *dgamma = call_gradient(call, ROW_SCALE) + first;
    real *dbeta = call_gradient(call, ROW_SHIFT) + first;
    double gammas[PIECE] = {0}, betas[PIECE] = {0};
    for (int64_t i = 0; i < call->samples; i++, x += n, dy += n) {
        real centre = statistics[2 * i], v = statistics[2 * i + 1];
#pragma omp simd
        for (int64_t j = 0; j < count; j++) {
            gammas[j] += (double)(dy[j] * ((x[j] - centre) * v));
            betas[j] += (double)dy[j];
        }
    }
    for (int64_t j = 0; j < count; j++) {
        dgamma[j] = (real)gammas[j];
        dbeta[j] = (real)betas[j];
    }
}

/* dx may be the memory of dy. */
static void input_gradient(const struct Call *call, int64_t n, int64_t sample) {
    const real *gamma = call_parameter(call, ROW_SCALE);
    const real *x = (const real *)call->input[0] + sample * n;
    const real *dy = (const real *)call->output_gradient + sample * n;
    real *dx = (real *)call->input_gradient[0] + sample * n;
    real centre = ((const real *)call->saved)[2 * sample];
    real v = ((const real *)call->saved)[2 * sample + 1];
    double plain = 0, along = 0;
#pragma omp simd reduction(+ : plain, along)
    for (int64_t i = 0; i < n; i++) {
        real g = gamma[i] * dy[i];
        plain += (double)g;
        along += (double)(g * ((x[i] - centre) * v));
    }
    real offset = (real)(plain / (double)n), factor = (real)(along / (double)n);
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dx[i] = v * (gamma[i] * dy[i] - offset - (x[i] - centre) * v * factor);
}

static void backward(const struct Call *call) {
    int64_t n = shape_elements(call->operation->out);
#pragma omp parallel for if (call->samples * n >= PARALLEL_ELEMENTS)
    for (int64_t first = 0; first < n; first += PIECE)
        parameter_gradients(call, n, first, n - first < PIECE ? n - first : PIECE);
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (call->samples * n >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        input_gradient(call, n, i);
}

const struct Layer KERNEL(layer_layernorm) = {
    .kind = {"layernorm",
             "layer normalisation over all of a sample: no batch needed, predicting is the same as "
             "training; for features rather than images",
             keys, sizeof(struct LayernormOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
};
