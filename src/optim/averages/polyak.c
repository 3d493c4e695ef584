/* The mean of the weights after every step from `start` on: Polyak and Juditsky 1992,
 * "Acceleration of stochastic approximation by averaging"; Ruppert 1988. */
#include "optim/uniform_average.h"

struct PolyakOptions {
    struct UniformAverageOptions uniform;
};

static const struct Key keys[] = {UNIFORM_AVERAGE_KEYS(struct PolyakOptions), KEY_END};

static int64_t start(const void *options, const struct ScheduleTime *time) {
    const struct PolyakOptions *o = options;
    return span_steps(o->uniform.start, time->steps_per_epoch);
}

static double weight(const void *options, const struct ScheduleTime *time, int64_t step) {
    return uniform_average__weight(start(options, time), 1, step);
}

static int64_t first(const void *options, const struct ScheduleTime *time) {
    return uniform_average__first(start(options, time), 1);
}

static int64_t batches(const void *options, const struct ScheduleTime *time) {
    return uniform_average__batches(&((const struct PolyakOptions *)options)->uniform, time);
}

const struct Average average_polyak = {
    .kind = {.name = "polyak",
             .summary = "the mean of the weights after every step",
             .keys = keys,
             .options_size = sizeof(struct PolyakOptions)},
    .weight = weight,
    .first = first,
    .batches = batches,
};
