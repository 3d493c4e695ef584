#include "optim/average.h"

#include <inttypes.h>
#include <string.h>

#define AVERAGE(name) extern const struct Average average_##name;
#include "optim/averages.def"
#undef AVERAGE

#define AVERAGE(name) &average_##name.kind,
static const struct Kind *const kinds[] = {
#include "optim/averages.def"
    NULL};
#undef AVERAGE

const struct KindTable average_kinds = {.what = "average", .kinds = kinds};

/* The kind of a choice is the first member of a struct Average. */
static const struct Average *average_of(const struct Choice *choice) {
    return (const struct Average *)choice->kind;
}

double average_weight(const struct Choice *choice, const struct ScheduleTime *time, int64_t step) {
    return average_of(choice)->weight(choice->options, time, step);
}

bool average_begun(const struct Choice *choice, const struct ScheduleTime *time, int64_t step) {
    return step >= average_of(choice)->first(choice->options, time);
}

int64_t average_batches(const struct Choice *choice, const struct ScheduleTime *time) {
    const struct Average *average = average_of(choice);
    return average->batches ? average->batches(choice->options, time) : 0;
}

int average_check(const struct Choice *choice, const struct ScheduleTime *time,
                  struct Error *error) {
    const struct Average *average = average_of(choice);
    if (!time_knows(time, choice))
        return OK;
    int code = average->check ? average->check(choice, time, error) : OK;
    if (!code && !average_begun(choice, time, time->total))
        return schema_fail(error, choice, "start",
                           "the average begins at step %" PRId64 ", and the run has %" PRId64
                           "; in a short trial set it to 0",
                           average->first(choice->options, time), time->total);
    return code;
}

uint32_t average_blend(float *restrict average, const float *restrict state, int64_t count,
                       double weight) {
    const float w = (float)weight;
    uint32_t replaced = 0;
    if (weight == 1) {
        memcpy(average, state, (size_t)count * sizeof *average);
        return 0;
    }
#pragma omp simd reduction(+ : replaced)
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, average + i, sizeof bits);
        replaced += bits;
        average[i] += w * (state[i] - average[i]);
    }
    return replaced;
}
