#include "optim/span.h"

#include <math.h>

int64_t span_steps(struct Span span, int64_t steps_per_epoch) {
    return llround(span.epochs ? span.value * (double)steps_per_epoch : span.value);
}

bool time_knows(const struct ScheduleTime *time, const struct Choice *choice) {
    bool in_epochs = false;
    for (const struct Key *key = choice->kind->keys; key && key->name; key++) {
        const void *field = (const char *)choice->options + key->offset;
        const struct Spans *list = field;
        if (key->type == KEY_SPAN)
            in_epochs |= ((const struct Span *)field)->epochs;
        for (int i = 0; key->type == KEY_SPANS && i < list->count; i++)
            in_epochs |= list->values[i].epochs;
    }
    return time->steps_per_epoch > 0 || !in_epochs;
}

int span_check(const struct Choice *choice, const char *key, struct Span span,
               const struct ScheduleTime *time, struct Error *error) {
    if (span_steps(span, time->steps_per_epoch) < 1)
        return schema_fail(error, choice, key, "must be at least one step");
    return OK;
}
