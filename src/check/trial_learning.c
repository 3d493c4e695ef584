/* What a short training has learnt. */
#include <inttypes.h>
#include <math.h>

#include "check/confusion.h"
#include "check/trial.h"
#include "nn/loss.h"

#define MANY_EPOCHS 8 /* within which a network may learn its samples by heart */
#define FEW_EPOCHS 5  /* within which it hardly does */

#define FEW_SAMPLES 20 /* fewer say nothing of whether what is learnt holds */
#define NOTHING 2      /* fewer of them are chance */
#define SWAPPED 0.6    /* of the samples of a class are taken for one other */
#define FEW 10         /* samples of a class say nothing of that */
#define SHIFTED 0.8    /* of the samples that other numbers explain */
#define FAR_ABOVE 1.5  /* times the loss of chance */

/* Two classes of which each is mostly taken for the other; false if there are none. */
static bool find_swapped(const struct Evaluation *evaluation, int64_t *one, int64_t *other) {
    int64_t classes = evaluation->outputs;
    for (int64_t a = 0; a < classes; a++) {
        const int64_t *row = evaluation->confusion + a * classes;
        for (int64_t b = a + 1; b < classes; b++) {
            const int64_t *back = evaluation->confusion + b * classes;
            int64_t all = 0, all_back = 0;
            for (int64_t k = 0; k < classes; k++) {
                all += row[k];
                all_back += back[k];
            }
            if (all < FEW || all_back < FEW || (double)row[b] < SWAPPED * (double)all ||
                (double)back[a] < SWAPPED * (double)all_back)
                continue;
            *one = a;
            *other = b;
            return true;
        }
    }
    return false;
}

/* Labels of the validation split that have other numbers. */
static bool blame_numbers(struct Finding *finding, const struct Trial *trial) {
    const struct Evaluation *evaluation = &trial->validation;
    const struct Dataset *dataset = experiment_parts(trial->preflight->experiment)->dataset;
    int64_t classes = evaluation->outputs, first;
    double right = check__right_if_shifted(evaluation, 0), shifted = 0;
    for (int shift = -1; shift <= 1; shift += 2)
        shifted = fmax(shifted, check__right_if_shifted(evaluation, shift));
    shifted = classes > 2 ? shifted : 0; /* two that are swapped have other numbers */
    double renamed = check__right_if_renamed(evaluation, &first);
    bool other_numbers = check__part_above_chance(evaluation, renamed) > SURE && renamed > 0.5 &&
                         renamed > 2 * right;
    if (check__part_above_chance(evaluation, shifted) > SURE && shifted > 2 * right &&
        !(other_numbers && shifted < SHIFTED * renamed)) {
        finding__blame(finding, CHECK_BAD,
                       "labels of the validation split are off by one against those of the "
                       "training split: most samples are taken for the class beside theirs",
                       "look at how the labels of each split were numbered");
        return true;
    }
    int64_t one, other;
    if (!other_numbers && find_swapped(evaluation, &one, &other)) {
        finding__say(finding,
                     "; validation samples of class %s are mostly taken for %s, and the "
                     "other way round",
                     dataset->targets.names[one], dataset->targets.names[other]);
        finding__blame(finding, CHECK_BAD,
                       "classes have other numbers in the validation split than in the training "
                       "split: two of them are swapped",
                       "look at how the labels of each split were numbered");
        return true;
    }
    if (!other_numbers)
        return false;
    finding__say(finding, "; validation samples that are taken for class %s are mostly %s",
                 dataset->targets.names[first],
                 dataset->targets.names[check__truth_of(evaluation, first)]);
    /* If images have a side, their mirror images may be learnt better than they are. */
    finding__blame(finding, trial->preflight->mirrors_sides ? CHECK_DOUBTFUL : CHECK_BAD,
                   "classes have other numbers in the validation split than in the training split: "
                   "most samples of a class are taken for one and the same other class",
                   "look at how the labels of each split were numbered, and at the order of the "
                   "colours in the images");
    return true;
}

static double epochs_seen(const struct Trial *trial) {
    const struct Experiment *experiment = trial->preflight->experiment;
    return (double)(trial->done * experiment_options(experiment)->train.batch) /
           (double)experiment_parts(experiment)->train->count;
}

