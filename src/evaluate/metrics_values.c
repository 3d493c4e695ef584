/* Targets are values: of each output the root of the mean squared error and R², the part of the
 * targets' variance that the predictions explain; both in the targets' own units. */
#include <math.h>

#include "base/memory.h"
#include "evaluate/metrics.h"

/* Of each output: Σ (prediction − truth)², then Σ (truth − its mean)². */
static int64_t tallies(int64_t outputs) {
    return 2 * outputs;
}

/* Of the split's targets; of one that never varies exactly its value, so that it has no
 * variance. */
static double mean_of(const struct Split *split, int64_t output, int64_t outputs) {
    double sum = 0;
    bool varies = false;
    for (int64_t i = 0; i < split->count; i++) {
        sum += (double)split->targets[i * outputs + output];
        varies |= split->targets[i * outputs + output] != split->targets[output];
    }
    return varies ? sum / (double)split->count : (double)split->targets[output];
}

static void start(struct Evaluation *evaluation, const struct Split *split) {
    size_t bytes = (size_t)evaluation->outputs * sizeof(double);
    evaluation->rmse = memory_allocate(bytes, "evaluation");
    evaluation->r2 = memory_allocate(bytes, "evaluation");
    evaluation->target_mean = memory_allocate(bytes, "evaluation");
    for (int64_t k = 0; k < evaluation->outputs; k++)
        evaluation->target_mean[k] = mean_of(split, k, evaluation->outputs);
}

static void judge_block(struct Evaluation *evaluation, const struct JudgedBlock *block,
                        double *tally) {
    int64_t outputs = evaluation->outputs;
    const float *truth = block->split->targets + block->first * outputs;
    for (int64_t i = 0; i < block->count; i++)
        for (int64_t k = 0; k < outputs; k++) {
            double value = (double)truth[i * outputs + k];
            double error = (double)block->predictions[i * outputs + k] - value;
            double spread = value - evaluation->target_mean[k];
            tally[k] += error * error;
            tally[outputs + k] += spread * spread;
        }
}

/* Without variance nothing is left to explain, or nothing was: as scikit-learn has it. */
static double r2_of(double squared_error, double spread) {
    if (spread > 0)
        return 1 - squared_error / spread;
    return squared_error > 0 ? 0 : 1;
}

static void finish(struct Evaluation *evaluation, struct Ranks *ranks, const double *tally) {
    int64_t outputs = evaluation->outputs;
    double samples = (double)evaluation->samples, squares = 0, explained = 0;
    (void)ranks;
    for (int64_t k = 0; k < outputs; k++) {
        evaluation->rmse[k] = sqrt(tally[k] / samples);
        evaluation->r2[k] = r2_of(tally[k], tally[outputs + k]);
        squares += tally[k] / samples;
        explained += evaluation->r2[k];
    }
    evaluation->overall_rmse = sqrt(squares / (double)outputs);
    evaluation->overall_r2 = explained / (double)outputs;
}

const struct Judge judge_values = {tallies, start, judge_block, finish};
