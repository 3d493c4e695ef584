#include "check/preflight.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "check/inside.h"

/* In the order of enum CheckItem. */
static int (*const items[CHECK_ITEMS])(struct Preflight *preflight, struct Error *error) = {
    [CHECK_SETTINGS] = check__settings,
    [CHECK_DATA] = check__data,
    [CHECK_LOSS] = check__loss,
    [CHECK_GRADIENTS] = check__gradients,
    [CHECK_ACTIVATIONS] = check__activations,
    [CHECK_OVERFIT] = check__overfit,
    [CHECK_RATES] = check__rates,
    [CHECK_TRIAL] = check__trial,
};

#define RATES_LOOKED_AT 1000 /* steps of the schedule, spread over the run */

double check__peak_rate(const struct Experiment *experiment) {
    int64_t total = experiment_parts(experiment)->time.total;
    double peak = 0;
    for (int64_t i = 0; i < RATES_LOOKED_AT; i++)
        peak = fmax(peak, experiment_rate(experiment, i * total / RATES_LOOKED_AT));
    return peak;
}

bool check__follows_gradient(const struct Experiment *experiment) {
    static const char *const plain[] = {"sgd", "momentum", "nesterov"};
    const char *name = experiment_options(experiment)->optimizer.kind->name;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(name, plain[i]))
            return true;
    return false;
}

int check__affordable(struct Preflight *preflight, int64_t least, int64_t most, int64_t *steps,
                      struct Error *error) {
    struct ExperimentStep step;
    int code = OK;
    for (int i = 0; i < 2 && !code && preflight->step_seconds == 0; i++) {
        code = experiment_step(preflight->experiment, NAN, &step, error);
        int64_t nanoseconds = (int64_t)(1e9 * step.seconds);
        if (code)
            return code;
        ranks_maximum(preflight->ranks, &nanoseconds, 1);
        if (i) /* the first makes kernels */
            preflight->step_seconds = 1e-9 * (double)(nanoseconds + 1);
    }
    experiment_restart(preflight->experiment);
    double affordable = preflight->request->seconds / preflight->step_seconds;
    *steps = affordable < (double)least  ? least
             : affordable > (double)most ? most
                                         : (int64_t)affordable;
    return OK;
}

static void tell(const struct Preflight *preflight, enum CheckItem item, bool ended) {
    const struct PreflightRequest *request = preflight->request;
    if (request->tell && ranks_rank(preflight->ranks) == 0)
        request->tell(request->context, preflight->findings, item, ended);
}

static int look_at(struct Preflight *preflight, enum CheckItem item, struct Error *error) {
    double start = clock_seconds();
    tell(preflight, item, false);
    experiment_restart(preflight->experiment);
    int code = items[item](preflight, error);
    preflight->findings->seconds[item] = clock_seconds() - start;
    if (!code)
        tell(preflight, item, true);
    return code;
}

int preflight(struct Ranks *ranks, const struct PreflightRequest *request,
              struct Findings *findings, enum CheckVerdict *verdict, struct Error *error) {
    struct Preflight flight = {.ranks = ranks, .request = request, .findings = findings};
    *verdict = CHECK_GOOD;
    int code = experiment_create(&flight.experiment, ranks, request->train, error);
    for (int item = 0; item < CHECK_ITEMS && !code; item++)
        if (request->items & CHECK_ITEM_BIT(item))
            code = look_at(&flight, (enum CheckItem)item, error);
    experiment_release(flight.experiment);
    int64_t worst = findings_verdict(findings);
    if (!code)
        ranks_broadcast(ranks, &worst, sizeof worst);
    *verdict = (enum CheckVerdict)worst;
    return code;
}
