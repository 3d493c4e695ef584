#include "evaluate/predictor.h"

#include <inttypes.h>
#include <math.h>

#include "run/large_input.h"

static int load(const struct Predictor *predictor, int64_t first, int64_t count, float *images,
                struct Error *error) {
    loader_fill(predictor->loader, 0, first, count, images, plan_target(predictor->plan), NULL);
    return loader_failed(predictor->loader, error);
}

/* The input of prediction `number` of the samples; 0 if there is only one. */
static int fill_input(const struct Predictor *predictor, int number, const struct ShardCall *call,
                      struct Error *error) {
    if (!predictor->test_time)
        return load(predictor, call->first, call->samples, plan_input(predictor->plan), error);
    test_time_fill(predictor->test_time, number, call->samples, plan_input(predictor->plan));
    return OK;
}

static bool is_finite(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

/* The input is finite: blames a value of it that is too large for the model, or else the model. */
static int blame_layer(const struct Predictor *predictor, const struct ShardCall *call,
                       int64_t sample, float largest, struct Error *error) {
    const struct Dataset *dataset = loader_dataset(predictor->loader);
    const struct Node *node = plan_find_nonfinite(predictor->plan, call);
    fail(error, predictor->is_from_file ? ERROR_CHECKPOINT : ERROR_NUMERIC,
         "%s: NaN or Inf in the output of layer %s for sample %" PRId64 " of split %s",
         predictor->name, node ? node->path : "(loss)", sample,
         loader_split(predictor->loader)->name);
    /* No byte is large: the model's own preprocessing has made it so. */
    if (loader_split(predictor->loader)->bytes ||
        !large_input_overflows(largest, predictor->state, predictor->parameters))
        return error->code;
    error_append(error, " of %s, which holds %g, once preprocessed", dataset->path,
                 (double)largest);
    return error->code = predictor->is_from_file ? ERROR_DATA : ERROR_NUMERIC;
}

/* A score of sample `place` of the call is not a number: says whether its input is to blame, or
 * the layer that began it. */
static int blame(const struct Predictor *predictor, const struct ShardCall *call, int64_t place,
                 struct Error *error) {
    struct Image image = loader_image(predictor->loader);
    int64_t elements = image_elements(&image), sample = call->first + place;
    const float *input = (const float *)plan_input(predictor->plan) + place * elements;
    float largest;
    large_input_find(input, elements, &largest);
    if (is_finite(input, elements))
        return blame_layer(predictor, call, sample, largest, error);
    const struct Dataset *dataset = loader_dataset(predictor->loader);
    if (predictor->is_from_file && loader_split(predictor->loader)->bytes)
        return fail(error, ERROR_CHECKPOINT,
                    "%s:/preprocessing: makes NaN or Inf of the bytes of sample %" PRId64
                    " of split %s of %s",
                    predictor->name, sample, loader_split(predictor->loader)->name, dataset->path);
    fail(error, predictor->is_from_file ? ERROR_DATA : ERROR_NUMERIC,
         "%s: NaN or Inf in the input: sample %" PRId64
         " of split %s of %s, once preprocessed; no layer has seen it yet",
         predictor->name, sample, loader_split(predictor->loader)->name, dataset->path);
    return error_advise(error, ADVICE_VERIFY, dataset->path, NULL, 0);
}

/* Fails if scores are not numbers. */
static int check_finite(const struct Predictor *predictor, int number, const struct ShardCall *call,
                        const double *scores, struct Error *error) {
    int64_t values = call->samples * predictor->outputs, at = 0;
    while (at < values && isfinite(scores[at]))
        at++;
    if (at == values)
        return OK;
    if (fill_input(predictor, number, call, error))
        return error->code;
    return blame(predictor, call, at / predictor->outputs, error);
}

static int predict_once(const struct Predictor *predictor, int number, const struct ShardCall *call,
                        double *scores, struct Error *error) {
    int code = fill_input(predictor, number, call, error);
    if (code)
        return code;
    plan_forward(predictor->plan, call);
    plan_read_scores(predictor->plan, call->samples, scores);
    return check_finite(predictor, number, call, scores, error);
}

bool predictor_gives_probabilities(const struct Predictor *predictor) {
    return ((const struct Loss *)predictor->loss->kind)->prediction == PREDICTION_PROBABILITIES;
}

struct MeanKind predictor_mean_kind(const struct Predictor *predictor, enum EnsembleMean mean) {
    enum Prediction prediction = ((const struct Loss *)predictor->loss->kind)->prediction;
    return (struct MeanKind){.mean = mean,
                             .probabilities = prediction == PREDICTION_PROBABILITIES,
                             .sigmoids = prediction == PREDICTION_SIGMOIDS};
}

void predictor_prepare(const struct Predictor *predictor) {
    plan_prepare(predictor->plan, predictor->state);
}

int predictor_run(const struct Predictor *predictor, int64_t first, int64_t count, double *scores,
                  struct Error *error) {
    struct TestTime *test_time = predictor->test_time;
    struct MeanKind kind = predictor_mean_kind(predictor, ENSEMBLE_MEAN_ARITHMETIC);
    struct ShardCall call = {
        .samples = count, .first = first, .batch = count, .state = predictor->state};
    if (!test_time)
        return predict_once(predictor, 0, &call, scores, error);
    int code = load(predictor, first, count, test_time->images, error);
    if (code)
        return code;
    ensemble_mean_start(kind, count * predictor->outputs, scores);
    call.seed = test_time->seed;
    for (int number = 0; number < test_time->count; number++) {
        call.step = (uint64_t)number; /* each prediction draws masks of its own */
        code = predict_once(predictor, number, &call, test_time->scores, error);
        if (code)
            return code;
        ensemble_mean_add(kind, 1.0 / test_time->count, count, predictor->outputs,
                          test_time->scores, scores);
    }
    ensemble_mean_finish(kind, count * predictor->outputs, scores);
    return OK;
}
