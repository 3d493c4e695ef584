#include "evaluate/predictor.h"

#include <inttypes.h>
#include <math.h>

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

/* Fails if scores are not numbers, naming the sample and the layer. */
static int check_finite(const struct Predictor *predictor, int number, const struct ShardCall *call,
                        const double *scores, struct Error *error) {
    int64_t values = call->samples * predictor->outputs, at = 0;
    while (at < values && isfinite(scores[at]))
        at++;
    if (at == values)
        return OK;
    if (fill_input(predictor, number, call, error))
        return error->code;
    const struct Node *node = plan_find_nonfinite(predictor->plan, call);
    return fail(error, ERROR_NUMERIC,
                "%s: NaN or Inf in the output of layer %s for sample %" PRId64 " of the split",
                predictor->name, node ? node->path : "(loss)",
                call->first + at / predictor->outputs);
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
