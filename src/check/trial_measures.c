/* What the measurements of a short training say. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "check/confusion.h"
#include "check/trial.h"
#include "nn/loss.h"
#include "run/overfit.h"

double check__trial_rate(const struct Trial *trial, int64_t step) {
    double rise = fmax(1, (double)trial->rise);
    double rate = trial->own * fmin(1, (double)(step + 1) / rise);
    double lowest_at = trial->preflight->lowest_at;
    double most = lowest_at > 0 ? lowest_at : INFINITY;
    if (!trial->warms_up)
        return rate;
    return fmax(rate, fmin(experiment_rate(trial->preflight->experiment, step), most));
}

double check__trial_prior_loss(const struct Trial *trial) {
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

bool check__trial_explodes(const struct Trial *trial) {
    double reference = fmin(trial->first, trial->chance);
    return !trial->finite || !isfinite(trial->last) ||
           trial->last > 3 * fmax(trial->first, reference);
}

bool check__trial_learns(const struct Trial *trial) {
    return !check__trial_explodes(trial) &&
           trial->last < BELOW_CHANCE * fmin(trial->first, trial->chance);
}

#define SURE_OF_DIFFERENCE 3 /* standard errors */
#define MANY_WRONG 0.15
#define MANY_WRONG_IF_HARDER 0.45

/* Whether training shows the network other images than validation does, or not all of it, so that
 * it is less often right. */
static bool trains_harder(const struct Trial *trial) {
    const struct Experiment *experiment = trial->preflight->experiment;
    return model_is_random(experiment_parts(experiment)->model) ||
           run_has(experiment_options(experiment), HARDENS_AUGMENT);
}

double check__trial_training_accuracy(const struct Trial *trial) {
    return fmax(trial->last_accuracy, trial->newest_accuracy);
}

double check__trial_wrong_labels(const struct Trial *trial) {
    const struct RunOptions *options = experiment_options(trial->preflight->experiment);
    const struct Evaluation *evaluation = &trial->validation;
    double samples = (double)evaluation->samples;
    double seen = (double)(trial->steps / 4 * options->train.batch);
    double chance = check__majority(evaluation), right = check__right_if_shifted(evaluation, 0);
    double training = check__trial_training_accuracy(trial);
    double error = sqrt(training * (1 - training) / seen + right * (1 - right) / samples);
    double wrong = 1 - (training - chance) / (right - chance);
    if (options->train.sampling != SAMPLING_UNIFORM || run_has(options, HARDENS_MIX) ||
        right - training < SURE_OF_DIFFERENCE * error ||
        wrong < (trains_harder(trial) ? MANY_WRONG_IF_HARDER : MANY_WRONG))
        return 0;
    return wrong;
}

bool check__trial_suspects_labels(const struct Trial *trial) {
    return trial->validated && trial->validation.split->labels &&
           check__above_chance(&trial->validation) > SURE && check__trial_wrong_labels(trial) > 0;
}
