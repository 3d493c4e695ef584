/* The averages with equal weights (polyak, swa): when they begin, w = 1/n for the n-th state, and
 * how running statistics are measured. For optim/averages/ only. */
#ifndef TRAINER_OPTIM_UNIFORM_AVERAGE_H
#define TRAINER_OPTIM_UNIFORM_AVERAGE_H

#include "optim/average.h"

struct UniformAverageOptions {
    struct Span start;
    int64_t batches; /* −1: all batches of an epoch */
};
extern const char *const uniform_average_all_batches[]; /* "all", NULL */

/* The keys of the member `uniform`, a struct UniformAverageOptions, of the struct `options`. */
#define UNIFORM_AVERAGE_KEYS(options)                                                              \
    {.name = "start",                                                                              \
     .type = KEY_SPAN,                                                                             \
     .offset = offsetof(options, uniform.start),                                                   \
     .minimum = 0,                                                                                 \
     .maximum = 1e12,                                                                              \
     .help = "when the average begins, counted from the run's start; best when the loss no "       \
             "longer falls fast"},                                                                 \
    {                                                                                              \
        .name = "batches", .type = KEY_COUNT, .offset = offsetof(options, uniform.batches),        \
        .fallback = "50", .minimum = 1, .maximum = 1e12, .names = uniform_average_all_batches,     \
        .help = "training batches over which running statistics are measured anew before the "     \
                "average is validated or saved; all: an epoch"                                     \
    }

/* The weight w: 1/n at the n-th of the steps start, start + every, … (which begin with `every` if
 * `start` is 0), and 0 at all other steps. */
double uniform_average__weight(int64_t start, int64_t every, int64_t step);
/* The first of these steps. */
int64_t uniform_average__first(int64_t start, int64_t every);
/* The option `batches` as a number, at most an epoch. */
int64_t uniform_average__batches(const struct UniformAverageOptions *options,
                                 const struct ScheduleTime *time);

#endif
