/* Why nothing is learnt that holds for new samples, although a handful can be learnt by heart: the
 * short training once more, without what makes training harder. If that learns, each part of it is
 * left out alone, to name the one. And whether augmentation is what makes a run learn little. */
#include <math.h>

#include "check/confusion.h"
#include "check/inside.h"
#include "run/overfit.h"

#define ENOUGH 0.85   /* of the loss of chance */
#define ERRORS 3      /* standard errors above chance that the validation must be */
#define FAR_MORE 0.25 /* of the samples, or of the values' variance */

static const struct {
    unsigned hardens;
    const char *cause, *advice;
} parts[] = {
    {HARDENS_AUGMENT,
     "augmentation keeps the network from learning: without it it learns. Many images no longer "
     "show what their labels say",
     "make augmentation weaker, and look at the contact sheet"},
    {HARDENS_MIX, "mixing keeps the network from learning: without it it learns",
     "take `mix` out, or lower its probability"},
    {HARDENS_REGULARISATION, "regularisation keeps the network from learning: without it it learns",
     "lower weight_decay, l1, dropout and label_smoothing, or raise max_norm"},
    {HARDENS_ALL,
     "augmentation, mixing and regularisation together keep the network from learning: without "
     "them it learns",
     "make them weaker, one by one"}};
#define PARTS (sizeof parts / sizeof *parts)

int check__train(struct Experiment *experiment, int64_t steps, double rate, double *last,
                 struct Error *error) {
    struct ExperimentStep step = {.finite = true};
    int code = OK;
    *last = 0;
    experiment_restart(experiment);
    for (int64_t i = 0; i < steps && step.finite && !code; i++) {
        double rise = fmin(1, (double)(i + 1) / fmax(1, (double)steps / 4));
        code = experiment_step(experiment, rate * rise, &step, error);
        *last += i >= steps - steps / 4 ? step.loss / (double)(steps / 4) : 0;
    }
    *last = step.finite ? *last : INFINITY;
    return code;
}

static int learns_without(struct Preflight *preflight, struct Experiment *experiment, int64_t steps,
                          double rate, bool *learns, struct Error *error) {
    struct Evaluation validation;
    double last;
    int code = check__train(experiment, steps, rate, &last, error);
    *learns = !code && last < ENOUGH * check__chance(experiment);
    if (!*learns || !experiment_parts(experiment)->validation ||
        targets_are_values(&experiment_parts(preflight->experiment)->dataset->targets))
        return code;
    code = experiment_validate(experiment, &validation, error);
    *learns = !code && check__above_chance(&validation) > ERRORS; /* of rank 0 */
    evaluation_release(&validation);
    return code == ERROR_NUMERIC ? OK : code;
}

static int create_without(struct Preflight *preflight, unsigned hardens,
                          struct Experiment **experiment, struct Error *error) {
    struct TrainRequest request = *preflight->request->train;
    request.without = hardens;
    return experiment_create(experiment, preflight->ranks, &request, error);
}

/* Whether it learns without some parts; false also if the run has none of them. */
static int try_without(struct Preflight *preflight, unsigned hardens, int64_t steps, double rate,
                       bool *learns, struct Error *error) {
    struct Experiment *experiment;
    *learns = false;
    if (!run_has(experiment_options(preflight->experiment), hardens))
        return OK;
    int code = create_without(preflight, hardens, &experiment, error);
    if (code)
        return code;
    code = learns_without(preflight, experiment, steps, rate, learns, error);
    experiment_release(experiment);
    if (!code)
        ranks_broadcast(preflight->ranks, learns, sizeof *learns);
    return code;
}

int check__hindrance(struct Preflight *preflight, int64_t steps, double rate, struct Error *error) {
    struct Hindrance *found = &preflight->hindered;
    bool learns = false;
    bool explained = findings__explanation(preflight->findings) != NULL; /* on rank 0 */
    ranks_broadcast(preflight->ranks, &explained, sizeof explained);
    if (found->looked_for || explained)
        return OK;
    found->looked_for = true;
    int code = try_without(preflight, HARDENS_ALL, steps, rate, &learns, error);
    for (size_t i = 0; i < PARTS && learns && !found->cause && !code; i++) {
        bool alone = parts[i].hardens == HARDENS_ALL;
        if (!alone)
            code = try_without(preflight, parts[i].hardens, steps, rate, &alone, error);
        if (code || !alone)
            continue;
        found->cause = parts[i].cause;
        found->advice = parts[i].advice;
    }
    return code;
}

/* The part of the samples that is right, or of the values' variance that is explained. */
static double part_right(const struct Evaluation *evaluation) {
    const struct Figures *figures = &evaluation->figures;
    enum Figure figure = figures->measured[FIGURE_ACCURACY] ? FIGURE_ACCURACY : FIGURE_R2;
    return figures->measured[figure] ? figures->value[figure] : NAN;
}

int check__augmentation(struct Preflight *preflight, int64_t steps, double rate,
                        const struct Evaluation *validation, struct Error *error) {
    struct Experiment *experiment;
    struct Evaluation without;
    double last;
    if (!run_has(experiment_options(preflight->experiment), HARDENS_AUGMENT))
        return OK;
    int code = create_without(preflight, HARDENS_AUGMENT, &experiment, error);
    if (code)
        return code;
    code = check__train(experiment, steps, rate, &last, error);
    if (!code && isfinite(last)) {
        code = experiment_validate(experiment, &without, error);
        double gain = code ? NAN : part_right(&without) - part_right(validation);
        if (gain > FAR_MORE && gain > ERRORS / sqrt((double)validation->samples)) {
            preflight->hindered.cause = parts[0].cause;
            preflight->hindered.advice = parts[0].advice;
        }
        evaluation_release(&without);
        code = code == ERROR_NUMERIC ? OK : code;
    }
    experiment_release(experiment);
    return code;
}
