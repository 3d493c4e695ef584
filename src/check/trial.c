/* Item 7: a short training with the run's own optimiser: what of the weights moves, units that die,
 * the noise of the gradient, whether it learns, and how long the whole run will take. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check/trial.h"

#define LEAST_STEPS 40
#define MOST_STEPS 100
#define FIRST 4          /* batches whose loss is that of the start, */
#define FIRST_SAMPLES 64 /* or so many that they have these samples */
#define MEASURED 6       /* the last steps: the update ratios are means over them */

#define SMALL 100000 /* parameters of a small model, ... */
#define MORE 4       /* ... which makes up to so many times as many steps */

/* ---- Training ---- */

static const struct Arena *arena_of(const struct Trial *trial) {
    return model_arena(experiment_parts(trial->preflight->experiment)->model);
}

static double norm(const float *values, const float *minus, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double x = (double)values[i] - (minus ? (double)minus[i] : 0);
        sum += x * x;
    }
    return sqrt(sum);
}

static void add_ratios(struct Trial *trial) {
    const float *state = experiment_state(trial->preflight->experiment);
    for (int i = 0; i < trial->moved_count; i++) {
        const struct ArenaRow *row = trial->moved[i].row;
        const float *before = trial->before + row->offset;
        double weights = norm(before, NULL, row->count);
        double update = norm(state + row->offset, before, row->count);
        trial->moved[i].ratio += (weights > 0 ? update / weights : 0) / MEASURED;
    }
}

static int one_step(struct Trial *trial, int64_t i, struct Error *error) {
    struct Experiment *experiment = trial->preflight->experiment;
    struct ExperimentStep step;
    size_t bytes = (size_t)arena_of(trial)->parameters * sizeof(float);
    int64_t quarter = trial->steps / 4;
    memcpy(trial->before, experiment_state(experiment), bytes);
    int code = experiment_step(experiment, check__trial_rate(trial, i), &step, error);
    if (code)
        return code;
    if (i >= trial->steps - quarter) {
        trial->last += step.loss / (double)quarter;
        trial->last_accuracy += step.accuracy / (double)quarter;
    }
    if (i >= trial->steps - MEASURED) {
        add_ratios(trial);
        trial->newest_accuracy += step.accuracy / MEASURED;
    }
    trial->done++;
    trial->finite = step.finite;
    return OK;
}

/* Two gradients of different batches at the same weights: half the square of their difference is
 * the variance of one, their product the square of the mean (McCandlish et al. 2018, "An empirical
 * model of large-batch training", appendix A). */
static int measure_noise(struct Trial *trial, struct Error *error) {
    struct Experiment *experiment = trial->preflight->experiment;
    int64_t count = arena_of(trial)->parameters;
    const float *gradient = experiment_gradient(experiment);
    struct ExperimentStep step;
    double product = 0, difference = 0;
    int code = experiment_step(experiment, NAN, &step, error);
    memcpy(trial->before, gradient, (size_t)count * sizeof(float));
    if (!code)
        code = experiment_step(experiment, NAN, &step, error);
    for (int64_t i = 0; i < count && !code; i++) {
        double a = (double)trial->before[i], b = (double)gradient[i];
        product += a * b;
        difference += (a - b) * (a - b) / 2;
    }
    trial->noise = product > 0 ? difference / product : INFINITY;
    return code;
}

/* The rows that are trained. */
static void list_rows(struct Trial *trial) {
    const struct Arena *arena = arena_of(trial);
    const bool *frozen =
        updater_frozen_rows(experiment_parts(trial->preflight->experiment)->updater);
    trial->moved = memory_array(struct Moved, arena->row_count, "updates");
    for (int i = 0; i < arena->row_count; i++)
        if (arena->rows[i].role == ROLE_WEIGHT && !frozen[i])
            trial->moved[trial->moved_count++].row = &arena->rows[i];
}