static void blame_kind(struct Finding *finding, enum CheckVerdict verdict) {
    finding__blame(
        finding, verdict,
        "what is learnt does not hold for the validation split: its samples are of "
        "another kind than those of the training split, or prepared in another way, or "
        "many of its labels are wrong",
        "look at samples and labels of both splits, and draw both from the same samples");
}

/* What is learnt does not hold for the validation split. If little is learnt, that is not sure. */
static void blame_splits(struct Finding *finding, const struct Trial *trial, bool sure) {
    if (trial->last < 0.5 * trial->chance && epochs_seen(trial) <= MANY_EPOCHS &&
        check__predicts_others(&trial->validation) > 0.3)
        blame_kind(finding, CHECK_BAD);
    else
        finding__blame(finding, sure ? CHECK_BAD : CHECK_DOUBTFUL,
                       "what is learnt does not hold for the validation split: labels that do not "
                       "go with the samples (shuffled, or shifted by a row), in one split or both",
                       "look at the samples of both splits and their labels");
}

/* Much is learnt within few epochs, and the validation loss is above that of chance nevertheless,
 * although some validation samples are right. With weights of classes, losses of training and
 * validation are not the same thing. */
static bool holds_for_few(const struct Trial *trial) {
    const struct Strings *weights =
        loss_class_weights(&experiment_options(trial->preflight->experiment)->loss);
    return !(weights && weights->count) && trial->last < 0.5 * trial->chance &&
           epochs_seen(trial) <= FEW_EPOCHS &&
           trial->validation.figures.value[FIGURE_LOSS] > trial->chance;
}

/* A run that learns little within the first steps, and then much, while the validation loss is far
 * above that of chance. A few validation samples may be right by chance, or because they are like
 * some of training. */
static bool is_learnt_by_heart(const struct Trial *trial) {
    return trial->went_on && trial->last < 0.5 * trial->chance &&
           trial->validation.figures.value[FIGURE_LOSS] > FAR_ABOVE * trial->chance;
}

static void blame_wrong_labels(struct Finding *finding, const struct Trial *trial) {
    double wrong = check__trial_wrong_labels(trial);
    if (!(wrong > 0) || trial->ends_better || trial->preflight->hindered.cause)
        return;
    finding__figure(finding, "wrong_labels", wrong);
    finding__say(finding,
                 "; validation samples are right more often (%.0f %%) than training samples (%.0f "
                 "%%)",
                 100 * check__right_if_shifted(&trial->validation, 0),
                 100 * check__trial_training_accuracy(trial));
    finding__blame(finding, CHECK_DOUBTFUL, CHECK_WRONG_LABELS, CHECK_WRONG_LABELS_ADVICE);
}

/* Values, and sets of classes, which have no numbers that could be wrong. If little is learnt in
 * many steps, it is not sure that what does not hold has a cause. */
static void blame_targets(struct Finding *finding, const struct Trial *trial) {
    const struct Figures *figures = &trial->validation.figures;
    bool much = trial->last < LEARNT * trial->chance && figures->value[FIGURE_LOSS] > trial->chance;
    bool little = trial->went_on && figures->measured[FIGURE_R2] && figures->value[FIGURE_R2] < 0;
    if (much || little)
        finding__blame(finding, much ? CHECK_BAD : CHECK_DOUBTFUL,
                       "what is learnt does not hold for the validation split: targets that do not "
                       "go with the samples (shuffled, shifted by a row, or their columns in "
                       "another order), in one split or both",
                       "look at the samples of both splits and their targets");
}

static void judge_validation(struct Finding *finding, const struct Trial *trial) {
    const struct Evaluation *evaluation = &trial->validation;
    if (!trial->validated || evaluation->samples < FEW_SAMPLES)
        return;
    if (evaluation->split->labels == NULL) {
        blame_targets(finding, trial);
        return;
    }
    if (check__majority(evaluation) == 1 || blame_numbers(finding, trial))
        return;
    double prior = check__trial_prior_loss(trial);
    if (check__above_chance(evaluation) < NOTHING && trial->last < prior &&
        evaluation->figures.value[FIGURE_LOSS] > prior)
        blame_splits(finding, trial, trial->last < HARDLY_BELOW_CHANCE * prior);
    else if (holds_for_few(trial))
        blame_kind(finding, CHECK_DOUBTFUL);
    else if (check__above_chance(evaluation) > SURE)
        blame_wrong_labels(finding, trial);
    else if (is_learnt_by_heart(trial))
        blame_splits(finding, trial, false);
    else if (check__above_chance(evaluation) < NOTHING && trial->last > BELOW_CHANCE * prior &&
             trial->went_on)
        finding__blame(
            finding, CHECK_DOUBTFUL,
            "nothing is learnt but how frequent the classes are: the samples say hardly "
            "anything of the labels, or the labels do not go with the samples (shuffled, "
            "or shifted by a row)",
            "look at the samples and their labels");
}

