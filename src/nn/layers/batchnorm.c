/* Batch normalisation (Ioffe and Szegedy 2015), over every axis but the channels, with what follows
 * it fused in: the addition of a residual branch and a ReLU, or, in training, a ReLU and max
 * pooling (nn/pooled_norm.h):
 *
 *   y = [relu](γ · (x − mean) / sqrt(var + ε) + β [+ other])
 *
 * In training mean and variance are those of the shard or of the global batch, in inference the
 * running ones. In backward g is dy where the ReLU let x through, else 0; x̂ is the normalised x, n
 * the number of values of a channel, and all sums run over what the statistics are computed from:
 *
 *   dβ = Σ g        dγ = Σ g·x̂        d(other) = g
 *
 *   dx = γ / sqrt(var + ε) · (g − dβ/n − x̂·dγ/n)
 *
 * Each pass reads memory once (nn/lanes.h).
 *
 * `statistics: batch` (synchronised batch normalisation): each shard computes its own sums in the
 * first half of forward or backward; the second half adds those of all shards, in double and in the
 * order of the shards, so that the bits do not depend on the number of ranks. A shard counts by its
 * number of values. dγ and dβ stay the shard's own: they are added with all other gradients.
 *
 * `statistics: running` (a layer taken from a trained network): mean and variance are constants in
 * training too, so that dx = γ / sqrt(var + ε) · g, and stay as they are. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nn/batch_moments.h"
#include "nn/initialise.h"
#include "nn/lanes.h"
#include "nn/layer.h"
#include "nn/layer_options.h"
#include "nn/normalise.h"
#include "nn/pooled_norm.h"

static const char *const statistics_names[] = {"shard", "batch", "running", NULL};

#define OPTION(member) offsetof(struct BatchnormOptions, member)
static const struct Key keys[] = {
    {"momentum", KEY_REAL, OPTION(momentum), "0.1", .minimum = 0, .maximum = 1,
     .help = "running <- (1 - momentum) * running + momentum * batch, as in PyTorch"},
    NORMALISATION_KEYS(struct BatchnormOptions),
    {"statistics", KEY_ENUM, OPTION(statistics), "shard", .names = statistics_names,
     .help = "where training takes mean and variance from: shard: from each shard, as each worker "
             "does in data-parallel training; batch: from the global batch, over all ranks, for "
             "small shards; it keeps the activations of all shards of a rank; running: from the "
             "running ones, which do not change: for frozen layers of another network"},
    {"fold", KEY_BOOL, OPTION(fold), "true",
     .help = "when predicting, a convolution directly before does this layer's work with scaled "
             "weights and bias: the same scores up to rounding, faster"},
    KEY_END};

static void add_statistic(struct Describe *describe, const char *name,
                          const struct Choice *initialiser) {
    const struct BatchnormOptions *options = describe->node->options;
    struct Shape in = describe->node->in[0];
    struct ModelRow *row = describe__channel_row(describe, name, ROLE_STATISTIC).model;
    bool measured = options->statistics != STATISTICS_RUNNING;
    row->initialiser = *initialiser;
    row->momentum = measured ? options->momentum : 0;
    row->values = measured ? in.height * in.width : 0;
    row->of_batch = options->statistics == STATISTICS_BATCH;
}

static int describe(struct Describe *describe) {
    struct Node *node = describe->node;
    const struct BatchnormOptions *options = node->options;
    node->out = node->in[0];
    node->flops = 4.0 * (double)shape_elements(node->out);
    struct ModelRow *row = describe__channel_row(describe, "weight", ROLE_NORMALISATION).model;
    row->initialiser = *initialise_or(&options->scale_init, &initialise_ones);
    row = describe__channel_row(describe, "bias", ROLE_NORMALISATION).model;
    row->initialiser = *initialise_or(&options->shift_init, &initialise_zeros);
    add_statistic(describe, "running_mean", &initialise_zeros);
    add_statistic(describe, "running_var", &initialise_ones);
    return OK;
}

static const struct Node *fused_addition(const struct Operation *operation) {
    return operation_fused(operation, LAYER_IDENTITY(add));
}

static const struct Node *fused_relu(const struct Operation *operation) {
    return operation_fused(operation, LAYER_IDENTITY(relu));
}

static const struct Node *fused_pooling(const struct Operation *operation) {
    return operation_fused(operation, LAYER_IDENTITY(maxpool));
}

/* An addition, then a ReLU, or either of them alone; or a ReLU, then max pooling, or that alone. */
static bool fuses(const struct Operation *operation, const struct Node *next) {
    if (fused_pooling(operation))
        return false;
    if (next->layer == LAYER_IDENTITY(maxpool))
        return operation->training && !fused_addition(operation) &&
               pooled_norm_serves(next->options, next->in[0]);
    if (fused_relu(operation))
        return false;
    if (next->layer == LAYER_IDENTITY(relu))
        return true;
    return next->layer == LAYER_IDENTITY(add) && next->input_count == 2 &&
           next->inputs[0] != next->inputs[1] && !fused_addition(operation);
}