static int validate(struct Trial *trial, struct Error *error) {
    struct Preflight *preflight = trial->preflight;
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    double batches = parts->validation
                         ? (double)parts->validation->count /
                               (double)experiment_options(preflight->experiment)->train.batch
                         : 0;
    /* Forward alone takes a third of a step. */
    if (!parts->validation || batches * preflight->step_seconds > 3 * preflight->request->seconds)
        return OK;
    int code = experiment_validate(preflight->experiment, &trial->validation, error);
    trial->validated = code == OK;
    return code == ERROR_NUMERIC ? OK : code;
}

/* The loss of the first batches with the initial weights. */
static int measure_first(struct Trial *trial, struct Error *error) {
    struct ExperimentStep step;
    int64_t batch = experiment_options(trial->preflight->experiment)->train.batch;
    int64_t count = FIRST * batch < FIRST_SAMPLES ? FIRST_SAMPLES / batch : FIRST;
    int code = check__mean_loss(trial->preflight->experiment, count, &step, error);
    if (code)
        return code;
    trial->first = step.loss;
    experiment_restart(trial->preflight->experiment);
    return OK;
}

static int make_steps(struct Trial *trial, struct Error *error) {
    int code = OK;
    while (trial->done < trial->steps && trial->finite && !code)
        code = one_step(trial, trial->done, error);
    return code;
}

/* If nothing, or hardly anything, is learnt, a small model goes on for as long as takes no time:
 * what is hard to learn, and labels learnt by heart, show only then. */
static int go_on(struct Trial *trial, struct Error *error) {
    const struct Preflight *preflight = trial->preflight;
    double limit = HARDLY_BELOW_CHANCE * fmin(trial->first, check__trial_prior_loss(trial));
    double seconds = preflight->step_seconds * (double)(MORE * trial->steps);
    if (!trial->finite || trial->last < limit || arena_of(trial)->parameters >= SMALL ||
        seconds > preflight->request->seconds)
        return OK;
    trial->went_on = true;
    trial->steps *= MORE;
    trial->last = trial->last_accuracy = trial->newest_accuracy = 0;
    for (int i = 0; i < trial->moved_count; i++)
        trial->moved[i].ratio = 0;
    return make_steps(trial, error);
}

#define AS_WELL 1.05 /* times the loss of the validation */

/* In a training that is not steady, the last weights may be better than those of the steps before.
 * Before labels are called wrong, as many training samples are seen with those weights, too: wrong
 * labels have a higher loss. */
static int measure_end(struct Trial *trial, struct Error *error) {
    struct Preflight *preflight = trial->preflight;
    bool suspected = check__trial_suspects_labels(trial);
    int64_t batches = trial->steps / 4;
    double loss = 0;
    int code = OK;
    ranks_broadcast(preflight->ranks, &suspected, sizeof suspected);
    for (int64_t i = 0; i < batches && suspected && !code; i++) {
        struct ExperimentStep step;
        code = experiment_step(preflight->experiment, NAN, &step, error);
        loss += code ? 0 : step.loss / (double)batches;
    }
    trial->ends_better = suspected && loss < AS_WELL * trial->validation.figures.value[FIGURE_LOSS];
    return code;
}

static int train_shortly(struct Trial *trial, struct Error *error) {
    int code = measure_first(trial, error);
    list_rows(trial);
    trial->before = memory_array(float, arena_of(trial)->parameters, "weights before a step");
    trial->finite = true;
    if (!code)
        code = make_steps(trial, error);
    if (!code)
        code = go_on(trial, error);
    if (!code && trial->finite)
        code = measure_noise(trial, error);
    if (!code && trial->finite)
        code = validate(trial, error);
    if (!code && trial->finite)
        code = measure_end(trial, error);
    return code;
}

/* ---- What moves ---- */

static int compare_moved(const void *a, const void *b) {
    double x = ((const struct Moved *)a)->ratio, y = ((const struct Moved *)b)->ratio;
    return (x > y) - (x < y);
}

static void sort_moved(struct Trial *trial) {
    int count = trial->moved_count;
    qsort(trial->moved, (size_t)count, sizeof *trial->moved, compare_moved);
    trial->median = count ? trial->moved[count / 2].ratio : 0;
}

