#include "check/preflight.h"

#include "base/clock.h"
#include "check/inside.h"

/* In the order of enum CheckItem. */
static int (*const items[CHECK_ITEMS])(struct Preflight *preflight, struct Error *error) = {
    [CHECK_DATA] = check__data,
    [CHECK_LOSS] = check__loss,
    [CHECK_GRADIENTS] = check__gradients,
};

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