static bool defers(const struct Operation *operation) {
    return operation->training && !fused_addition(operation) && !fused_pooling(operation);
}

static bool over_batch(const struct Operation *operation) {
    return statistics_of(operation) == STATISTICS_BATCH;
}

/* A single value is its own mean and becomes 0 whatever it was. Only a short last batch may have
 * one. */
static int check_values(const struct Planning *planning) {
    const struct Node *node = planning->operation->node;
    bool batch = over_batch(planning->operation);
    int64_t values = planning->samples[0] * node->in[0].height * node->in[0].width;
    if (batch)
        values *= planning->shards;
    if (!planning->training || values >= 2 ||
        statistics_of(planning->operation) == STATISTICS_RUNNING)
        return OK;
    return schema_fail(planning->error, node->choice, NULL,
                       "layer %s (batchnorm): a %s has one value a channel here, which would "
                       "become 0: expected a larger batch%s",
                       node->path, batch ? "batch" : "shard",
                       batch ? "" : ", fewer shards or statistics: batch");
}

/* Adds a scale and a shift for each channel to what forward saves. */
static void leave(struct Operation *operation, int64_t channels, bool relu) {
    size_t bytes = (size_t)channels * sizeof(real);
    operation->needs.left.scale = operation->needs.saved_bytes;
    operation->needs.left.shift = operation->needs.saved_bytes + bytes;
    operation->needs.left.relu = relu;
    operation->needs.saved_bytes += 2 * bytes;
}

static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    int code = check_values(planning);
    if (code)
        return code;
    struct Shape shape = operation->in[0];
    struct Lanes lanes = lanes_of(shape.channels);
    bool adds = fused_addition(operation), relu = fused_relu(operation);
    bool pools = fused_pooling(operation);
    int64_t elements = LANE_ARRAYS * lanes.width;
    if (planning->training) {
        int64_t pixels = planning->samples[0] * shape.height * shape.width;
        elements += 2 * chunk_count(pixels) * lanes.channels;
        operation->needs.saved_bytes = (size_t)(2 * lanes.channels) * sizeof(real);
        if (pools) /* the winners' x and numbers */
            operation->needs.saved_bytes +=
                (size_t)(planning->samples[0] * shape_elements(operation->out)) *
                (sizeof(element) + 1);
        operation->needs.partial_values =
            over_batch(operation) ? partial_values(lanes.channels) : 0;
        if (operation->deferred)
            leave(operation, lanes.channels, relu);
    }
    operation->needs.scratch_bytes = (size_t)elements * sizeof(real);
    operation->needs.input = planning->training;
    operation->needs.output = planning->training && adds && relu;
    operation->needs.in_place = !planning->training;
    operation->needs.backward_in_place = !pools;
    return OK;
}

/* Saves mean and 1 / sqrt(var + ε) for backward, and writes this shard's part of the running
 * statistics, with the unbiased variance as in PyTorch. A single value has none: its shard has no
 * part, and model_measured says so. */
