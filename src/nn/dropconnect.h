/* DropConnect (Wan et al. 2013) for the layers with weights: in training each weight is zeroed with
 * probability `rate` and the others scaled by 1 / (1 − rate), so that predicting uses them as they
 * are. Each step draws one mask for all samples of the batch (the paper draws one for each sample):
 * it is a function of seed, node, step and weight, so all shards and ranks have the same, and it
 * costs one pass over the weights. Biases are not dropped. For kernel files inside nn/. */
#ifndef TRAINER_NN_DROPCONNECT_H
#define TRAINER_NN_DROPCONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "nn/layer.h"
#include "nn/mask.h"

/* The key in a layer's table; its options struct has a `double dropconnect`. */
#define DROPCONNECT_KEY(options)                                                                   \
    {                                                                                              \
        "dropconnect", KEY_REAL, offsetof(options, dropconnect), "0",                              \
            .minimum = 0, .maximum = 1, .without_regularisation = "0",                             \
            .help = "the probability that a weight is dropped for a step of training; below 1"     \
    }

static inline int dropconnect_describe(struct Describe *describe, double rate) {
    if (rate >= 1)
        return describe__fail(describe, "dropconnect", "1 would drop every weight; expected less");
    return OK;
}

/* A layer's weights under the current mask; part of its state. */
struct Dropconnect {
    double rate; /* 0: nothing is dropped */
    int64_t count;
    bool made;
    uint64_t seed, step; /* of the mask */
    void *weights;       /* masked and scaled */
    uint8_t *kept;
};

#ifdef KERNEL_SUFFIX
/* For row 0 of the operation. */
static inline struct Dropconnect dropconnect_create(const struct Planning *planning, double rate) {
    if (rate <= 0 || !planning->stochastic)
        return (struct Dropconnect){0};
    int64_t count = planning->operation->rows[0].count;
    return (struct Dropconnect){.rate = rate,
                                .count = count,
                                .weights = memory_array(real, count, "dropped weights"),
                                .kept = memory_array(uint8_t, count, "dropped weights")};
}

static inline void dropconnect_release(struct Dropconnect *drop) {
    memory_release(drop->weights);
    memory_release(drop->kept);
}

static inline void dropconnect_group(const struct Dropconnect *drop,
                                     const struct RandomStream *stream, int64_t group,
                                     const real *weights) {
    uint32_t words[MASK_GROUP], threshold = mask_threshold(drop->rate);
    int64_t begin = group * MASK_GROUP;
    int64_t length = drop->count - begin < MASK_GROUP ? drop->count - begin : MASK_GROUP;
    real scale = (real)(1 / (1 - drop->rate)), *dropped = (real *)drop->weights + begin;
    mask_words(stream, (uint32_t)group, words);
#pragma omp simd
    for (int64_t i = 0; i < length; i++) {
        uint8_t keep = words[i] >= threshold;
        drop->kept[begin + i] = keep;
        dropped[i] = keep ? weights[begin + i] * scale : 0;
    }
}

/* Called by forward: makes the weights for this seed and step unless they exist already. Returns
 * whether it made them. */
static inline bool dropconnect_make(struct Dropconnect *drop, const struct Call *call) {
    if (drop->made && drop->seed == call->seed && drop->step == call->step)
        return false;
    /* The stream of place 0 in the batch, whichever shard this is. */
    struct RandomStream stream = call_stream(call, -call->first);
    const real *weights = call_parameter(call, 0);
    int64_t groups = (drop->count + MASK_GROUP - 1) / MASK_GROUP;
#pragma omp parallel for if (drop->count >= 65536)
    for (int64_t group = 0; group < groups; group++)
        dropconnect_group(drop, &stream, group, weights);
    drop->made = true;
    drop->seed = call->seed;
    drop->step = call->step;
    return true;
}

/* For layer->prepare: whether it prepares weights. Dropped ones are prepared by forward, which
 * knows the step, and for a backward that has its turn. */
static inline bool dropconnect_prepares(struct Dropconnect *drop, unsigned passes) {
    if (passes & PASS_BIT(FORWARD))
        drop->made = false;
    return drop->rate == 0 || !(passes & PASS_BIT(FORWARD));
}

/* The passes that forward prepares dropped weights for. */
static inline unsigned dropconnect_passes(const struct Call *call) {
    return call->operation->in_turn ? PASS_BIT(FORWARD) : EVERY_PASS;
}

/* Turns the gradient of the masked weights into that of the weights. */
static inline void dropconnect_backward(const struct Dropconnect *drop, real *gradient) {
    real scale = (real)(1 / (1 - drop->rate));
#pragma omp simd
    for (int64_t i = 0; i < drop->count; i++)
        gradient[i] = drop->kept[i] ? gradient[i] * scale : 0;
}
#endif

#endif