/* Where the loss falls the rate is not too low: gradients of samples that are learnt are short. */
static void report_updates(struct Trial *trial) {
    struct Finding *finding =
        findings__add(trial->preflight->findings, CHECK_TRIAL, "update_ratio");
    const struct Moved *moved = trial->moved;
    int count = trial->moved_count;
    double median = trial->median;
    if (!count)
        return;
    finding__figure(finding, "median", median);
    finding__figure(finding, "least", moved[0].ratio);
    finding__figure(finding, "most", moved[count - 1].ratio);
    finding__say(finding, "update over weight %.1e in the middle, from %.1e (%s) to %.1e (%s)",
                 median, moved[0].ratio, moved[0].row->name, moved[count - 1].ratio,
                 moved[count - 1].row->name);
    finding__expect(finding, "about 1e-3");
    if (median == 0 && finding__blame_earlier(trial->preflight->findings, finding, CHECK_BAD))
        return;
    if (median == 0)
        finding__blame(finding, CHECK_BAD,
                       "weights do not move at all: they get no gradient, or "
                       "the rate is 0",
                       "look at the items above, and at optimizer.rate");
    else if (moved[0].ratio == 0)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "a layer never moves: no gradient reaches it, or a "
                       "rule gives it a rate of 0",
                       "look at `parameters` and at the gradients above");
    else if (median < 1e-5 && !check__trial_learns(trial))
        check__blame_low_rate(trial->preflight, finding, median < 1e-7 ? CHECK_BAD : CHECK_DOUBTFUL,
                              "the learning rate is too low: the weights barely move",
                              "raise optimizer.rate");
    else if (median > 0.2)
        finding__blame(finding, median > 2 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the learning rate is too high: each step replaces much of the weights",
                       "lower optimizer.rate");
}

/* ---- Noise and time ---- */

static void report_noise(struct Trial *trial) {
    int64_t batch = experiment_options(trial->preflight->experiment)->train.batch;
    struct Finding *finding =
        findings__add(trial->preflight->findings, CHECK_TRIAL, "gradient_noise");
    finding__figure(finding, "noise_over_signal", trial->noise);
    finding__figure(finding, "noise_scale", trial->noise * (double)batch);
    if (isfinite(trial->noise))
        finding__say(finding,
                     "the variance of a batch's gradient is %.2g times the square of its mean: "
                     "batches of up to about %.0f samples make better steps",
                     trial->noise, fmax(1, trial->noise * (double)batch));
    else
        finding__say(finding, "two batches' gradients have nothing in common: larger batches make "
                              "better steps");
}

static void report_time(struct Trial *trial) {
    const struct ScheduleTime *time = &experiment_parts(trial->preflight->experiment)->time;
    double seconds = (double)time->total * trial->preflight->step_seconds;
    struct Finding *finding = findings__add(trial->preflight->findings, CHECK_TRIAL, "run_time");
    finding__figure(finding, "step_seconds", trial->preflight->step_seconds);
    finding__figure(finding, "run_seconds", seconds);
    finding__say(finding, "%" PRId64 " steps of %.3g s: the whole run takes ", time->total,
                 trial->preflight->step_seconds);
    if (seconds < 1)
        finding__say(finding, "less than a second");
    else if (seconds < 120)
        finding__say(finding, "about %.0f s", seconds);
    else if (seconds < 7200)
        finding__say(finding, "about %.0f min", seconds / 60);
    else
        finding__say(finding, "about %.1f h", seconds / 3600);
    finding__say(finding, " on these ranks, without validation and saving");
}

/* ---- Units that die ---- */

static double worst_dead(const struct CheckLayer *layers, int count, int *at) {
    double worst = 0;
    for (int i = 0; i < count; i++)
        if (text_ends_with(layers[i].name, " relu") && layers[i].dead >= worst) {
            worst = layers[i].dead;
            *at = i;
        }
    return worst;
}

