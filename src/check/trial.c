/* Item 7: a short training with the run's own optimiser: what of the weights moves, units that die,
 * the noise of the gradient, whether it learns, and how long the whole run will take. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "check/inside.h"
#include "nn/loss.h"
#include "run/overfit.h"

#define LEAST_STEPS 40
#define MOST_STEPS 100
#define MANY_EPOCHS 8 /* within which a network may learn its samples by heart */
#define FIRST 4       /* batches whose loss is that of the start */
#define MEASURED 6    /* the last steps: the update ratios are means over them */

#define SMALL 100000 /* parameters of a small model, ... */
#define MORE 4       /* ... which makes up to so many times as many steps */

/* Parts of the loss of chance. */
#define BELOW_CHANCE 0.97       /* something is learnt */
#define HARDLY_BELOW_CHANCE 0.9 /* more than by chance */
#define LEARNT 0.7              /* much is learnt */
#define SLOW 0.4                /* not all of what easy images teach */

/* What a parameter did. */
struct Moved {
    const struct ArenaRow *row;
    double ratio; /* |update| / |weights|, the mean over the measured steps */
};

struct Trial {
    struct Preflight *preflight;
    int64_t steps, done;
    int64_t rise;               /* the steps over which the rate rises */
    double own;                 /* the rate, after its rise */
    bool warms_up;              /* the run does, over more steps than these */
    double chance, first;       /* losses: of scores of 0, and of the first batches */
    double last, last_accuracy; /* means over the last quarter */
    double newest_accuracy;     /* the mean over the measured steps */
    float *before;              /* the weights before a step */
    struct Moved *moved;
    int moved_count;
    double noise; /* of the gradient over its signal */
    bool finite;
    bool went_on; /* for more steps, because little was learnt */
    bool validated;
    struct Evaluation validation;
};

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

/* The rate rises over the first quarter. In a longer warm-up of the run it is the run's own as soon
 * as that is higher. */
static double rate_at(const struct Trial *trial, int64_t step) {
    double rise = fmax(1, (double)trial->rise);
    double rate = trial->own * fmin(1, (double)(step + 1) / rise);
    return trial->warms_up ? fmax(rate, experiment_rate(trial->preflight->experiment, step)) : rate;
}

