#include "cli/predictions.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "run/blocks.h"

const struct PredictionFormat *const prediction_formats[] = {&prediction_h5, &prediction_csv,
                                                             &prediction_jsonl, NULL};

static const struct PredictionFormat *find(const char *path, const char *name) {
    for (int i = 0; prediction_formats[i]; i++) {
        const struct PredictionFormat *format = prediction_formats[i];
        if (name ? !strcmp(format->name, name) : text_ends_with(path, format->suffix))
            return format;
    }
    return NULL;
}

const struct PredictionFormat *predictions_format(const char *path, const char *name,
                                                  struct Error *error) {
    bool stdout_is_meant = !strcmp(path, "-");
    const struct PredictionFormat *format =
        stdout_is_meant && !name ? &prediction_csv : find(path, name);
    if (!format && name)
        fail(error, ERROR_USAGE, "predict: --format %s: expected hdf5, csv or jsonl", name);
    else if (!format)
        fail(error, ERROR_USAGE,
             "predict: --out %s: expected --out FILE.h5, FILE.csv or FILE.jsonl, or --format",
             path);
    if (format == &prediction_h5 && stdout_is_meant) {
        fail(error, ERROR_USAGE, "predict: --out -: HDF5 needs a file; expected csv or jsonl");
        return NULL;
    }
    return format;
}

const char *predictions_word(const struct Predictions *predictions) {
    return members_predict_probabilities(predictions->members) ? "probability" : "score";
}

void predictions_rank(struct Predictions *predictions, const struct DeliveredBlock *block,
                      int64_t i) {
    int64_t classes = predictions->members->dataset->targets.count, kept = 0;
    const double *scores = block->scores + i * classes;
    for (int64_t c = 0; c < classes; c++) {
        if (kept == predictions->top && scores[c] <= scores[predictions->ranked[kept - 1]])
            continue;
        int64_t at = kept < predictions->top ? kept++ : kept - 1;
        for (; at > 0 && scores[c] > scores[predictions->ranked[at - 1]]; at--)
            predictions->ranked[at] = predictions->ranked[at - 1];
        predictions->ranked[at] = c;
    }
}

static int check_path(const struct Predictions *predictions, const struct Arguments *arguments,
                      struct Error *error) {
    const struct Members *members = predictions->members;
    int files, count = 0;
    const char **data = dataset_files(members->dataset, &files);
    const char **inputs = memory_array(
        const char *, arguments->operand_count + members->count + files, "names of files");
    for (int i = 0; i < arguments->operand_count; i++)
        inputs[count++] = arguments->operands[i];
    for (int i = 0; i < members->count; i++)
        inputs[count++] = members->items[i].path;
    for (int i = 0; i < files; i++)
        inputs[count++] = data[i];
    int code =
        output_prepare("--out", predictions->path, predictions->format->kind, inputs, count, error);
    memory_release(data);
    memory_release(inputs);
    return code;
}

/* Output for stdout is kept until it is complete. */
static int open_text(struct Predictions *predictions, struct Error *error) {
    if (strcmp(predictions->path, "-")) {
        int code = whole_file_open(&predictions->file, predictions->path, error);
        predictions->stream = predictions->file.stream;
        return code;
    }
    predictions->stream = tmpfile();
    return predictions->stream ? OK : fail_errno(error, "a temporary file cannot be created");
}

int predictions_start(struct Predictions *predictions, const struct Arguments *arguments,
                      struct Error *error) {
    int64_t classes = targets_classes(&predictions->members->dataset->targets);
    if (predictions->top > classes)
        predictions->top = classes;
    predictions->ranked = memory_array(int64_t, predictions->top + 1, "predictions");
    int64_t values = EVALUATE_BLOCK * predictions->top;
    predictions->classes = memory_array(int32_t, values, "predictions");
    predictions->values = memory_array(float, values, "predictions");
    int code = OK;
    if (strcmp(predictions->path, "-"))
        code = check_path(predictions, arguments, error);
    if (!code && predictions->format != &prediction_h5)
        code = open_text(predictions, error);
    return code ? code : predictions->format->start(predictions, error);
}

int predictions_sink(void *context, const struct DeliveredBlock *block, struct Error *error) {
    struct Predictions *predictions = context;
    return predictions->format->write(predictions, block, error);
}

static int copy_to_stdout(FILE *stream, struct Error *error) {
    char buffer[1 << 16];
    size_t got;
    if (fflush(stream) || fseek(stream, 0, SEEK_SET))
        return fail_errno(error, "the temporary file of predictions");
    while ((got = fread(buffer, 1, sizeof buffer, stream)) > 0)
        if (fwrite(buffer, 1, got, stdout) != got)
            return fail_errno(error, "standard output");
    return fflush(stdout) ? fail_errno(error, "standard output") : OK;
}

int predictions_finish(struct Predictions *predictions, struct Error *error) {
    int code = predictions->format->finish(predictions, error);
    if (code || !predictions->stream)
        return code;
    return predictions->file.stream ? whole_file_publish(&predictions->file, error)
                                    : copy_to_stdout(predictions->stream, error);
}

void predictions_release(struct Predictions *predictions) {
    h5_abandon(predictions->writer);
    if (predictions->stream && !predictions->file.stream)
        fclose(predictions->stream);
    whole_file_close(&predictions->file);
    memory_release(predictions->ranked);
    memory_release(predictions->classes);
    memory_release(predictions->values);
}
