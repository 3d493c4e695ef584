/* A loss with options, and samples for it: for tests of losses. */
#ifndef TRAINER_TESTS_LOSSES_H
#define TRAINER_TESTS_LOSSES_H

#include "base/memory.h"
#include "base/random.h"
#include "nn/loss.h"
#include "runfile/runfile.h"

#include <math.h>
#include <string.h>

struct LossOptions {
    struct Choice loss;
};
static const struct Key loss_keys[] = {{"loss", KEY_CHOICE, offsetof(struct LossOptions, loss),
                                        .kinds = &loss_kinds, .help = "the loss"},
                                       KEY_END};

/* Weights of classes for a loss that asks for some; test_losses_torch.py has the same. */
static inline void weight_classes(const struct Choice *loss, int64_t outputs, double *weights) {
    for (int64_t k = 0; k < outputs; k++)
        weights[k] = 0.25 * (double)(1 + k * 5 % 7);
    if (loss_class_weights(loss))
        loss_set_weights(loss, weights);
}

/* `text` as in a run file: "{svm: {margin: 2}}". The file owns what *choice points at. */
static inline int parse_loss(const char *text, struct RunFile **file, struct Choice *choice,
                             struct Error *error) {
    struct LossOptions options = {0};
    char *whole = memory_print("loss: %s\n", text);
    int code = runfile_parse(file, "test", whole, NULL, 0, loss_keys, &options, error);
    memory_release(whole);
    *choice = options.loss;
    return code;
}

static const char *const target_kind_names[] = {"indices", "distributions",
                                                "values"}; /* enum TargetKind */

/* Scores that float holds exactly, and targets; (samples, outputs). */
static inline void fill_loss(uint64_t instance, enum TargetKind kind, int64_t samples,
                             int64_t outputs, double *scores, float *target) {
    struct RandomStream stream = random_stream(11, RANDOM_TEST, 0, 0, instance);
    random_normal(&stream, samples * outputs, scores);
    for (int64_t i = 0; i < samples * outputs; i++)
        scores[i] = (double)(float)(2 * scores[i]);
    stream = random_stream(11, RANDOM_TEST, 1, 0, instance);
    for (int64_t i = 0; i < samples; i++) {
        float *row = target + i * outputs;
        int label = random_below(random_word(&stream, (uint64_t)i), (uint32_t)outputs);
        double sum = 0;
        for (int64_t k = 0; k < outputs; k++) {
            float u = random_uniform(random_word(&stream, (uint64_t)(1000 + i * outputs + k)));
            row[k] = kind == TARGET_CLASSES  ? (float)(k == label)
                     : kind == TARGET_VALUES ? 6 * u - 3
                                             : u;
            sum += (double)row[k];
        }
        for (int64_t k = 0; kind == TARGET_DISTRIBUTIONS && k < outputs; k++)
            row[k] = (float)((double)row[k] / sum);
    }
}

#endif
