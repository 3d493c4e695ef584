/* Settings that determine how many steps a run makes, how long they are, and what becomes of them.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "check/looks_at_settings.h"
#include "optim/average.h"
#include "optim/lookahead.h"

/* ---- The optimiser ---- */

static double momentum_of(const struct RunOptions *options) {
    double momentum = check__number_of(&options->optimizer, "momentum");
    return isnan(momentum) ? check__number_of(&options->optimizer, "beta1") : momentum;
}

static void look_at_momentum(struct Preflight *preflight) {
    double momentum = momentum_of(experiment_options(preflight->experiment));
    if (!(momentum > 0))
        return;
    struct Finding *finding = check__add_setting(preflight, "momentum");
    finding__figure(finding, "momentum", momentum);
    if (momentum < 1)
        finding__say(finding, "%g: a step follows the gradients of about the last %.3g steps",
                     momentum, 1 / (1 - momentum));
    else
        finding__say(finding, "%g: no gradient is ever forgotten", momentum);
    finding__expect(finding, "0.9 to 0.99");
    if (momentum > 0.995)
        finding__blame(finding, momentum >= 0.999 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the momentum is too high: the weights follow gradients that are long out "
                       "of date, and overshoot",
                       "set it to 0.9");
}

/* Kingma and Ba 2015, "Adam: a method for stochastic optimization", Theorem 4.1: the steps are
 * bounded if beta1² < √beta2. */
static void look_at_beta2(struct Preflight *preflight) {
    const struct RunOptions *options = experiment_options(preflight->experiment);
    double beta1 = check__number_of(&options->optimizer, "beta1");
    double beta2 = check__number_of(&options->optimizer, "beta2");
    if (!(beta1 >= 0 && beta2 >= 0))
        return;
    struct Finding *finding = check__add_setting(preflight, "beta2");
    finding__figure(finding, "beta2", beta2);
    finding__say(finding, "%g, and beta1 is %g", beta2, beta1);
    finding__expect(finding, "0.99 to 0.999");
    if (sqrt(beta2) < beta1 * beta1)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "beta2 is so low that the size of a step depends on the newest gradients "
                       "alone, while its direction is that of older ones: it may be far too large",
                       "set it to 0.999");
}

/* Which part of a weight a step takes away at the highest rate, where that can be said: with plain
 * gradient descent, momentum, or a decay of its own. A rate that is far too high by itself is the
 * rate's fault. */
#define HIGH_RATE 0.1
#define HIGH_RATE_DECOUPLED 0.01
static double decay_of_a_step(const struct Experiment *experiment, double decay) {
    const struct RunOptions *options = experiment_options(experiment);
    const struct Optimizer *optimizer = (const struct Optimizer *)options->optimizer.kind;
    double rate = check__peak_rate(experiment), momentum = momentum_of(options);
    if (check__follows_gradient(experiment))
        return fmin(rate, HIGH_RATE) * decay / (momentum < 1 ? 1 - momentum : 1);
    return optimizer->decoupled && !optimizer->trust ? fmin(rate, HIGH_RATE_DECOUPLED) * decay : 0;
}

static void look_at_decay(struct Preflight *preflight, const struct RowSettings *settings) {
    const struct Arena *arena = model_arena(experiment_parts(preflight->experiment)->model);
    double most = 0;
    for (int i = 0; i < arena->row_count; i++)
        if (arena->rows[i].role == ROLE_WEIGHT && !settings[i].frozen)
            most = fmax(most, settings[i].weight_decay * settings[i].rate);
    double part = decay_of_a_step(preflight->experiment, most);
    if (!(part > 0))
        return;
    struct Finding *finding = check__add_setting(preflight, "weight_decay");
    finding__figure(finding, "steps", 1 / part);
    finding__say(finding, "by itself it would shrink the weights to a third within %.0f steps",
                 fmax(1, 1 / part));
    finding__expect(finding, "hundreds of steps or more");
    if (part > 1.0 / 60)
        finding__blame(finding, part > 1.0 / 20 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "regularisation outweighs the data: weight decay takes the weights away "
                       "faster than they can learn",
                       "lower weight_decay, to 1e-4 or 1e-3, say (adamw: 0.01 to 0.1)");
}

/* ---- The schedule ---- */

#define RATES_LOOKED_AT 1000

static void look_at_schedule(struct Preflight *preflight) {
    const struct Experiment *experiment = preflight->experiment;
    const char *name = experiment_options(experiment)->schedule.kind->name;
    int64_t total = experiment_parts(experiment)->time.total, at = 0;
    double peak = check__peak_rate(experiment), part = 0;
    for (int64_t i = RATES_LOOKED_AT - 1; i >= 0; i--) {
        double rate = experiment_rate(experiment, i * total / RATES_LOOKED_AT);
        part += rate >= peak / 100 ? 1.0 / RATES_LOOKED_AT : 0;
        at = rate >= 0.999 * peak ? i * total / RATES_LOOKED_AT : at;
    }
    if (!strcmp(name, "constant") && at == 0)
        return;
    struct Finding *finding = check__add_setting(preflight, "schedule");
    finding__figure(finding, "part_of_the_run", part);
    finding__figure(finding, "highest_at", (double)at);
    finding__say(finding,
                 "the rate is highest at step %" PRId64 " of %" PRId64 ", and above a hundredth of "
                 "that for %.0f %% of the run",
                 at, total, 100 * part);
    finding__expect(finding, "a high rate early, and a low one only towards the end");
    if (part < 0.1)
        finding__blame(
            finding, part < 0.03 ? CHECK_BAD : CHECK_DOUBTFUL,
            "the schedule lowers the rate to nearly nothing at once, long before the "
            "run has learnt anything",
            "let it fall later or less often: look at the steps or epochs in `schedule`");
    else if (at > total * 9 / 10 && experiment_rate(experiment, 0) < 0.5 * peak)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "the rate rises until the end of the run: the warm-up is as long as the run",
                       "shorten schedule.warmup, or train for longer");
}

