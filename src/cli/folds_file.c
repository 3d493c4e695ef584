#include "cli/folds_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/loss.h"
#include "store/h5.h"

void out_of_fold_release(struct OutOfFold *all) {
    memory_release(all->rows);
    memory_release(all->folds);
    memory_release(all->classes);
    memory_release(all->labels);
    memory_release(all->scores);
    memory_release(all->predictions);
    memory_release(all->targets);
    *all = (struct OutOfFold){0};
}

#define GROW(pointer, width)                                                                       \
    ((pointer) = memory_resize((pointer), (size_t)(before * (width)) * sizeof *(pointer),          \
                               (size_t)(now * (width)) * sizeof *(pointer), "predictions"))

void out_of_fold_begin(struct OutOfFold *all, const struct Dataset *dataset, int64_t fold,
                       bool probabilities, const struct Choice *loss) {
    const struct Split *split = &dataset->splits[0];
    int64_t before = all->count, now = before + split->count, outputs = dataset->targets.count;
    all->outputs = outputs;
    all->fold = fold;
    all->first = before;
    all->count = now;
    all->probabilities = probabilities;
    all->prediction = ((const struct Loss *)loss->kind)->prediction;
    all->dataset = dataset;
    GROW(all->rows, 1);
    GROW(all->folds, 1);
    GROW(all->classes, 1);
    GROW(all->scores, outputs);
    GROW(all->predictions, outputs);
    if (split->labels)
        GROW(all->labels, 1);
    if (split->targets)
        GROW(all->targets, outputs);
}

void out_of_fold_add(struct OutOfFold *all, const struct DeliveredBlock *block) {
    const struct Split *split = &all->dataset->splits[0];
    int64_t outputs = all->outputs, at = all->first + block->first;
    size_t values = (size_t)(block->count * outputs);
    for (int64_t i = 0; i < block->count; i++) {
        all->rows[at + i] = split->rows[block->first + i];
        all->folds[at + i] = (int32_t)(all->fold + 1);
        if (split->labels)
            all->labels[at + i] = split->labels[block->first + i];
    }
    if (split->targets)
        memcpy(all->targets + at * outputs, split->targets + block->first * outputs,
               values * sizeof *all->targets);
    memcpy(all->scores + at * outputs, block->scores, values * sizeof *all->scores);
    memcpy(all->classes + at, block->classes, (size_t)block->count * sizeof *all->classes);
    memcpy(all->predictions + at * outputs, block->predictions, values * sizeof *all->predictions);
}

void out_of_fold_measure(const struct OutOfFold *all, const struct Dataset *dataset,
                         const struct Evaluation *parts, struct Evaluation *evaluation) {
    struct Ranks *alone = ranks_alone();
    static char name[] = "out of fold";
    struct Split split = {
        .name = name, .count = all->count, .labels = all->labels, .targets = all->targets};
    const struct Metrics *metrics = metrics_for(dataset);
    const struct PredictedBlock block = {
        .split = &split, .count = all->count, .scores = all->scores, .predictions = all->scores};
    double *sums = memory_array(double, metrics->sum_count(all->outputs), "evaluation"), loss = 0;
    *evaluation = (struct Evaluation){
        .samples = all->count, .outputs = all->outputs, .probabilities = all->probabilities};
    if (!targets_are_values(&dataset->targets))
        ranking_create(&evaluation->ranking, alone, &split, all->outputs);
    metrics->start(evaluation, &split);
    metrics->add_block(evaluation, &block, sums);
    for (int64_t done = 0; done < all->count; parts++) {
        loss += (double)parts->samples * parts->figures.value[FIGURE_LOSS];
        done += parts->samples;
    }
    figures_set(&evaluation->figures, FIGURE_LOSS, loss / (double)all->count);
    metrics->finish(evaluation, alone, sums);
    evaluation->split = NULL;
    memory_release(sums);
    ranks_release(alone);
}

/* ---- The file ---- */

struct Placed {
    int64_t row, at;
};

