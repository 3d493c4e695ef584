#include "run/chance.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

#define MOST_TARGETS 2000

void run_read_target(const struct RunParts *parts, int64_t sample, float *target) {
    const struct Split *split = parts->train;
    int64_t outputs = parts->dataset->targets.count;
    if (split->labels) {
        memset(target, 0, (size_t)outputs * sizeof *target);
        target[split->labels[sample]] = 1;
    } else if (targets_are_values(&parts->dataset->targets)) {
        target_scale_apply(&parts->scale, 1, split->targets + sample * outputs, target);
    } else {
        memcpy(target, split->targets + sample * outputs, (size_t)outputs * sizeof *target);
    }
}

double run_chance_loss(const struct RunOptions *options, const struct RunParts *parts) {
    const struct Choice *choice = &options->loss;
    const struct Loss *loss = loss_variant((const struct Loss *)choice->kind, VARIANT_F64);
    int64_t outputs = parts->dataset->targets.count, count = parts->train->count;
    int64_t samples = count < MOST_TARGETS ? count : MOST_TARGETS;
    double *zeros = memory_array(double, outputs, "scores"), sum = 0, mass = 0, one;
    float *target = memory_array(float, outputs, "a target");
    for (int64_t i = 0; i < samples; i++) {
        int64_t sample = i * count / samples;
        double weight = parts->train->weights ? parts->train->weights[sample] : 1;
        run_read_target(parts, sample, target);
        loss->evaluate(choice->options, 1, outputs, zeros, target, 1, &one, NULL);
        sum += weight * one;
        mass +=
            weight * loss_mass((const struct Loss *)choice->kind, choice->options, outputs, target);
    }
    memory_release(zeros);
    memory_release(target);
    return mass > 0 ? sum / mass : 0;
}

double run_usual_loss(double times, double chance) {
    return fmax(times * chance, chance + (times - 1) * log(10));
}

/* What the mean of so many squares of standard normal numbers exceeds once in a thousand times
 * (Wilson and Hilferty 1931, "The distribution of chi-square"). */
static double rare_mean_of_squares(double count) {
    double part = 2 / (9 * count), root = 1 - part + 3.0902 * sqrt(part);
    return root * root * root;
}

double run_usual_loss_of_values(const struct RunOptions *options, int64_t outputs, double times,
                                double chance) {
    if (strcmp(options->loss.kind->name, "mse") != 0)
        return times * chance;
    return fmax(times, 1 + 2 * rare_mean_of_squares((double)outputs)) * chance;
}