static void find_statistics(const struct Call *call, struct Lanes lanes, int64_t pixels) {
    const struct BatchnormOptions *options = call->operation->node->options;
    int64_t channels = lanes.channels;
    real *saved_mean = call->saved, *saved_inverse = saved_mean + channels;
    if (options->statistics == STATISTICS_SHARD)
        sum_shard(call, lanes, pixels, saved_mean);
    bool constant = options->statistics == STATISTICS_RUNNING;
    double weight = (double)call->samples / (double)call->batch;
    real *part_mean = call->gradients ? call_gradient(call, BATCHNORM_MEAN) : NULL;
    real *part_variance = call->gradients ? call_gradient(call, BATCHNORM_VARIANCE) : NULL;
    for (int64_t c = 0; c < channels; c++) {
        struct Moments m = moments_of(call, lanes, pixels, c);
        bool measured = constant || m.n > 1;
        double unbiased = m.n > 1 ? m.n / (m.n - 1) : 1;
        saved_mean[c] = (real)m.mean;
        saved_inverse[c] = (real)(1 / sqrt(m.variance + options->epsilon));
        if (part_mean) {
            part_mean[c] = measured ? (real)(weight * m.mean) : 0;
            part_variance[c] = measured ? (real)(weight * m.variance * unbiased) : 0;
        }
    }
}

/* y = x · scale + shift at every lane, from the shard's statistics or the running ones. */
static void find_scale_and_shift(const struct Call *call, struct Lanes lanes) {
    const struct BatchnormOptions *options = call->operation->node->options;
    const real *gamma = call_parameter(call, BATCHNORM_SCALE),
               *beta = call_parameter(call, BATCHNORM_SHIFT);
    const real *mean = call_parameter(call, BATCHNORM_MEAN);
    const real *variance = call_parameter(call, BATCHNORM_VARIANCE);
    const real *saved_mean = call->saved, *saved_inverse = saved_mean + lanes.channels;
    real *scale = lane_array(call, lanes, LANES_SCALE);
    real *shift = lane_array(call, lanes, LANES_SHIFT);
    for (int64_t c = 0; c < lanes.channels; c++) {
        double m = call->training ? (double)saved_mean[c] : (double)mean[c];
        double inverse = call->training ? (double)saved_inverse[c]
                                        : 1 / sqrt((double)variance[c] + options->epsilon);
        double factor = (double)gamma[c] * inverse;
        scale[c] = (real)factor;
        shift[c] = (real)((double)beta[c] - m * factor);
    }
    for (int64_t l = lanes.channels; l < lanes.width; l++) {
        scale[l] = scale[l - lanes.channels];
        shift[l] = shift[l - lanes.channels];
    }
}

static int64_t pixels_of(const struct Call *call) {
    return call->samples * call->operation->in[0].height * call->operation->in[0].width;
}

static void forward_partial(const struct Call *call) {
    struct Lanes lanes = lanes_of(call->operation->in[0].channels);
    int64_t pixels = pixels_of(call), channels = lanes.channels;
    double *means = call->partials.own + PARTIAL_MEANS;
    sum_shard(call, lanes, pixels, call->saved);
    call->partials.own[PARTIAL_COUNT] = (double)pixels;
    for (int64_t c = 0; c < channels; c++) {
        struct Moments m = shard_moments(call, lanes, pixels, c);
        means[c] = m.mean;
        means[channels + c] = m.n * m.variance;
    }
}

/* For an operation with fused pooling, after find_scale_and_shift. */
static struct PooledNorm pooled_norm(const struct Call *call, struct Lanes lanes) {
    const struct Operation *operation = call->operation;
    const struct PoolingOptions *options = fused_pooling(operation)->options;
    struct Shape in = operation->in[0];
    element *largest = (element *)(void *)((real *)call->saved + 2 * lanes.channels);
    return (struct PooledNorm){
        .lanes = lanes,
        .kernel = options->kernel,
        .height = in.height,
        .width = in.width,
        .relu = fused_relu(operation),
        .x = call->input[0],
        .scale = lane_array(call, lanes, LANES_SCALE),
        .shift = lane_array(call, lanes, LANES_SHIFT),
        .y = call->output,
        .largest = largest,
        .winner = (uint8_t *)(largest + call->samples * shape_elements(operation->out)),
        .dy = call->output_gradient,
        .centre = lane_array(call, lanes, LANES_CENTRE),
        .factor = lane_array(call, lanes, LANES_FACTOR),
        .offset = lane_array(call, lanes, LANES_OFFSET),
        .dx = call->input_gradient[0]};
}

