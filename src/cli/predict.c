#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/members.h"
#include "store/h5.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "FILE",
     .short_name = 'o',
     .help = "where to: FILE.h5, or FILE.csv; required"},
    MEMBERS_FLAGS,
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* Where predictions go: one of two file formats, under a temporary name until whole. */
struct Output {
    const struct Members *members;
    const char *path;
    bool csv;
    FILE *file;
    char *temporary;
    struct H5Writer *writer;
};

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && !strcmp(text + length - tail, end);
}

/* A field of a CSV file (RFC 4180). */
static void print_field(FILE *file, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

static int start_csv(struct Output *output, struct Error *error) {
    output->temporary = memory_print("%s.new", output->path);
    output->file = fopen(output->temporary, "we");
    if (!output->file)
        return fail_errno(error, "%s: cannot be written", output->path);
    fputs("sample,truth,prediction", output->file);
    for (int64_t c = 0; c < output->members->dataset->class_count; c++) {
        fputc(',', output->file);
        print_field(output->file, output->members->dataset->class_names[c]);
    }
    fputc('\n', output->file);
    return OK;
}

/* The array of predictions in HDF5. */
static const char *array_name(const struct Output *output) {
    return members_predict_probabilities(output->members) ? "/probabilities" : "/scores";
}

static int start_h5(struct Output *output, struct Error *error) {
    const struct Members *members = output->members;
    const struct Dataset *dataset = members->dataset;
    const int64_t size[] = {members->split->count, dataset->class_count};
    int code = h5_create(&output->writer, output->path, error);
    if (!code)
        code = h5_reserve(output->writer, array_name(output), H5_FLOAT32, 2, size, error);
    if (!code)
        code = h5_reserve(output->writer, "/predictions", H5_INT32, 1, size, error);
    if (!code)
        code = h5_reserve(output->writer, "/labels", H5_INT32, 1, size, error);
    if (!code)
        code = h5_write_texts(output->writer, "/classes", (const char *const *)dataset->class_names,
                              dataset->class_count, error);
    return code;
}

static int write_csv(struct Output *output, int64_t first, int64_t count, const float *outputs,
                     struct Error *error) {
    int64_t classes = output->members->dataset->class_count;
    char **names = output->members->dataset->class_names;
    const int32_t *labels = output->members->split->labels + first;
    for (int64_t i = 0; i < count; i++) {
        const float *row = outputs + i * classes;
        fprintf(output->file, "%lld,", (long long)(first + i));
        print_field(output->file, names[labels[i]]);
        fputc(',', output->file);
        print_field(output->file, names[judge_class(row, classes)]);
        for (int64_t c = 0; c < classes; c++)
            fprintf(output->file, ",%.9g", row[c]);
        fputc('\n', output->file);
    }
    return ferror(output->file) ? fail_errno(error, "%s: cannot be written", output->path) : OK;
}

static int write_h5(struct Output *output, int64_t first, int64_t count, const float *outputs,
                    struct Error *error) {
    int64_t classes = output->members->dataset->class_count;
    int32_t predictions[EVALUATE_BLOCK];
    for (int64_t i = 0; i < count; i++)
        predictions[i] = (int32_t)judge_class(outputs + i * classes, classes);
    int code =
        h5_write_rows(output->writer, array_name(output), H5_FLOAT32, first, count, outputs, error);
    if (!code)
        code = h5_write_rows(output->writer, "/predictions", H5_INT32, first, count, predictions,
                             error);
    if (!code)
        code = h5_write_rows(output->writer, "/labels", H5_INT32, first, count,
                             output->members->split->labels + first, error);
    return code;
}

static int sink(void *context, int64_t first, int64_t count, const float *outputs,
                struct Error *error) {
    struct Output *output = context;
    return output->csv ? write_csv(output, first, count, outputs, error)
                       : write_h5(output, first, count, outputs, error);
}

static int start(struct Output *output, struct Ranks *ranks, struct Error *error) {
    int code = OK;
    if (!output->path || !(ends_with(output->path, ".csv") || ends_with(output->path, ".h5")))
        code = fail(error, ERROR_USAGE, "predict: --out %s: expected --out FILE.h5 or FILE.csv",
                    output->path ? output->path : "is missing");
    else if (ranks_rank(ranks) == 0)
        code = output->csv ? start_csv(output, error) : start_h5(output, error);
    return ranks_agree(ranks, code, error);
}

static int finish(struct Output *output, struct Error *error) {
    if (output->writer) {
        struct H5Writer *writer = output->writer;
        output->writer = NULL;
        return h5_commit(writer, error);
    }
    if (!output->file)
        return OK;
    bool good = !fflush(output->file) && !fsync(fileno(output->file));
    good = !fclose(output->file) && good;
    output->file = NULL;
    if (good && !rename(output->temporary, output->path))
        return OK;
    int code = fail_errno(error, "%s: cannot be written", output->path);
    unlink(output->temporary);
    return code;
}

static void abandon(struct Output *output) {
    h5_abandon(output->writer);
    if (output->file) {
        fclose(output->file);
        unlink(output->temporary);
    }
    memory_release(output->temporary);
}

static void print_result(const struct Output *output, const struct Evaluation *result, bool json) {
    const struct Members *members = output->members;
    double samples = (double)members->split->count;
    int averaged = 0;
    for (int i = 0; i < members->count; i++)
        averaged += members->items[i].averaged;
    if (!json) {
        printf("%s: %lld predictions, accuracy %.2f %%", output->path,
               (long long)members->split->count, 100.0 * (double)result->correct / samples);
        if (averaged)
            printf(" (%d of %d with the average of weights)", averaged, members->count);
        printf("\n");
        return;
    }
    json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:I}", "file", output->path, "data",
                               members->dataset->path, "split", members->split->name, "members",
                               members->count, "samples", (json_int_t)members->split->count);
    json_object_set_new(object, "averaged", json_integer(averaged));
    json_object_set_new(object, "loss", json_real(result->loss));
    json_object_set_new(object, "accuracy", json_real((double)result->correct / samples));
    json_object_set_new(object, "top5", json_real((double)result->top5 / samples));
    json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct Members members;
    struct Output output = {.members = &members, .path = argument_value(arguments, "out")};
    output.csv = output.path && ends_with(output.path, ".csv");
    struct Evaluation *results = NULL;
    int code = members_open(&members, arguments, ranks, error);
    if (!code)
        code = start(&output, ranks, error);
    if (!code) {
        struct EvaluateRequest request = members_request(&members);
        request.sink = sink;
        request.context = &output;
        results = memory_allocate((size_t)(members.count + 1) * sizeof *results, "results");
        code = evaluate(ranks, &request, results, error);
    }
    if (!code)
        code = ranks_agree(ranks, finish(&output, error), error);
    if (!code && ranks_rank(ranks) == 0)
        print_result(&output, &results[members.count], argument_given(arguments, "json"));
    abandon(&output);
    for (int i = 0; results && i <= members.count; i++)
        evaluation_release(&results[i]);
    memory_release(results);
    members_release(&members);
    return code;
}

const struct Command command_predict = {
    .name = "predict",
    .operands = "CHECKPOINT...",
    .least_operands = 1,
    .most_operands = -1,
    .summary = "write probabilities and labels of a split to HDF5 or CSV",
    .help = "Writes, for every sample of a split in its order, the probability of each class and "
            "the most probable one; several checkpoints predict as an ensemble. HDF5 holds "
            "/probabilities (N, classes), /predictions (N), /labels (N) and /classes. Where the "
            "loss gives scores that are no probabilities (svm), they are /scores instead.\n"
            "\n"
            "Examples:\n"
            "  trainer predict runs/a/checkpoints/best.h5 --split test -o predictions.h5\n"
            "  mpirun -np 2 trainer predict a.h5 b.h5 --data cifar10.h5 -o ensemble.csv\n",
    .flags = flags,
    .parallel = true,
    .run = run,
};