static int by_row(const void *a, const void *b) {
    const struct Placed *x = a, *y = b;
    return x->row != y->row ? (x->row > y->row) - (x->row < y->row)
                            : (x->at > y->at) - (x->at < y->at);
}

/* An array that has `width` values of `bytes` bytes for each sample. */
struct Column {
    const char *name;
    enum H5Type type;
    size_t bytes;
    int64_t width;
    const void *values;
};

/* Writes an array in the order of `placed`. */
static int write_array(struct H5Writer *writer, const struct Column *column, int64_t count,
                       const struct Placed *placed, struct Error *error) {
    const int64_t size[] = {count, column->width};
    size_t row = column->bytes * (size_t)column->width;
    int rank = column->width > 1 || column->type == H5_FLOAT32 ? 2 : 1;
    char *sorted = memory_allocate((size_t)count * row, "predictions");
    for (int64_t i = 0; i < count; i++)
        memcpy(sorted + (size_t)i * row, (const char *)column->values + (size_t)placed[i].at * row,
               row);
    int code = h5_write(writer, column->name, column->type, rank, size, sorted, error);
    memory_release(sorted);
    return code;
}

/* Writes 1 for each class with a probability of at least 1/2, and 0 for the others. */
static int write_sets(struct H5Writer *writer, const struct OutOfFold *all,
                      const struct Placed *placed, struct Error *error) {
    const int64_t size[] = {all->count, all->outputs};
    uint8_t *sets = memory_array(uint8_t, all->count * all->outputs, "predictions");
    for (int64_t i = 0; i < all->count; i++)
        for (int64_t k = 0; k < all->outputs; k++)
            sets[i * all->outputs + k] = all->scores[placed[i].at * all->outputs + k] >= 0;
    int code = h5_write(writer, "/predictions", H5_UINT8, 2, size, sets, error);
    memory_release(sets);
    return code;
}

static int write_all(struct H5Writer *writer, const struct OutOfFold *all,
                     const struct Dataset *dataset, const struct Placed *placed,
                     struct Error *error) {
    bool values = targets_are_values(&dataset->targets);
    const char *name = values                                 ? "/predictions"
                       : all->prediction == PREDICTION_SCORES ? "/scores"
                                                              : "/probabilities";
    int64_t outputs = all->outputs;
    bool labels = targets_are_labels(&dataset->targets);
    const struct Column columns[] = {
        {"/rows", H5_INT64, sizeof *all->rows, 1, all->rows},
        {"/folds", H5_INT32, sizeof *all->folds, 1, all->folds},
        {name, H5_FLOAT32, sizeof *all->predictions, outputs, all->predictions},
        {"/predictions", H5_INT32, sizeof *all->classes, 1, labels ? all->classes : NULL},
        {"/labels", H5_INT32, sizeof *all->labels, 1, all->labels},
        {"/targets", H5_FLOAT32, sizeof *all->targets, outputs, all->targets}};
    int code = OK;
    for (size_t i = 0; i < sizeof columns / sizeof *columns && !code; i++)
        if (columns[i].values)
            code = write_array(writer, &columns[i], all->count, placed, error);
    if (!code && dataset->targets.kind == TARGET_SETS)
        code = write_sets(writer, all, placed, error);
    return code ? code
                : h5_write_texts(writer, values ? "/target_names" : "/classes",
                                 (const char *const *)dataset->targets.names, outputs, error);
}

int out_of_fold_write(const struct OutOfFold *all, const struct Dataset *dataset, const char *path,
                      struct Error *error) {
    struct H5Writer *writer;
    int code = h5_create(&writer, path, error);
    if (code)
        return code;
    struct Placed *placed = memory_array(struct Placed, all->count, "predictions");
    for (int64_t i = 0; i < all->count; i++)
        placed[i] = (struct Placed){all->rows[i], i};
    qsort(placed, (size_t)all->count, sizeof *placed, by_row);
    code = write_all(writer, all, dataset, placed, error);
    memory_release(placed);
    if (!code)
        return h5_commit(writer, error);
    h5_abandon(writer);
    return code;
}
