#include "evaluate/metrics.h"

#include "base/memory.h"
#include "nn/loss.h"

const struct Metrics *metrics_for(const struct Dataset *dataset) {
    return targets_are_values(&dataset->targets) ? &metrics_values : &metrics_classes;
}

double metrics_loss(const struct PredictedBlock *block, int64_t outputs) {
    const struct Loss *loss = (const struct Loss *)block->loss->kind;
    double sum = 0;
    for (int64_t i = 0; i < block->count * outputs; i += outputs)
        sum += loss->measure(block->loss->options, outputs, block->scores + i, block->targets + i);
    return sum;
}

void evaluation_release(struct Evaluation *evaluation) {
    ranking_release(&evaluation->ranking);
    memory_release(evaluation->confusion);
    memory_release(evaluation->of_output);
    memory_release(evaluation->target_mean);
    *evaluation = (struct Evaluation){0};
}
