#include "optim/span.h"

#include <math.h>

int64_t span_steps(struct Span span, int64_t steps_per_epoch) {
    return llround(span.epochs ? span.value * (double)steps_per_epoch : span.value);
}

int span_check(const struct Choice *choice, const char *key, struct Span span,
               const struct ScheduleTime *time, struct Error *error) {
    if (span_steps(span, time->steps_per_epoch) < 1)
        return schema_fail(error, choice, key, "must be at least one step");
    return OK;
}
