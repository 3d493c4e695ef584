#include "train/predictor.h"

#include <math.h>

static void load(const struct Predictor *predictor, int64_t first, int64_t count) {
    loader_fill(predictor->loader, 0, first, count, plan_input(predictor->plan),
                plan_target(predictor->plan), NULL);
}

/* Fails where predictions are not numbers, naming the sample and the layer. */
static int check_finite(const struct Predictor *predictor, const struct PlanRun *run, int64_t first,
                        const float *predictions, struct Error *error) {
    int64_t values = run->samples * predictor->outputs, at = 0;
    while (at < values && isfinite(predictions[at]))
        at++;
    if (at == values)
        return OK;
    load(predictor, first, run->samples);
    const struct Node *node = plan_find_nonfinite(predictor->plan, run);
    return fail(error, ERROR_NUMERIC,
                "%s: NaN or Inf in the output of layer %s for sample %lld of the split",
                predictor->name, node ? node->path : "(loss)",
                (long long)(first + at / predictor->outputs));
}

void predictor_prepare(const struct Predictor *predictor) {
    plan_prepare(predictor->plan, predictor->state);
}

int predictor_run(const struct Predictor *predictor, int64_t first, int64_t count,
                  float *predictions, struct Error *error) {
    struct PlanRun run = {.samples = count, .batch = count, .state = predictor->state};
    load(predictor, first, count);
    plan_forward(predictor->plan, &run);
    plan_predict(predictor->plan, count, predictions);
    return check_finite(predictor, &run, first, predictions, error);
}