static int one_step(struct Trial *trial, int64_t i, struct Error *error) {
    struct Experiment *experiment = trial->preflight->experiment;
    struct ExperimentStep step;
    size_t bytes = (size_t)arena_of(trial)->parameters * sizeof(float);
    int64_t quarter = trial->steps / 4;
    memcpy(trial->before, experiment_state(experiment), bytes);
    int code = experiment_step(experiment, rate_at(trial, i), &step, error);
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

/* The loss of the first batches with the first weights. */
static int measure_first(struct Trial *trial, struct Error *error) {
    struct ExperimentStep step;
    for (int i = 0; i < FIRST; i++) {
        int code = experiment_step(trial->preflight->experiment, NAN, &step, error);
        if (code)
            return code;
        trial->first += step.loss / FIRST;
    }
    experiment_restart(trial->preflight->experiment);
    return OK;
}

/* The loss of scores that tell the classes' frequencies alone, which may be far below that of
 * chance; where that is not known, that of chance. */
static double prior_loss(const struct Trial *trial) {
    const struct RunOptions *options = experiment_options(trial->preflight->experiment);
    const struct RunParts *parts = experiment_parts(trial->preflight->experiment);
    const struct Strings *weights = loss_class_weights(&options->loss);
    const int32_t *labels = parts->train->labels;
    int64_t classes = parts->dataset->targets.count, count = parts->train->count;
    double entropy = 0;
    if (strcmp(options->loss.kind->name, "cross_entropy") != 0 || (weights && weights->count) ||
        options->train.sampling != SAMPLING_UNIFORM || !labels)
        return trial->chance;
    double *frequency = memory_array(double, classes, "frequencies of classes");
    for (int64_t i = 0; i < count; i++)
        frequency[labels[i]] += 1.0 / (double)count;
    for (int64_t k = 0; k < classes; k++)
        entropy -= frequency[k] > 0 ? frequency[k] * log(frequency[k]) : 0;
    memory_release(frequency);
    return fmin(trial->chance, entropy);
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
    double limit = HARDLY_BELOW_CHANCE * fmin(trial->first, prior_loss(trial));
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
    return code;
}

/* ---- What moves ---- */

static int compare_moved(const void *a, const void *b) {
    double x = ((const struct Moved *)a)->ratio, y = ((const struct Moved *)b)->ratio;
    return (x > y) - (x < y);
}

static void report_updates(struct Trial *trial) {
    struct Finding *finding =
        findings__add(trial->preflight->findings, CHECK_TRIAL, "update_ratio");
    struct Moved *moved = trial->moved;
    int count = trial->moved_count;
    if (!count)
        return;
    qsort(moved, (size_t)count, sizeof *moved, compare_moved);
    double median = moved[count / 2].ratio;
    finding__figure(finding, "median", median);
    finding__figure(finding, "least", moved[0].ratio);
    finding__figure(finding, "most", moved[count - 1].ratio);
    finding__say(finding, "update over weight %.1e in the middle, from %.1e (%s) to %.1e (%s)",
                 median, moved[0].ratio, moved[0].row->name, moved[count - 1].ratio,
                 moved[count - 1].row->name);
    finding__expect(finding, "about 1e-3");
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
    else if (median < 1e-5)
        finding__blame(finding, median < 1e-7 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the learning rate is too low: the weights barely move",
                       "raise optimizer.rate");
    else if (median > 0.2)
        finding__blame(finding, median > 2 ? CHECK_BAD : CHECK_DOUBTFUL,
                       "the learning rate is too high: each step replaces much of the weights",
                       "lower optimizer.rate");
}

/* ---- Whether it learns ---- */

/* The part of the samples that the most frequent class is. */
static double majority(const struct Evaluation *evaluation) {
    int64_t classes = evaluation->outputs, most = 0;
    for (int64_t truth = 0; truth < classes; truth++) {
        int64_t sum = 0;
        for (int64_t k = 0; k < classes; k++)
            sum += evaluation->confusion[truth * classes + k];
        most = sum > most ? sum : most;
    }
    return (double)most / (double)evaluation->samples;
}

double check__part_above_chance(const struct Evaluation *evaluation, double part) {
    double p = majority(evaluation);
    return (part - p) / sqrt(fmax(p * (1 - p), 1e-9) / (double)evaluation->samples);
}

/* The part of the samples whose label is their prediction + shift, modulo the classes. */
static double right_if_shifted(const struct Evaluation *evaluation, int64_t shift) {
    int64_t classes = evaluation->outputs, right = 0;
    for (int64_t k = 0; k < classes; k++)
        right += evaluation->confusion[(k + shift + classes) % classes * classes + k];
    return (double)right / (double)evaluation->samples;
}

double check__above_chance(const struct Evaluation *evaluation) {
    return check__part_above_chance(evaluation, right_if_shifted(evaluation, 0));
}

/* The most frequent truth of the samples that are taken for class k; −1: there are none. */
static int64_t truth_of(const struct Evaluation *evaluation, int64_t k) {
    int64_t classes = evaluation->outputs, most = 0, at = -1;
    for (int64_t truth = 0; truth < classes; truth++)
        if (evaluation->confusion[truth * classes + k] > most) {
            most = evaluation->confusion[truth * classes + k];
            at = truth;
        }
    return at;
}

/* The part of the samples that are right if each class is renamed to its most frequent truth;
 * 0 if two would then have one name. */
static double right_if_renamed(const struct Evaluation *evaluation, int64_t *first) {
    int64_t classes = evaluation->outputs, right = 0;
    bool *taken = memory_array(bool, classes, "names of classes"), unique = true;
    *first = -1;
    for (int64_t k = 0; k < classes; k++) {
        int64_t truth = truth_of(evaluation, k);
        if (truth < 0)
            continue;
        unique &= !taken[truth];
        taken[truth] = true;
        right += evaluation->confusion[truth * classes + k];
        *first = *first < 0 && truth != k ? k : *first;
    }
    memory_release(taken);
    return unique ? (double)right / (double)evaluation->samples : 0;
}

/* Half of Σ|p − q| over the classes, p of predictions and q of truths. */
static double predicts_others(const struct Evaluation *evaluation) {
    int64_t classes = evaluation->outputs;
    double sum = 0;
    for (int64_t k = 0; k < classes; k++) {
        int64_t difference = 0;
        for (int64_t j = 0; j < classes; j++)
            difference +=
                evaluation->confusion[j * classes + k] - evaluation->confusion[k * classes + j];
        sum += fabs((double)difference) / 2;
    }
    return sum / (double)evaluation->samples;
}

#define SURE 5    /* standard errors above chance */
#define NOTHING 2 /* fewer of them are chance */
#define SURE_OF_DIFFERENCE 4
#define MANY_WRONG 0.2
#define MANY_WRONG_IF_HARDER 0.45

/* Labels of the validation split that have other numbers. */
static bool blame_numbers(struct Finding *finding, const struct Trial *trial) {
    const struct Evaluation *evaluation = &trial->validation;
    const struct Dataset *dataset = experiment_parts(trial->preflight->experiment)->dataset;
    int64_t classes = evaluation->outputs, first;
    double right = right_if_shifted(evaluation, 0), shifted = 0;
    for (int shift = -1; shift <= 1; shift += 2)
        shifted = fmax(shifted, right_if_shifted(evaluation, shift));
    shifted = classes > 2 ? shifted : 0; /* two that are swapped have other numbers */
    double renamed = right_if_renamed(evaluation, &first);
    if (check__part_above_chance(evaluation, shifted) > SURE && shifted > 2 * right) {
        finding__blame(finding, CHECK_BAD,
                       "labels of the validation split are off by one against those of the "
                       "training split: most samples are taken for the class beside theirs",
                       "look at how the labels of each split were numbered");
        return true;
    }
    if (!(check__part_above_chance(evaluation, renamed) > SURE && renamed > 0.5 &&
          renamed > 2 * right))
        return false;
    finding__say(finding, "; validation samples that are taken for class %s are mostly %s",
                 dataset->targets.names[first],
                 dataset->targets.names[truth_of(evaluation, first)]);
    finding__blame(finding, CHECK_BAD,
                   "classes have other numbers in the validation split than in the training split: "
                   "most samples of a class are taken for one and the same other class",
                   "look at how the labels of each split were numbered, and at the order of the "
                   "colours in the images");
    return true;
}

/* What is learnt does not hold for the validation split. If little is learnt, that is not sure. */
static void blame_splits(struct Finding *finding, const struct Trial *trial, bool sure) {
    const struct Preflight *preflight = trial->preflight;
    const struct RunParts *parts = experiment_parts(preflight->experiment);
    int64_t seen = trial->done * experiment_options(preflight->experiment)->train.batch;
    bool by_heart = seen > MANY_EPOCHS * parts->train->count;
    if (trial->last < 0.5 * trial->chance && !by_heart && predicts_others(&trial->validation) > 0.3)
        finding__blame(finding, CHECK_BAD,
                       "what is learnt does not hold for the validation split: its images are of "
                       "another kind than those of the training split",
                       "look at images of both splits, and draw both from the same samples");
    else
        finding__blame(finding, sure ? CHECK_BAD : CHECK_DOUBTFUL,
                       "what is learnt does not hold for the validation split: labels that do not "
                       "go with the images (shuffled, or shifted by a row), in one split or both",
                       "look at the samples of both splits and their labels");
}

/* Whether training shows the network other images than validation does, or not all of it, so that
 * it is less often right. */
static bool trains_harder(const struct Trial *trial) {
    const struct Experiment *experiment = trial->preflight->experiment;
    return model_is_random(experiment_parts(experiment)->model) ||
           run_has(experiment_options(experiment), HARDENS_AUGMENT);
}

/* Validation samples that are right more often than training samples. If a part of the training
 * labels is drawn at random, the accuracy there is above chance by as much less. Mixed images have
 * no one label that could be right. */
static void blame_wrong_labels(struct Finding *finding, const struct Trial *trial) {
    const struct RunOptions *options = experiment_options(trial->preflight->experiment);
    const struct Evaluation *evaluation = &trial->validation;
    double samples = (double)evaluation->samples;
    double seen = (double)(trial->steps / 4 * options->train.batch);
    double chance = majority(evaluation), right = right_if_shifted(evaluation, 0);
    double training = fmax(trial->last_accuracy, trial->newest_accuracy);
    double error = sqrt(training * (1 - training) / seen + right * (1 - right) / samples);
    double wrong = 1 - (training - chance) / (right - chance);
    if (options->train.sampling != SAMPLING_UNIFORM || run_has(options, HARDENS_MIX) ||
        right - training < SURE_OF_DIFFERENCE * error ||
        wrong < (trains_harder(trial) ? MANY_WRONG_IF_HARDER : MANY_WRONG))
        return;
    finding__figure(finding, "wrong_labels", wrong);
    finding__say(finding,
                 "; validation samples are right more often (%.0f %%) than training samples (%.0f "
                 "%%)",
                 100 * right, 100 * training);
    finding__blame(finding, CHECK_DOUBTFUL,
                   "many labels of the training split do not go with the images, and those of the "
                   "validation split do",
                   "look at samples of the training split and their labels");
}

/* Values, and sets of classes, which have no numbers that could be wrong. */
static void blame_targets(struct Finding *finding, const struct Trial *trial) {
    if (trial->last < LEARNT * trial->chance &&
        trial->validation.figures.value[FIGURE_LOSS] > trial->chance)
        finding__blame(finding, CHECK_BAD,
                       "what is learnt does not hold for the validation split: targets that do not "
                       "go with the samples (shuffled, shifted by a row, or their columns in "
                       "another order), in one split or both",
                       "look at the samples of both splits and their targets");
}

static void judge_validation(struct Finding *finding, const struct Trial *trial) {
    const struct Evaluation *evaluation = &trial->validation;
    if (!trial->validated)
        return;
    if (evaluation->split->labels == NULL) {
        blame_targets(finding, trial);
        return;
    }
    if (majority(evaluation) == 1 || blame_numbers(finding, trial))
        return;
    double prior = prior_loss(trial);
    if (check__above_chance(evaluation) < NOTHING && trial->last < prior &&
        evaluation->figures.value[FIGURE_LOSS] > prior)
        blame_splits(finding, trial, trial->last < HARDLY_BELOW_CHANCE * prior);
    else if (check__above_chance(evaluation) > SURE)
        blame_wrong_labels(finding, trial);
    else if (check__above_chance(evaluation) < NOTHING && trial->last > BELOW_CHANCE * prior &&
             trial->went_on)
        finding__blame(finding, CHECK_DOUBTFUL,
                       "nothing is learnt but how frequent the classes are: the images say hardly "
                       "anything of the labels, or the labels do not go with the images (shuffled, "
                       "or shifted by a row)",
                       "look at the samples and their labels");
}

/* The loss stays that of chance. */
static void blame_chance(struct Finding *finding, const struct Trial *trial) {
    const struct Preflight *preflight = trial->preflight;
    if (trial->own >= preflight->best_rate / 100 &&
        finding__blame_earlier(preflight->findings, finding, CHECK_BAD))
        return;
    if (trial->own < preflight->best_rate / 30)
        finding__blame(finding, CHECK_BAD, "the learning rate is too low: the loss barely moves",
                       "raise optimizer.rate");
    else if (preflight->hindered.cause)
        finding__blame(finding, CHECK_BAD, preflight->hindered.cause, preflight->hindered.advice);
    else if (preflight->overfits)
        finding__blame(finding, CHECK_BAD,
                       "a handful of samples can be learnt, but nothing that holds for new ones: "
                       "labels that do not go with the images (shuffled, or shifted by a row), or "
                       "a rate that is wrong by far",
                       "look at the samples and their labels");
    else
        finding__blame(finding, CHECK_DOUBTFUL,
                       "the loss stays that of chance: the rate is too low, the initial weights "
                       "are bad, or labels do not go with the images",
                       "look at the items above");
}

static bool explodes(const struct Trial *trial) {
    double reference = fmin(trial->first, trial->chance);
    return !trial->finite || !isfinite(trial->last) ||
           trial->last > 3 * fmax(trial->first, reference);
}

static bool learns(const struct Trial *trial) {
    return !explodes(trial) && trial->last < BELOW_CHANCE * fmin(trial->first, trial->chance);
}

static void judge_learning(struct Finding *finding, const struct Trial *trial) {
    const struct Preflight *preflight = trial->preflight;
    if (explodes(trial)) {
        if (!finding__blame_earlier(preflight->findings, finding, CHECK_BAD))
            finding__blame(finding, CHECK_BAD, "the learning rate is too high: the loss explodes",
                           "lower optimizer.rate, or clip the gradient (clip.norm)");
    } else if (preflight->too_high) {
        finding__blame(finding, learns(trial) ? CHECK_DOUBTFUL : CHECK_BAD,
                       "the learning rate is too high", "lower optimizer.rate");
    } else if (!learns(trial)) {
        blame_chance(finding, trial);
    } else {
        judge_validation(finding, trial);
        if (finding->verdict == CHECK_GOOD && preflight->hindered.cause)
            finding__blame(finding, CHECK_DOUBTFUL, preflight->hindered.cause,
                           preflight->hindered.advice);
    }
}

static void report_learning(struct Trial *trial) {
    struct Finding *finding = findings__add(trial->preflight->findings, CHECK_TRIAL, "learning");
    finding__figure(finding, "steps", (double)trial->done);
    finding__figure(finding, "first_loss", trial->first);
    finding__figure(finding, "last_loss", trial->finite ? trial->last : NAN);
    finding__figure(finding, "chance", trial->chance);
    finding__say(finding, "%" PRId64 " steps at rate %.3g: loss %.4g", trial->done,
                 fmax(trial->own, rate_at(trial, trial->done - 1)), trial->first);
    if (trial->finite)
        finding__say(finding, " at first, %.4g at last", trial->last);
    else
        finding__say(finding, " at first, then NaN or Inf");
    finding__expect(finding, "well below %.4g, that of chance", fmin(trial->first, trial->chance));
    judge_learning(finding, trial);
}

static void report_gap(struct Trial *trial) {
    const struct Figures *figures = &trial->validation.figures;
    char text[FIGURES_TEXT];
    if (!trial->validated)
        return;
    double loss = figures->value[FIGURE_LOSS];
    struct Finding *finding = findings__add(trial->preflight->findings, CHECK_TRIAL, "gap");
    finding__figure(finding, "train_loss", trial->last);
    finding__figure(finding, "validation_loss", loss);
    finding__figure(finding, "train_accuracy", trial->last_accuracy);
    finding__figure(finding, "validation_accuracy",
                    figures->measured[FIGURE_ACCURACY] ? figures->value[FIGURE_ACCURACY] : NAN);
    finding__say(finding, "training loss %.4g, validation %s", trial->last,
                 figures_text(figures, ", ", FIGURE_DIGITS, text));
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
        finding__say(finding, "two batches' gradients have nothing in common");
}

static void report_time(struct Trial *trial) {
    const struct ScheduleTime *time = &experiment_parts(trial->preflight->experiment)->time;
    double seconds = (double)time->total * trial->preflight->step_seconds;
    struct Finding *finding = findings__add(trial->preflight->findings, CHECK_TRIAL, "run_time");
    finding__figure(finding, "step_seconds", trial->preflight->step_seconds);
    finding__figure(finding, "run_seconds", seconds);
    finding__say(finding, "%" PRId64 " steps of %.3g s: the whole run takes ", time->total,
                 trial->preflight->step_seconds);
    if (seconds < 120)
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
                     "%.0f %% of the units of %s fire for none of the samples; %.0f %% at "
                     "the start",
                     100 * dead, after.layers[at].name, 100 * before);
        finding__expect(finding, "few");
        /* A network that learns can spare many. */
        if (dead > (learns(trial) ? 0.95 : 0.5) || (dead > 0.3 && before > 0.3))
            blame_units(preflight, finding,
                        dead > 0.8 && !learns(trial) ? CHECK_BAD : CHECK_DOUBTFUL,
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
    double rate = rate_at(trial, trial->steps);
    if (preflight->too_high || explodes(trial))
        return OK;
    if (!learns(trial))
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
    trial.rise = trial.steps / 4;
    choose_rate(&trial);
    trial.chance = check__chance(preflight->experiment);
    code = train_shortly(&trial, error);
    if (!code)
        code = look_again(&trial, error);
    if (!code) {
        report_learning(&trial);
        if (trial.finite) {
            report_updates(&trial);
            report_gap(&trial);
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
