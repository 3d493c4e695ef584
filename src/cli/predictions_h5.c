/* Predictions in HDF5: /probabilities (N, classes) or, with --top, /top_probabilities and
 * /top_classes (N, K); /predictions (N); /labels (N), if they are known; /classes; /sources. */
#include "base/memory.h"
#include "cli/predictions.h"

/* Creates the array /name with one row for each sample; it has one dimension if `columns` is 0. */
static int reserve(struct Predictions *predictions, const char *name, enum H5Type type,
                   int64_t columns, struct Error *error) {
    const int64_t size[] = {predictions->members->split->count, columns};
    return h5_reserve(predictions->writer, name, type, columns ? 2 : 1, size, error);
}

static const char *array_name(const struct Predictions *predictions) {
    bool probabilities = members_predict_probabilities(predictions->members);
    if (targets_are_values(&predictions->members->dataset->targets))
        return "/predictions";
    if (predictions->top)
        return probabilities ? "/top_probabilities" : "/top_scores";
    return probabilities ? "/probabilities" : "/scores";
}

static int start_sets(struct Predictions *predictions, struct Error *error) {
    int64_t classes = predictions->members->dataset->targets.count;
    int code = reserve(predictions, "/predictions", H5_UINT8, classes, error);
    if (!code && predictions->top)
        code = reserve(predictions, "/top_classes", H5_INT32, predictions->top, error);
    if (!code && predictions->members->split->targets)
        code = reserve(predictions, "/targets", H5_FLOAT32, classes, error);
    return code;
}

static int start_classes(struct Predictions *predictions, struct Error *error) {
    int code = reserve(predictions, "/predictions", H5_INT32, 0, error);
    if (!code && predictions->top)
        code = reserve(predictions, "/top_classes", H5_INT32, predictions->top, error);
    if (!code && predictions->members->split->labels)
        code = reserve(predictions, "/labels", H5_INT32, 0, error);
    return code;
}

static int start(struct Predictions *predictions, struct Error *error) {
    const struct Members *members = predictions->members;
    const struct Targets *targets = &members->dataset->targets;
    const char *const *names = (const char *const *)targets->names;
    bool values = targets_are_values(targets);
    int64_t columns = predictions->top ? predictions->top : targets->count;
    int code = h5_create(&predictions->writer, predictions->path, error);
    if (!code)
        code = reserve(predictions, array_name(predictions), H5_FLOAT32, columns, error);
    if (!code && members_predict_sets(members))
        code = start_sets(predictions, error);
    else if (!code && !values)
        code = start_classes(predictions, error);
    if (!code && values && members->split->targets)
        code = reserve(predictions, "/targets", H5_FLOAT32, targets->count, error);
    return code ? code
                : h5_write_texts(predictions->writer, values ? "/target_names" : "/classes", names,
                                 targets->count, error);
}

/* Writes the top classes of the block and their probabilities. */
static int write_top(struct Predictions *predictions, const struct DeliveredBlock *block,
                     struct Error *error) {
    int64_t classes = predictions->members->dataset->targets.count, top = predictions->top;
    for (int64_t i = 0; i < block->count; i++) {
        predictions_rank(predictions, block, i);
        for (int64_t k = 0; k < top; k++) {
            int64_t class = predictions->ranked[k];
            predictions->classes[i * top + k] = (int32_t) class;
            predictions->values[i * top + k] = block->predictions[i * classes + class];
        }
    }
    int code = h5_write_rows(predictions->writer, "/top_classes", H5_INT32, block->first,
                             block->count, predictions->classes, error);
    return code ? code
                : h5_write_rows(predictions->writer, array_name(predictions), H5_FLOAT32,
                                block->first, block->count, predictions->values, error);
}

static int write_classes(struct Predictions *predictions, const struct DeliveredBlock *block,
                         struct Error *error) {
    const struct Split *split = predictions->members->split;
    int code = h5_write_rows(predictions->writer, "/predictions", H5_INT32, block->first,
                             block->count, block->classes, error);
    if (!code && split->labels)
        code = h5_write_rows(predictions->writer, "/labels", H5_INT32, block->first, block->count,
                             split->labels + block->first, error);
    return code;
}

static int write_sets(struct Predictions *predictions, const struct DeliveredBlock *block,
                      struct Error *error) {
    const struct Split *split = predictions->members->split;
    int64_t classes = predictions->members->dataset->targets.count;
    uint8_t *right = memory_array(uint8_t, block->count * classes, "predictions");
    for (int64_t i = 0; i < block->count * classes; i++)
        right[i] = block->predictions[i] >= PREDICTIONS_THRESHOLD;
    int code = h5_write_rows(predictions->writer, "/predictions", H5_UINT8, block->first,
                             block->count, right, error);
    memory_release(right);
    if (!code && split->targets)
        code = h5_write_rows(predictions->writer, "/targets", H5_FLOAT32, block->first,
                             block->count, split->targets + block->first * classes, error);
    return code;
}

static int write(struct Predictions *predictions, const struct DeliveredBlock *block,
                 struct Error *error) {
    const struct Members *members = predictions->members;
    const struct Targets *targets = &members->dataset->targets;
    int code = OK;
    if (predictions->top)
        code = write_top(predictions, block, error);
    else
        code = h5_write_rows(predictions->writer, array_name(predictions), H5_FLOAT32, block->first,
                             block->count, block->predictions, error);
    if (!code && members_predict_sets(members))
        code = write_sets(predictions, block, error);
    else if (!code && !targets_are_values(targets))
        code = write_classes(predictions, block, error);
    if (!code && targets_are_values(targets) && members->split->targets)
        code =
            h5_write_rows(predictions->writer, "/targets", H5_FLOAT32, block->first, block->count,
                          members->split->targets + block->first * targets->count, error);
    return code;
}

static int write_names(struct Predictions *predictions, struct Error *error) {
    int64_t count = predictions->members->split->count;
    struct Text *names = memory_array(struct Text, count, "names of samples");
    const char **texts = memory_array(const char *, count, "names of samples");
    int code = OK;
    for (int64_t i = 0; i < count && !code; i++) {
        code = members_name_sample(predictions->members, i, &names[i], error);
        texts[i] = names[i].data;
    }
    if (!code)
        code = h5_write_texts(predictions->writer, "/sources", texts, count, error);
    for (int64_t i = 0; i < count; i++)
        text_release(&names[i]);
    memory_release(texts);
    memory_release(names);
    return code;
}

static int finish(struct Predictions *predictions, struct Error *error) {
    int code = write_names(predictions, error);
    if (code)
        return code;
    struct H5Writer *writer = predictions->writer;
    predictions->writer = NULL;
    return h5_commit(writer, error);
}

const struct PredictionFormat prediction_h5 = {"hdf5", ".h5", OUTPUT_PREDICTIONS,
                                               start,  write, finish};