static void blame_units(const struct Preflight *preflight, struct Finding *finding,
                        enum CheckVerdict verdict, bool died) {
    if (finding__blame_earlier(preflight->findings, finding, verdict))
        return;
    if (died)
        finding__blame(
            finding, verdict, "units died in training: the learning rate is too high",
            "lower optimizer.rate, initialise the last layer smaller, or use leaky_relu");
    else
        finding__blame(finding, verdict, "units are dead from the start: bad initialisation",
                       "initialise with kaiming_normal and biases of 0 or slightly above it");
}

static int report_units(struct Trial *trial, struct Error *error) {
    struct Preflight *preflight = trial->preflight;
    struct Findings after = {0};
    int at = -1;
    int code = check__probe(preflight, experiment_state(preflight->experiment), &after, error);
    double dead = worst_dead(after.layers, after.layer_count, &at);
    if (!code && at >= 0) {
        struct Finding *finding =
            findings__add(preflight->findings, CHECK_TRIAL, "dead_units_after");
        double before =
            at < preflight->findings->layer_count ? preflight->findings->layers[at].dead : 0;
        finding__figure(finding, "worst_part", dead);
        finding__figure(finding, "at_the_start", before);
        finding__say(finding,
                     "%.0f %% of the units of layer %s fire for none of the samples; %.0f %% at "
                     "the start",
                     100 * dead, after.layers[at].name, 100 * before);
        finding__expect(finding, "few");
        /* A network that learns can spare many. */
        if (dead > (check__trial_learns(trial) ? 0.95 : 0.5) || (dead > 0.3 && before > 0.3))
            blame_units(preflight, finding,
                        dead > 0.8 && !check__trial_learns(trial) ? CHECK_BAD : CHECK_DOUBTFUL,
                        dead > before + 0.2);
    }
    findings_release(&after);
    return code;
}

/* The run's highest rate, unless it is not too high and the run warms up to it over more steps than
 * there are here; or the lower one that the range test suggests. */
static void choose_rate(struct Trial *trial) {
    const struct Preflight *preflight = trial->preflight;
    const struct Experiment *experiment = preflight->experiment;
    double own = check__peak_rate(experiment), best = preflight->best_rate;
    trial->warms_up = !preflight->too_high &&
                      experiment_rate(experiment, 0) * (double)trial->steps < own &&
                      experiment_rate(experiment, trial->steps - 1) < own;
    trial->own = trial->warms_up ? 0 : own;
    if (best > 0 && !preflight->too_high)
        trial->own = fmin(own, best);
}

/* Finds out what keeps the run from learning, or, if it learns slowly and there is time, whether
 * augmentation does. */
static int look_again(struct Trial *trial, struct Error *error) {
    struct Preflight *preflight = trial->preflight;
    double rate = check__trial_rate(trial, trial->steps);
    if (preflight->too_high || check__trial_explodes(trial))
        return OK;
    if (!check__trial_learns(trial))
        return check__hindrance(preflight, trial->steps, rate, error);
    if (trial->last < SLOW * trial->chance || !trial->validated ||
        preflight->step_seconds * (double)trial->steps > preflight->request->seconds / 3)
        return OK;
    return check__augmentation(preflight, trial->steps, rate, &trial->validation, error);
}

int check__trial(struct Preflight *preflight, struct Error *error) {
    struct Trial trial = {.preflight = preflight};
    int code = check__affordable(preflight, LEAST_STEPS, MOST_STEPS, &trial.steps, error);
    if (code)
        return code;
    trial.hurried = trial.steps < MOST_STEPS;
    trial.rise = trial.steps / 4;
    choose_rate(&trial);
    trial.chance = check__chance(preflight->experiment);
    code = train_shortly(&trial, error);
    if (!code)
        code = look_again(&trial, error);
    sort_moved(&trial);
    if (!code) {
        check__report_learning(&trial);
        if (trial.finite) {
            report_updates(&trial);
            check__report_gap(&trial);
            report_noise(&trial);
        }
        report_time(&trial);
    }
    if (!code && trial.finite)
        code = report_units(&trial, error);
    if (trial.finite)
        findings__soften(preflight->findings, CHECK_TRIAL, trial.steps);
    if (trial.validated)
        evaluation_release(&trial.validation);
    memory_release(trial.before);
    memory_release(trial.moved);
    return code;
}
