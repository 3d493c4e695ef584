#include "optim/uniform_average.h"

const char *const uniform_average_all_batches[] = {"all", NULL};

int64_t uniform_average__first(int64_t start, int64_t every) {
    return start ? start : every;
}

double uniform_average__weight(int64_t start, int64_t every, int64_t step) {
    int64_t first = uniform_average__first(start, every);
    if (step < first || (step - first) % every)
        return 0;
    return 1 / (double)((step - first) / every + 1);
}

int64_t uniform_average__batches(const struct UniformAverageOptions *options,
                                 const struct ScheduleTime *time) {
    bool all = options->batches < 0 || options->batches > time->steps_per_epoch;
    return all ? time->steps_per_epoch : options->batches;
}
