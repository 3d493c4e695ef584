/* Targets are values: the root of each output's mean squared error in the target's own unit, and
 * R², the part of the targets' variance that the predictions explain. */
#include <math.h>

#include "base/memory.h"
#include "evaluate/metrics.h"

/* Σ (prediction − truth)² of each output, then Σ (truth − its mean)² of each. */
static int64_t sum_count(int64_t outputs) {
    return 2 * outputs;
}

/* The mean of one of the split's targets. If it never varies, the mean is exactly its value, so
 * that it has no variance. */
static double mean_of(const struct Split *split, int64_t output, int64_t outputs) {
    double sum = 0;
    if (!split_target_varies(split, outputs, output))
        return (double)split->targets[output];
    for (int64_t i = 0; i < split->count; i++)
        sum += (double)split->targets[i * outputs + output];
    return sum / (double)split->count;
}

static void start(struct Evaluation *evaluation, const struct Split *split) {
    evaluation->split = split;
    evaluation->of_output = memory_array(struct Figures, evaluation->outputs, "evaluation");
    evaluation->target_mean = memory_array(double, evaluation->outputs, "evaluation");
    for (int64_t k = 0; k < evaluation->outputs; k++)
        evaluation->target_mean[k] = mean_of(split, k, evaluation->outputs);
}

static void add_block(struct Evaluation *evaluation, const struct PredictedBlock *block,
                      double *sums) {
    int64_t outputs = evaluation->outputs;
    const float *truth = block->split->targets + block->first * outputs;
    for (int64_t i = 0; i < block->count; i++)
        for (int64_t k = 0; k < outputs; k++) {
            double value = (double)truth[i * outputs + k];
            double error = block->predictions[i * outputs + k] - value;
            double spread = value - evaluation->target_mean[k];
            sums[k] += error * error;
            sums[outputs + k] += spread * spread;
        }
}

/* As in scikit-learn: of one sample R² is not defined; without variance it is 1 if the prediction
 * is exact and 0 if not. */
static double r2_of(int64_t samples, double squared_error, double spread) {
    if (samples < 2)
        return NAN;
    if (spread > 0)
        return 1 - squared_error / spread;
    return squared_error > 0 ? 0 : 1;
}

static void finish(struct Evaluation *evaluation, struct Ranks *ranks, const double *sums) {
    int64_t outputs = evaluation->outputs;
    double samples = (double)evaluation->samples, squares = 0, explained = 0;
    (void)ranks;
    for (int64_t k = 0; k < outputs; k++) {
        double r2 = r2_of(evaluation->samples, sums[k], sums[outputs + k]);
        figures_set(&evaluation->of_output[k], FIGURE_RMSE, sqrt(sums[k] / samples));
        figures_set(&evaluation->of_output[k], FIGURE_R2, r2);
        squares += sums[k] / samples;
        explained += r2;
    }
    figures_set(&evaluation->figures, FIGURE_RMSE, sqrt(squares / (double)outputs));
    figures_set(&evaluation->figures, FIGURE_R2, explained / (double)outputs);
}

const struct Metrics metrics_values = {sum_count, start, add_block, finish};
