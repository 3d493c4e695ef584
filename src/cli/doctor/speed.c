/* How long an exchange of gradients takes, alone and as a part of the run's steps. */
#include <inttypes.h>

#include "base/text.h"
#include "cli/doctor/doctor.h"
#include "comm/exchange_time.h"

#define BYTES (16 << 20) /* without a run file */
#define FEW_BYTES 256
#define MUCH 0.3 /* of a step */

/* −1 if it cannot be made. */
static double seconds_of(struct Doctor *doctor, int64_t bytes) {
    struct Exchange *exchange;
    struct Error error;
    int64_t elements = bytes / (int64_t)sizeof(float);
    if (exchange_create(&exchange, doctor->ranks, ranks_size(doctor->ranks), elements,
                        EXCHANGE_AUTO, doctor->variant, &error))
        return -1;
    double seconds = exchange_time(exchange, doctor->ranks, elements, 0.3);
    exchange_release(exchange);
    return seconds;
}

void check_exchange(struct Doctor *doctor) {
    char size[32];
    if (ranks_size(doctor->ranks) == 1)
        return;
    doctor->exchange_bytes = doctor->tried ? doctor->trial.gradient_bytes : BYTES;
    doctor->latency = seconds_of(doctor, FEW_BYTES);
    doctor->exchange = seconds_of(doctor, doctor->exchange_bytes);
    if (doctor->latency < 0 || doctor->exchange < 0) {
        report_add(&doctor->report, VERDICT_PROBLEM, "exchange", "look at shared memory above",
                   "the ranks cannot exchange gradients");
        return;
    }
    text_bytes((double)doctor->exchange_bytes, size);
    report_add(&doctor->report, VERDICT_OK, "exchange", NULL,
               "%.1f us for a few bytes, %.3g ms for %s (%.3g GB/s)", 1e6 * doctor->latency,
               1e3 * doctor->exchange, size,
               1e-9 * (double)doctor->exchange_bytes / doctor->exchange);
}

void check_run(struct Doctor *doctor, int code, const struct Error *error) {
    const struct Trial *trial = &doctor->trial;
    struct Report *report = &doctor->report;
    if (code) {
        report_add(report, VERDICT_PROBLEM, "run", NULL, "%s%s%s", *error->option.name ? "--" : "",
                   *error->option.name ? error->option.name : "", *error->option.name ? ": " : "");
        return;
    }
    double share = trial->step_seconds > 0 ? trial->exchange_seconds / trial->step_seconds : 0;
    bool alone = ranks_size(doctor->ranks) == 1;
    report_add(report, !alone && share > MUCH ? VERDICT_NOTE : VERDICT_OK, "run",
               "a larger train.batch, or more train.shards for each rank, needs it less often; or "
               "start fewer ranks",
               "a step of %" PRId64 " samples takes %.3g ms (%.0f images/s)%s", trial->batch,
               1e3 * trial->step_seconds, (double)trial->batch / trial->step_seconds,
               alone ? "" : "");
}