static void forward(const struct Call *call) {
    const struct Operation *operation = call->operation;
    struct Lanes lanes = lanes_of(operation->in[0].channels);
    int64_t pixels = pixels_of(call);
    if (call->training)
        find_statistics(call, lanes, pixels);
    find_scale_and_shift(call, lanes);
    if (operation->deferred) {
        size_t size = (size_t)lanes.channels * sizeof(real);
        char *saved = call->saved;
        memcpy(saved + operation->needs.left.scale, lane_array(call, lanes, LANES_SCALE), size);
        memcpy(saved + operation->needs.left.shift, lane_array(call, lanes, LANES_SHIFT), size);
        return;
    }
    if (fused_pooling(operation)) {
        const struct PooledNorm p = pooled_norm(call, lanes);
        pooled_forward(&p, call->samples);
        return;
    }
    int64_t bytes = pixels * lanes.channels * (int64_t)sizeof(element);
    const struct Normalise n = {.width = lanes.width,
                                .x = call->input[0],
                                .other = call->input[1],
                                .scale = lane_array(call, lanes, LANES_SCALE),
                                .shift = lane_array(call, lanes, LANES_SHIFT),
                                .y = call->output,
                                .adds = fused_addition(operation),
                                .relu = fused_relu(operation),
                                .stream = call->training && bytes >= STREAM_BYTES};
#pragma omp parallel for if (pixels * lanes.channels >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < chunk_count(pixels); i++)
        normalise_chunk(&n, piece_of(i, pixels, lanes.channels));
}

/* For one channel: Σ g and Σ g·(x − mean). */
struct GradientSums {
    double first, second;
};

static struct GradientSums shard_gradient_sums(const struct Call *call, struct Lanes lanes,
                                               int64_t pixels, int64_t channel) {
    struct GradientSums s;
    total(chunk_sums(call, lanes), chunk_count(pixels), lanes.channels, channel, &s.first,
          &s.second);
    return s;
}

static struct GradientSums batch_gradient_sums(const struct Call *call, int64_t channels,
                                               int64_t channel) {
    int64_t values = partial_values(channels);
    struct GradientSums s = {0};
    for (int64_t i = channel; i < call->partials.shards * values; i += values) {
        s.first += call->partials.all[i];
        s.second += call->partials.all[channels + i];
    }
    return s;
}

/* Computes dγ and dβ from the shard's sums, and for every lane what dx needs of the sums over all
 * values that the statistics are computed from. */
static void finish_sums(const struct Call *call, struct Lanes lanes, int64_t pixels) {
    const real *saved_inverse = (const real *)call->saved + lanes.channels;
    const real *scale = lane_array(call, lanes, LANES_SCALE);
    real *factor = lane_array(call, lanes, LANES_FACTOR);
    real *offset = lane_array(call, lanes, LANES_OFFSET);
    real *dgamma = call_gradient(call, BATCHNORM_SCALE),
         *dbeta = call_gradient(call, BATCHNORM_SHIFT);
    bool batch = over_batch(call->operation);
    bool constant = statistics_of(call->operation) == STATISTICS_RUNNING;
    double n = (double)(batch ? pixels / call->samples * call->batch : pixels);
    for (int64_t c = 0; c < lanes.channels; c++) {
        struct GradientSums own, all;
        if (batch) {
            own = (struct GradientSums){call->partials.own[c],
                                        call->partials.own[lanes.channels + c]};
            all = batch_gradient_sums(call, lanes.channels, c);
        } else {
            own = all = shard_gradient_sums(call, lanes, pixels, c);
        }
        double inverse = (double)saved_inverse[c];
        if (constant)
            all = (struct GradientSums){0};
        dbeta[c] = (real)own.first;
        dgamma[c] = (real)(own.second * inverse);
        factor[c] = (real)(-(double)scale[c] * inverse * inverse * all.second / n);
        offset[c] = (real)(-(double)scale[c] * all.first / n);
    }
    for (int64_t l = lanes.channels; l < lanes.width; l++) {
        factor[l] = factor[l - lanes.channels];
        offset[l] = offset[l - lanes.channels];
    }
}

