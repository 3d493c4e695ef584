#include "run/weights.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/float32.h"
#include "base/memory.h"
#include "base/weights.h"
#include "nn/loss.h"

static const char key[] = "class_weights";

static int parse(const struct WeightsRequest *request, const struct Strings *given,
                 struct ClassWeights *weights, struct Error *error) {
    const struct Choice *loss = &request->options->loss;
    const struct Dataset *dataset = request->dataset;
    double sum = 0;
    if (given->count != dataset->targets.count)
        return schema_fail(error, loss, key,
                           "has %d number%s, %s has %" PRId64 " classes; expected one for each, or "
                           "balanced",
                           given->count, given->count == 1 ? "" : "s", dataset->path,
                           dataset->targets.count);
    weights->count = given->count;
    weights->values = memory_array(double, weights->count, "weights of classes");
    for (int i = 0; i < given->count; i++) {
        char *end;
        double value = strtod(given->values[i], &end);
        bool number = end != given->values[i] && !*end && value >= 0 && value <= WEIGHT_MOST;
        const char *unfit = number ? float32_unfit(value) : NULL;
        if (!number || unfit)
            return schema_fail(error, loss, key,
                               "'%.60s' is not a weight%s%s%s; expected balanced, or for each "
                               "class a number from 0 to %g",
                               given->values[i], unfit ? " (" : "", unfit ? unfit : "",
                               unfit ? ")" : "", WEIGHT_MOST);
        weights->values[i] = value;
        sum += value;
    }
    return sum > 0 ? OK : schema_fail(error, loss, key, "are all 0: there is nothing to learn");
}

static int restore(const struct WeightsRequest *request, struct ClassWeights *weights,
                   struct Error *error) {
    const struct CheckpointPart part = {.value = weights, .group = &class_weights_saved};
    int code = checkpoint_get_parts(request->resumed, &part, 1, error);
    if (!code && weights->count && weights->count != request->dataset->targets.count)
        code = fail(error, ERROR_CHECKPOINT,
                    "%s:/class_weights: has %" PRId64 " numbers, expected %" PRId64
                    ": one for each class",
                    request->resumed->path, weights->count, request->dataset->targets.count);
    return code;
}

static int find_weights(const struct WeightsRequest *request, struct ClassWeights *weights,
                        struct Error *error) {
    const struct Choice *choice = &request->options->loss;
    const struct Loss *loss = (const struct Loss *)choice->kind;
    const struct Strings *given = loss_class_weights(choice);
    int code = OK;
    if (!given)
        return OK;
    if (request->resumed)
        code = restore(request, weights, error);
    if (code || weights->count)
        return code;
    if (given->count == 1 && !strcmp(given->values[0], "balanced"))
        class_weights_balance(weights, request->dataset, request->train,
                              loss->prediction == PREDICTION_SIGMOIDS);
    else
        code = parse(request, given, weights, error);
    return code;
}

static int check_sampling(const struct WeightsRequest *request, struct Error *error) {
    static const char sampling[] = "train.sampling";
    const struct RunOptions *options = request->options;
    if (options->train.sampling != SAMPLING_BALANCED)
        return OK;
    if (!request->train->labels)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, sampling,
                            "balanced needs one class for each sample; the targets of %s are %s",
                            request->dataset->path,
                            targets_are_values(&request->dataset->targets) ? "values"
                                                                           : "sets of classes");
    if (!options->train.shuffle)
        return runfile_fail(request->file, error, ERROR_RUN_FILE, sampling,
                            "balanced draws the order of an epoch, and train.shuffle is false");
    return OK;
}

/* Refuses weights that are all 0, because nothing would be trained. */
static int check_samples(const struct WeightsRequest *request, struct Error *error) {
    const struct Split *train = request->train;
    double sum = 0;
    for (int64_t i = 0; train->weights && i < train->count; i++)
        sum += (double)train->weights[i];
    if (!train->weights || sum > 0)
        return OK;
    return fail(error, ERROR_DATA, "%s, split %s: the weights of all samples are 0",
                request->dataset->path, train->name);
}

int run__settle_weights(const struct WeightsRequest *request, struct ClassWeights *weights,
                        struct Error *error) {
    int code = check_sampling(request, error);
    if (!code)
        code = check_samples(request, error);
    if (!code)
        code = find_weights(request, weights, error);
    if (!code && weights->count)
        loss_set_weights(&request->options->loss, weights->values);
    return code;
}