/* ---- The number of steps ---- */

#define FEW_STEPS 50

static void look_at_number(struct Preflight *preflight) {
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    int64_t total = parts->time.total;
    if (total >= FEW_STEPS)
        return;
    struct Finding *finding = check__add_setting(preflight, "steps");
    finding__figure(finding, "steps", (double)total);
    finding__say(finding,
                 "the whole run makes %" PRId64 " step%s, with batches of %" PRId64 " of %" PRId64
                 " samples",
                 total, total == 1 ? "" : "s",
                 experiment_options(preflight->experiment)->train.batch, parts->train->count);
    finding__expect(finding, "hundreds of steps or more");
    finding__blame(finding, CHECK_DOUBTFUL,
                   "the run makes too few steps to learn much: its batches are too large for so "
                   "few samples, or it is too short",
                   "make train.batch smaller, or train.length longer");
}

/* ---- Parameters with a rate of their own ---- */

#define FASTER 100 /* times the rate of others */

static void look_at_rates(struct Preflight *preflight, const struct RowSettings *settings) {
    const struct Arena *arena = model_arena(experiment_parts(preflight->experiment)->model);
    const char *name = NULL;
    double most = 1, least = INFINITY;
    for (int i = 0; i < arena->row_count; i++) {
        if (settings[i].frozen || !(settings[i].rate > 0))
            continue;
        least = fmin(least, settings[i].rate);
        name = settings[i].rate > most ? arena->rows[i].name : name;
        most = fmax(most, settings[i].rate);
    }
    if (!name)
        return;
    struct Finding *finding = check__add_setting(preflight, "rates_of_parameters");
    finding__figure(finding, "most", most);
    finding__figure(finding, "least", least);
    finding__say(finding, "a rule multiplies the rate of %s by %g", name, most);
    if (least < most)
        finding__say(finding, ", that of others by %g", least);
    finding__expect(finding, "factors of 100 or less");
    if (most > FASTER && most > FASTER * least)
        finding__blame(finding, most > 10 * FASTER ? CHECK_BAD : CHECK_DOUBTFUL,
                       "a rule in `parameters` makes the learning rate of some parameters so much "
                       "higher than that of the others that no rate suits all of them",
                       "lower `rate` of that rule");
}

/* ---- Weights that follow the trained ones ---- */

/* How often the slow weights of lookahead go the whole way to the fast ones within the run. */
static void look_at_lookahead(struct Preflight *preflight) {
    const struct LookaheadOptions *lookahead =
        &experiment_options(preflight->experiment)->lookahead;
    double total = (double)experiment_parts(preflight->experiment)->time.total;
    if (!lookahead->every)
        return;
    struct Finding *finding = check__add_setting(preflight, "lookahead");
    double every = (double)lookahead->every, share = lookahead->share;
    finding__figure(finding, "every", every);
    finding__figure(finding, "share", share);
    finding__say(finding, "of what %" PRId64 " steps change, %.3g %% is kept", lookahead->every,
                 100 * share);
    finding__expect(finding, "about half");
    if (share < 0.05 && total >= every)
        finding__blame(finding, share < 0.005 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "lookahead takes nearly all that is learnt away: its slow weights, from "
                       "which the optimiser continues, hardly follow the fast ones",
                       "set lookahead.share to 0.5");
}

#define INITIAL_MOST 0.1 /* of the average at the end of the run */

static void look_at_average(struct Preflight *preflight) {
    const struct Choice *average = &experiment_options(preflight->experiment)->average;
    const struct ScheduleTime *time = &experiment_parts(preflight->experiment)->time;
    double first = 1;
    bool begun = false;
    if (!average->kind)
        return;
    for (int64_t step = 1; step <= time->total && first > INITIAL_MOST / 100; step++) {
        double weight = average_weight(average, time, step);
        first *= begun ? 1 - weight : 1;
        begun |= weight > 0;
    }
    struct Finding *finding = check__add_setting(preflight, "average");
    finding__figure(finding, "first_weights", first);
    finding__say(finding,
                 "at the end %.2g %% of the average (%s) are the weights that it began with",
                 100 * first, average->kind->name);
    finding__expect(finding, "hardly any");
    if (first > INITIAL_MOST)
        finding__blame(finding, first > 5 * INITIAL_MOST ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the average of weights cannot follow in a run of this length: it is "
                       "validated and saved, and still holds much of the first weights",
                       "lower average.ema.decay, or leave decay_warmup on");
}

/* ---- All of it ---- */

void check__look_at_steps(struct Preflight *preflight, const struct RowSettings *settings) {
    look_at_momentum(preflight);
    look_at_beta2(preflight);
    look_at_rates(preflight, settings);
    look_at_decay(preflight, settings);
    look_at_lookahead(preflight);
    look_at_average(preflight);
    look_at_schedule(preflight);
    look_at_number(preflight);
}