/* What the loops of backward need. If an addition and a ReLU are fused, the sums keep g in the
 * gradient of the other branch. */
struct Backward {
    struct Sums s;
    enum Gate gate;
    bool keep;
};

static struct Backward begin_backward(const struct Call *call, struct Lanes lanes) {
    const struct Operation *operation = call->operation;
    bool adds = fused_addition(operation), relu = fused_relu(operation);
    element *other_gradient = adds ? call->input_gradient[1] : NULL;
    real *centre = lane_array(call, lanes, LANES_CENTRE);
    find_scale_and_shift(call, lanes);
    spread(lanes, call->saved, centre);
    return (struct Backward){.s = {.lanes = lanes,
                                   .x = call->input[0],
                                   .dy = call->output_gradient,
                                   .y = call->output,
                                   .centre = centre,
                                   .scale = lane_array(call, lanes, LANES_SCALE),
                                   .shift = lane_array(call, lanes, LANES_SHIFT),
                                   .g = other_gradient},
                             .gate = !relu  ? GATE_OPEN
                                     : adds ? GATE_OUTPUT
                                            : GATE_INPUT,
                             .keep = relu && other_gradient};
}

static void sum_gradients(const struct Call *call, const struct Backward *pass, int64_t pixels) {
    sum_function *sum = pass->keep                  ? sum_and_keep
                        : pass->gate == GATE_OUTPUT ? sum_gated_by_output
                        : pass->gate == GATE_INPUT  ? sum_gated_by_input
                                                    : sum_open;
    if (fused_pooling(call->operation)) {
        const struct PooledNorm p = pooled_norm(call, pass->s.lanes);
        pooled_sums(&p, pixels, chunk_sums(call, pass->s.lanes));
        return;
    }
    sum_all(&pass->s, sum, pixels, chunk_sums(call, pass->s.lanes));
}

static void backward_partial(const struct Call *call) {
    struct Lanes lanes = lanes_of(call->operation->in[0].channels);
    int64_t pixels = pixels_of(call);
    struct Backward pass = begin_backward(call, lanes);
    sum_gradients(call, &pass, pixels);
    for (int64_t c = 0; c < lanes.channels; c++) {
        struct GradientSums s = shard_gradient_sums(call, lanes, pixels, c);
        call->partials.own[c] = s.first;
        call->partials.own[lanes.channels + c] = s.second;
    }
}

static void backward(const struct Call *call) {
    struct Lanes lanes = lanes_of(call->operation->in[0].channels);
    int64_t pixels = pixels_of(call);
    struct Backward pass = begin_backward(call, lanes);
    if (!over_batch(call->operation))
        sum_gradients(call, &pass, pixels);
    finish_sums(call, lanes, pixels);
    if (pass.keep) { /* g is there already */
        pass.s.dy = pass.s.g;
        pass.gate = GATE_OPEN;
    } else if (pass.s.g) {
        memcpy(pass.s.g, pass.s.dy, (size_t)(pixels * lanes.channels) * sizeof(element));
    }
    if (!call->input_gradient[0])
        return;
    if (fused_pooling(call->operation)) {
        const struct PooledNorm p = pooled_norm(call, lanes);
        pooled_input_gradient(&p, pixels);
        return;
    }
    const struct InputGradient p = {.s = pass.s,
                                    .factor = lane_array(call, lanes, LANES_FACTOR),
                                    .offset = lane_array(call, lanes, LANES_OFFSET),
                                    .dx = call->input_gradient[0]};
#pragma omp parallel for if (pixels * lanes.channels >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < chunk_count(pixels); i++)
        input_gradient_chunk(pass.gate, &p, piece_of(i, pixels, lanes.channels));
}

const struct Layer KERNEL(layer_batchnorm) = {
    .kind = {"batchnorm",
             "batch normalisation: unit Gaussian activations, so that networks train at higher "
             "rates and from most initial weights; put it after conv or linear and before the "
             "activation; also regularises a little",
             keys, sizeof(struct BatchnormOptions)},
    .describe = describe,
    .plan = plan,
    .fuses = fuses,
    .defers = defers,
    .forward_partial = forward_partial,
    .forward = forward,
    .backward_partial = backward_partial,
    .backward = backward,
};
