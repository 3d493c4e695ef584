/* Measures how long an exchange of gradients takes, alone and as a share of the run's steps. */
#include <inttypes.h>

#include "base/text.h"
#include "cli/doctor/doctor.h"
#include "cli/error_line.h"
#include "comm/exchange_time.h"

#define BYTES (16 << 20) /* without a run file */
#define FEW_BYTES 256
#define MUCH 0.3 /* the share of a step from which the exchange is worth a note */

/* Writes "1.2 us", "3.4 ms" or "5.6 s" to `text`, and returns it. */
static char *duration(double seconds, char text[32]) {
    const char *unit = seconds < 1e-3 ? "us" : seconds < 1 ? "ms" : "s";
    double scale = seconds < 1e-3 ? 1e6 : seconds < 1 ? 1e3 : 1;
    snprintf(text, 32, "%.3g %s", scale * seconds, unit);
    return text;
}

/* The seconds for an exchange of `bytes` bytes; −1 if it cannot be created. */
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
    char size[32], few[32], all[32];
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
               "%s for a few bytes, %s for %s (%.3g GB/s)", duration(doctor->latency, few),
               duration(doctor->exchange, all), size,
               1e-9 * (double)doctor->exchange_bytes / doctor->exchange);
}

/* Reports the trial of the run's steps, which returned `code`. */
void check_run(struct Doctor *doctor, int code, const struct Error *error) {
    const struct Trial *trial = &doctor->trial;
    struct Report *report = &doctor->report;
    char time[32];
    if (code) {
        struct Text line = {0};
        error_line(error, &line);
        report_add(report, VERDICT_PROBLEM, "run", NULL, "%s", line.data);
        text_release(&line);
        return;
    }
    report_add(report, VERDICT_OK, "run", NULL,
               "a step of %" PRId64 " samples takes %s: %.4g samples/s", trial->batch,
               duration(trial->step_seconds, time), (double)trial->batch / trial->step_seconds);
    if (ranks_size(doctor->ranks) == 1)
        return;
    double share = trial->exposed_seconds / trial->step_seconds;
    report_add(report, share > MUCH ? VERDICT_NOTE : VERDICT_OK, "exchange share",
               "a larger train.batch, or more train.shards for each rank, exchanges less often; or "
               "start fewer ranks",
               "%s of each step, %.1f %% (%s)", duration(trial->exposed_seconds, time), 100 * share,
               trial->exchange);
}
