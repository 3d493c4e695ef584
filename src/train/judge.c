#include "train/judge.h"

#include "base/memory.h"
#include "nn/loss.h"

double judge_loss(const struct JudgedBlock *block, int64_t outputs) {
    const struct Loss *loss = (const struct Loss *)block->loss->kind;
    double sum = 0;
    for (int64_t i = 0; i < block->count; i++)
        sum += loss->measure(block->loss->options, outputs, block->predictions + i * outputs,
                             block->targets + i * outputs);
    return sum;
}

void evaluation_release(struct Evaluation *evaluation) {
    memory_release(evaluation->confusion);
    evaluation->confusion = NULL;
}