#define FAR 0.5 /* times their norm that the weights have moved, step by step */

static bool moved_far(const struct Trial *trial) {
    return !(trial->median * (double)trial->done < FAR);
}

/* A network that has not seen all samples and has hardly moved may learn them in more steps. */
static bool had_no_time(const struct Trial *trial) {
    return trial->hurried && epochs_seen(trial) < 1 && !moved_far(trial);
}

/* The loss stays that of chance. */
static void blame_chance(struct Finding *finding, const struct Trial *trial) {
    const struct Preflight *preflight = trial->preflight;
    bool barely_moves = trial->own < preflight->best_rate / 30 && !moved_far(trial) &&
                        !(trial->last < 0.5 * trial->first);
    if (!(barely_moves && trial->own < preflight->best_rate / 100) &&
        finding__blame_earlier(preflight->findings, finding, CHECK_BAD))
        return;
    if (barely_moves)
        check__blame_low_rate(preflight, finding, CHECK_BAD,
                              "the learning rate is too low: the loss barely moves",
                              "raise optimizer.rate");
    else if (preflight->hindered.cause)
        finding__blame(finding, CHECK_BAD, preflight->hindered.cause, preflight->hindered.advice);
    else if (had_no_time(trial))
        finding__say(finding,
                     "; there was time for so few steps that nothing follows from it: give "
                     "the check more time");
    else if (preflight->overfits)
        finding__blame(
            finding, CHECK_BAD,
            "a handful of samples can be learnt, but nothing that holds for new ones: "
            "labels or values that do not go with the samples (shuffled, or shifted by a row), or "
            "a rate that is wrong by far",
            "look at the samples and their labels");
    else
        finding__blame(finding, CHECK_DOUBTFUL,
                       "the loss stays that of chance: the rate is too low, the initial weights "
                       "are bad, or labels do not go with the samples",
                       "look at the items above");
}

static void judge_learning(struct Finding *finding, const struct Trial *trial) {
    const struct Preflight *preflight = trial->preflight;
    if (check__trial_explodes(trial)) {
        if (!finding__blame_earlier(preflight->findings, finding, CHECK_BAD))
            finding__blame(finding, CHECK_BAD, "the learning rate is too high: the loss explodes",
                           "lower optimizer.rate, or clip the gradient (clip.norm)");
    } else if (preflight->too_high) {
        finding__blame(finding, check__trial_learns(trial) ? CHECK_DOUBTFUL : CHECK_BAD,
                       "the learning rate is too high", "lower optimizer.rate");
    } else if (!check__trial_learns(trial)) {
        blame_chance(finding, trial);
    } else {
        judge_validation(finding, trial);
        if (finding->verdict == CHECK_GOOD && preflight->hindered.cause)
            finding__blame(finding, CHECK_DOUBTFUL, preflight->hindered.cause,
                           preflight->hindered.advice);
    }
}

void check__report_learning(struct Trial *trial) {
    double rate = fmax(trial->own, check__trial_rate(trial, trial->done - 1));
    struct Finding *finding = findings__add(trial->preflight->findings, CHECK_TRIAL, "learning");
    finding__figure(finding, "steps", (double)trial->done);
    finding__figure(finding, "first_loss", trial->first);
    finding__figure(finding, "last_loss", trial->finite ? trial->last : NAN);
    finding__figure(finding, "rate", rate);
    finding__figure(finding, "chance", trial->chance);
    finding__say(finding, "%" PRId64 " steps at rate %.3g: loss %.4g", trial->done, rate,
                 trial->first);
    if (trial->finite)
        finding__say(finding, " at first, %.4g at last", trial->last);
    else
        finding__say(finding, " at first, then NaN or Inf");
    finding__expect(finding, "well below %.4g, that of chance", fmin(trial->first, trial->chance));
    judge_learning(finding, trial);
}

void check__report_gap(struct Trial *trial) {
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
