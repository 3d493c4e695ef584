#include "evaluate/predictor.h"

#include <math.h>
#include <string.h>

#include "evaluate/ensemble_mean.h"

static void load(const struct Predictor *predictor, int64_t first, int64_t count, float *images) {
    loader_fill(predictor->loader, 0, first, count, images, plan_target(predictor->plan), NULL);
}

/* The input of one pass; `pass` is 0 where there is one. */
static void fill_input(const struct Predictor *predictor, int pass, const struct ShardCall *call) {
    if (!predictor->passes)
        load(predictor, call->first, call->samples, plan_input(predictor->plan));
    else
        passes_fill(predictor->passes, pass, call->samples, plan_input(predictor->plan));
}

/* Fails where predictions are not numbers, naming the sample and the layer. */
static int check_finite(const struct Predictor *predictor, int pass, const struct ShardCall *call,
                        const float *predictions, struct Error *error) {
    int64_t values = call->samples * predictor->outputs, at = 0;
    while (at < values && isfinite(predictions[at]))
        at++;
    if (at == values)
        return OK;
    fill_input(predictor, pass, call);
    const struct Node *node = plan_find_nonfinite(predictor->plan, call);
    return fail(error, ERROR_NUMERIC,
                "%s: NaN or Inf in the output of layer %s for sample %lld of the split",
                predictor->name, node ? node->path : "(loss)",
                (long long)(call->first + at / predictor->outputs));
}

static int run_pass(const struct Predictor *predictor, int pass, const struct ShardCall *call,
                    float *predictions, struct Error *error) {
    fill_input(predictor, pass, call);
    plan_forward(predictor->plan, call);
    plan_predict(predictor->plan, call->samples, predictions);
    if (predictor->scale->count)
        target_scale_undo(predictor->scale, call->samples, predictions, predictions);
    return check_finite(predictor, pass, call, predictions, error);
}

void predictor_prepare(const struct Predictor *predictor) {
    plan_prepare(predictor->plan, predictor->state);
}

int predictor_run(const struct Predictor *predictor, int64_t first, int64_t count,
                  float *predictions, struct Error *error) {
    struct Passes *passes = predictor->passes;
    const struct Loss *loss = (const struct Loss *)predictor->loss->kind;
    struct ShardCall call = {
        .samples = count, .first = first, .batch = count, .state = predictor->state};
    if (!passes)
        return run_pass(predictor, 0, &call, predictions, error);
    int64_t values = count * predictor->outputs;
    load(predictor, first, count, passes->images);
    memset(passes->sum, 0, (size_t)values * sizeof *passes->sum);
    call.seed = passes->seed;
    for (int pass = 0; pass < passes->count; pass++) {
        call.step = (uint64_t)pass;
        int code = run_pass(predictor, pass, &call, passes->predictions, error);
        if (code)
            return code;
        mean_add(passes->sum, MEAN_ARITHMETIC, 1.0 / passes->count, passes->predictions, values);
    }
    mean_finish(passes->sum, MEAN_ARITHMETIC, loss->prediction == PREDICTION_PROBABILITIES, count,
                predictor->outputs, predictions);
    return OK;
}
