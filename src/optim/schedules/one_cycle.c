/* The rate rises to the base rate and falls again, once. Smith and Topin 2018, "Super-convergence:
 * very fast training of neural networks using large learning rates". At every step the rate equals
 * that of torch.optim's OneCycleLR, whose max_lr is the base rate. Only the rate changes; PyTorch
 * by default also varies the momentum in the opposite direction (cycle_momentum).
 *
 * With T steps and P = rise·T: from `initial` to 1 at step P − 1, then
 *   two phases    to `final` at T − 1
 *   three phases  back to `initial` at 2P − 2, then to `final` at T − 1 */
#include <math.h>

#include "optim/schedule.h"

enum { ANNEAL_COSINE, ANNEAL_LINEAR };
static const char *const anneal_names[] = {"cosine", "linear", NULL};

struct OneCycleOptions {
    struct ScheduleCommon common;
    double rise, initial, final;
    int anneal;
    bool three_phase;
};

static const struct Key keys[] = {
    SCHEDULE_COMMON_KEYS(struct OneCycleOptions),
    {.name = "rise",
     .type = KEY_REAL,
     .offset = offsetof(struct OneCycleOptions, rise),
     .fallback = "0.3",
     .minimum = 0,
     .maximum = 1,
     .help = "fraction of the steps in which the rate rises (PyTorch: pct_start)"},
    {.name = "initial",
     .type = KEY_REAL,
     .offset = offsetof(struct OneCycleOptions, initial),
     .fallback = "0.04",
     .minimum = 0,
     .maximum = 1,
     .help = "where it starts, as a fraction of the base rate (PyTorch: 1 / div_factor)"},
    {.name = "final",
     .type = KEY_REAL,
     .offset = offsetof(struct OneCycleOptions, final),
     .fallback = "4e-6",
     .minimum = 0,
     .maximum = 1,
     .help = "where it ends, as a fraction of the base rate (PyTorch: 1 / div_factor / "
             "final_div_factor)"},
    {.name = "anneal",
     .type = KEY_ENUM,
     .offset = offsetof(struct OneCycleOptions, anneal),
     .fallback = "cosine",
     .names = anneal_names,
     .help = "the shape of each phase"},
    {.name = "three_phase",
     .type = KEY_BOOL,
     .offset = offsetof(struct OneCycleOptions, three_phase),
     .fallback = "false",
     .help = "first fall back to where it started, as fast as it rose, and then to the end"},
    KEY_END};

/* The value at `step` of a transition from `from` at step `begin` to `to` at step `end`. */
static double anneal(int shape, double from, double to, double begin, double end, double step) {
    double fraction = end > begin ? (step - begin) / (end - begin) : 1;
    if (shape == ANNEAL_LINEAR)
        return from + (to - from) * fraction;
    return to + (from - to) / 2 * (1 + cos(M_PI * fraction));
}

static double factor(const void *options, const struct ScheduleTime *time, int64_t step,
                     int64_t total) {
    (void)time;
    const struct OneCycleOptions *o = options;
    double now = (double)step, last = (double)total - 1, peak = o->rise * (double)total - 1;
    double back = 2 * o->rise * (double)total - 2;
    if (now <= peak)
        return anneal(o->anneal, o->initial, 1, 0, peak, now);
    if (!o->three_phase)
        return anneal(o->anneal, 1, o->final, peak, last, now);
    if (now <= back)
        return anneal(o->anneal, 1, o->initial, peak, back, now);
    return anneal(o->anneal, o->initial, o->final, back, last, now);
}

static int check(const struct Choice *schedule, const struct ScheduleTime *time,
                 struct Error *error) {
    (void)time;
    const struct OneCycleOptions *o = schedule->options;
    if (o->three_phase && o->rise > 0.5)
        return schema_fail(error, schedule, "rise",
                           "with three phases at most 0.5: rise and fall take the same time");
    return OK;
}

const struct Schedule schedule_one_cycle = {
    .kind = {.name = "one_cycle",
             .summary = "rises to the base rate, then falls far below where it began",
             .keys = keys,
             .options_size = sizeof(struct OneCycleOptions)},
    .rises = true,
    .factor = factor,
    .check = check,
};
