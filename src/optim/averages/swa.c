/* Stochastic weight averaging: the mean of the weights at steps `start`, start + every, …, with a
 * rate that stays high or is cyclic. Izmailov et al. 2018, "Averaging weights leads to wider optima
 * and better generalization". The running statistics are measured again, as by
 * torch.optim.swa_utils.update_bn. */
#include <inttypes.h>

#include "optim/uniform_average.h"

struct SwaOptions {
    struct UniformAverageOptions uniform;
    struct Span every;
};

static const struct Key keys[] = {
    UNIFORM_AVERAGE_KEYS(struct SwaOptions),
    {.name = "every",
     .type = KEY_SPAN,
     .offset = offsetof(struct SwaOptions, every),
     .fallback = "1 epoch",
     .help = "how often the weights are added to the mean; with a cyclic schedule, its period"},
    KEY_END};

static int64_t start(const struct SwaOptions *o, const struct ScheduleTime *time) {
    return span_steps(o->uniform.start, time->steps_per_epoch);
}

static int64_t every(const struct SwaOptions *o, const struct ScheduleTime *time) {
    return span_steps(o->every, time->steps_per_epoch);
}

static double weight(const void *options, const struct ScheduleTime *time, int64_t step) {
    return uniform_average__weight(start(options, time), every(options, time), step);
}

static int64_t first(const void *options, const struct ScheduleTime *time) {
    return uniform_average__first(start(options, time), every(options, time));
}

static int64_t batches(const void *options, const struct ScheduleTime *time) {
    return uniform_average__batches(&((const struct SwaOptions *)options)->uniform, time);
}

static int check(const struct Choice *average, const struct ScheduleTime *time,
                 struct Error *error) {
    const struct SwaOptions *o = average->options;
    int64_t apart = every(o, time);
    int code = span_check(average, "every", o->every, time, error);
    if (code)
        return code;
    if (start(o, time) == 0 && apart > time->total)
        return schema_fail(error, average, "every",
                           "the average begins at step %" PRId64 ", the first that is added to it, "
                           "and the run has %" PRId64 "; in a short trial set it to 1 step",
                           apart, time->total);
    return OK;
}

const struct Average average_swa = {
    .kind = {.name = "swa",
             .summary =
                 "the mean of the weights at regular times, such as the ends of epochs or cycles",
             .keys = keys,
             .options_size = sizeof(struct SwaOptions)},
    .weight = weight,
    .first = first,
    .batches = batches,
    .check = check,
};
