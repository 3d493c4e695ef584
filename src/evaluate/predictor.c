#include "evaluate/predictor.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "evaluate/ensemble_mean.h"

static void load(const struct Predictor *predictor, int64_t first, int64_t count, float *images) {
    loader_fill(predictor->loader, 0, first, count, images, plan_target(predictor->plan), NULL);
}

/* The input of prediction `number` of the samples; 0 if there is only one. */
static void fill_input(const struct Predictor *predictor, int number,
                       const struct ShardCall *call) {
    if (!predictor->test_time)
        load(predictor, call->first, call->samples, plan_input(predictor->plan));
    else
        test_time_fill(predictor->test_time, number, call->samples, plan_input(predictor->plan));
}

/* Fails if predictions are not numbers, naming the sample and the layer. */
static int check_finite(const struct Predictor *predictor, int number, const struct ShardCall *call,
                        const float *predictions, struct Error *error) {
    int64_t values = call->samples * predictor->outputs, at = 0;
    while (at < values && isfinite(predictions[at]))
        at++;
    if (at == values)
        return OK;
    fill_input(predictor, number, call);
    const struct Node *node = plan_find_nonfinite(predictor->plan, call);
    return fail(error, ERROR_NUMERIC,
                "%s: NaN or Inf in the output of layer %s for sample %" PRId64 " of the split",
                predictor->name, node ? node->path : "(loss)",
                call->first + at / predictor->outputs);
}

static int predict_once(const struct Predictor *predictor, int number, const struct ShardCall *call,
                        float *predictions, struct Error *error) {
    fill_input(predictor, number, call);
    plan_forward(predictor->plan, call);
    plan_predict(predictor->plan, call->samples, predictions);
    if (predictor->scale->count)
        target_scale_undo(predictor->scale, call->samples, predictions, predictions);
    return check_finite(predictor, number, call, predictions, error);
}

void predictor_prepare(const struct Predictor *predictor) {
    plan_prepare(predictor->plan, predictor->state);
}

int predictor_run(const struct Predictor *predictor, int64_t first, int64_t count,
                  float *predictions, struct Error *error) {
    struct TestTime *test_time = predictor->test_time;
    const struct Loss *loss = (const struct Loss *)predictor->loss->kind;
    struct ShardCall call = {
        .samples = count, .first = first, .batch = count, .state = predictor->state};
    if (!test_time)
        return predict_once(predictor, 0, &call, predictions, error);
    int64_t values = count * predictor->outputs;
    load(predictor, first, count, test_time->images);
    memset(test_time->sum, 0, (size_t)values * sizeof *test_time->sum);
    call.seed = test_time->seed;
    for (int number = 0; number < test_time->count; number++) {
        call.step = (uint64_t)number; /* each prediction draws masks of its own */
        int code = predict_once(predictor, number, &call, test_time->predictions, error);
        if (code)
            return code;
        ensemble_mean_add(test_time->sum, ENSEMBLE_MEAN_ARITHMETIC, 1.0 / test_time->count,
                          test_time->predictions, values);
    }
    ensemble_mean_finish(test_time->sum, ENSEMBLE_MEAN_ARITHMETIC,
                         loss->prediction == PREDICTION_PROBABILITIES, count, predictor->outputs,
                         predictions);
    return OK;
}
