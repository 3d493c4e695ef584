/* Inverted dropout (Srivastava et al. 2014): each element is zeroed with probability `rate`, the
 * others are scaled by 1 / (1 − rate), so that nothing is left to do when predicting.
 *
 * The mask is a function of seed, node, step, place of the sample in the global batch, and element:
 * no rank, thread or shard enters. 16 Philox blocks are computed side by side, so that they
 * vectorise; element 16·k + j of a group of 64 is word k of its block j. */
#include <stddef.h>

#include "nn/layer.h"

#define LANES 16
#define GROUP (4 * LANES) /* elements from one call of random_group */
#define PARALLEL_ELEMENTS 16384

struct DropoutOptions {
    double rate;
};

static const struct Key keys[] = {{"rate", KEY_REAL, offsetof(struct DropoutOptions, rate), "0.5",
                                   .minimum = 0, .maximum = 1,
                                   .help = "the probability that an element is dropped; below 1"},
                                  KEY_END};

static int describe(struct Describe *describe) {
    const struct DropoutOptions *options = describe->node->options;
    if (options->rate >= 1)
        return describe_fail(describe, "rate", "1 would drop everything; expected less");
    describe->node->out = describe->node->in[0];
    describe->node->flops = (double)shape_elements(describe->node->out);
    return OK;
}

static int plan(struct Planning *planning) {
    struct Operation *operation = planning->operation;
    operation->in_place = true;
    operation->backward_in_place = true;
    if (planning->training)
        operation->saved_bytes = (size_t)(planning->samples[0] * shape_elements(operation->out));
    return OK;
}

/* 16 consecutive blocks of the stream, word by word: random_block() on all lanes at once. */
static void random_group(const struct RandomStream *stream, uint32_t group,
                         uint32_t *restrict words) {
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    for (int j = 0; j < LANES; j++) {
        c0[j] = group * LANES + (uint32_t)j;
        c1[j] = stream->counter[0];
        c2[j] = stream->counter[1];
        c3[j] = stream->counter[2];
    }
    uint32_t k0 = stream->key[0], k1 = stream->key[1];
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (int j = 0; j < LANES; j++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[j], p1 = (uint64_t)0xCD9E8D57u * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c1[j] = (uint32_t)p1;
            c3[j] = (uint32_t)p0;
        }
    for (int j = 0; j < LANES; j++) {
        words[0 * LANES + j] = c0[j];
        words[1 * LANES + j] = c1[j];
        words[2 * LANES + j] = c2[j];
        words[3 * LANES + j] = c3[j];
    }
}

/* Elements begin … begin+GROUP−1 of a sample, or as many as there are. */
static void drop_group(const struct RandomStream *stream, int64_t begin, int64_t elements,
                       uint32_t threshold, real scale, const real *x, real *y, uint8_t *kept) {
    uint32_t words[GROUP];
    random_group(stream, (uint32_t)(begin / GROUP), words);
    int64_t count = elements - begin < GROUP ? elements - begin : GROUP;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        uint8_t keep = words[i] >= threshold;
        kept[begin + i] = keep;
        y[begin + i] = keep ? x[begin + i] * scale : 0;
    }
}

static real scale_of(const struct Call *call) {
    const struct DropoutOptions *options = call->operation->node->options;
    return (real)(1 / (1 - options->rate));
}

static void forward(const struct Call *call) {
    const struct DropoutOptions *options = call->operation->node->options;
    int64_t elements = shape_elements(call->operation->out);
    uint32_t threshold = (uint32_t)(options->rate * 0x1p32);
    uint32_t node = (uint32_t)call->operation->node->index;
    real scale = scale_of(call);
#pragma omp parallel for if (call->samples * elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++) {
        struct RandomStream stream = random_stream(call->seed, RANDOM_DROPOUT, node, call->step,
                                                   (uint64_t)(call->first + i));
        for (int64_t begin = 0; begin < elements; begin += GROUP)
            drop_group(&stream, begin, elements, threshold, scale,
                       (const real *)call->input[0] + i * elements,
                       (real *)call->output + i * elements, (uint8_t *)call->saved + i * elements);
    }
}

static void backward_sample(int64_t elements, real scale, const uint8_t *kept, const real *dy,
                            real *dx) {
#pragma omp simd
    for (int64_t e = 0; e < elements; e++)
        dx[e] = kept[e] ? dy[e] * scale : 0;
}

static void backward(const struct Call *call) {
    int64_t elements = shape_elements(call->operation->out);
    real scale = scale_of(call);
    if (!call->input_gradient[0])
        return;
#pragma omp parallel for if (call->samples * elements >= PARALLEL_ELEMENTS)
    for (int64_t i = 0; i < call->samples; i++)
        backward_sample(elements, scale, (const uint8_t *)call->saved + i * elements,
                        (const real *)call->output_gradient + i * elements,
                        (real *)call->input_gradient[0] + i * elements);
}

const struct Layer KERNEL(layer_dropout) = {
    .kind = {"dropout",
             "zeroes a random part of the features in training: no feature can lean on another; "
             "like training an ensemble that shares its weights",
             keys, sizeof(struct DropoutOptions)},
    .describe = describe,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .training_only = true,
};
