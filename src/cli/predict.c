#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/whole_file.h"
#include "cli/figures_json.h"
#include "cli/members.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/signals.h"
#include "store/h5.h"

static const struct Flag flags[] = {
    {.name = "out",
     .argument = "FILE",
     .short_name = 'o',
     .help = "the file to write, FILE.h5 or FILE.csv (required)"},
    MEMBERS_FLAGS,
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

/* The file of predictions, in one of two formats, under a temporary name until it is complete. */
struct Output {
    const struct Members *members;
    const char *path;
    bool csv;
    struct WholeFile file;
    struct H5Writer *writer;
};

/* Prints a field of a CSV file (RFC 4180). */
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

static void print_head(FILE *file, const struct Dataset *dataset) {
    fputs(targets_are_values(&dataset->targets) ? "sample" : "sample,truth,prediction", file);
    for (int64_t k = 0; k < targets_values(&dataset->targets); k++) {
        char *name = memory_print("true %s", dataset->targets.names[k]);
        fputc(',', file);
        print_field(file, name);
        memory_release(name);
    }
    for (int64_t k = 0; k < dataset->targets.count; k++) {
        fputc(',', file);
        print_field(file, dataset->targets.names[k]);
    }
    fputc('\n', file);
}

static int start_csv(struct Output *output, struct Error *error) {
    int code = whole_file_open(&output->file, output->path, error);
    if (!code)
        print_head(output->file.stream, output->members->dataset);
    return code;
}

/* Reserves the array /name with one row for each sample; columns 0: one dimension. */
static int reserve(struct Output *output, const char *name, enum H5Type type, int64_t columns,
                   struct Error *error) {
    const int64_t size[] = {output->members->split->count, columns};
    return h5_reserve(output->writer, name, type, columns ? 2 : 1, size, error);
}

/* The name of the array of predictions in HDF5. */
static const char *array_name(const struct Output *output) {
    if (targets_are_values(&output->members->dataset->targets))
        return "/predictions";
    return members_predict_probabilities(output->members) ? "/probabilities" : "/scores";
}

static int start_h5(struct Output *output, struct Error *error) {
    const struct Dataset *dataset = output->members->dataset;
    int64_t outputs = dataset->targets.count;
    const char *const *names = (const char *const *)dataset->targets.names;
    int code = h5_create(&output->writer, output->path, error);
    if (!code)
        code = reserve(output, array_name(output), H5_FLOAT32, outputs, error);
    if (!code && targets_are_values(&dataset->targets)) {
        code = reserve(output, "/targets", H5_FLOAT32, outputs, error);
        return code ? code : h5_write_texts(output->writer, "/target_names", names, outputs, error);
    }
    if (!code)
        code = reserve(output, "/predictions", H5_INT32, 0, error);
    if (!code)
        code = reserve(output, "/labels", H5_INT32, 0, error);
    if (!code)
        code = h5_write_texts(output->writer, "/classes", names, outputs, error);
    return code;
}

static void print_numbers(FILE *file, const float *values, int64_t count) {
    for (int64_t k = 0; k < count; k++)
        fprintf(file, ",%.9g", (double)values[k]);
}

static int write_csv(struct Output *output, const struct DeliveredBlock *block,
                     struct Error *error) {
    const struct Dataset *dataset = output->members->dataset;
    const struct Split *split = output->members->split;
    int64_t columns = dataset->targets.count;
    FILE *file = output->file.stream;
    for (int64_t i = 0; i < block->count; i++) {
        int64_t sample = block->first + i;
        fprintf(file, "%" PRId64, sample);
        if (targets_are_values(&dataset->targets)) {
            print_numbers(file, split->targets + sample * columns, columns);
        } else {
            fputc(',', file);
            print_field(file, dataset->targets.names[split->labels[sample]]);
            fputc(',', file);
            print_field(file, dataset->targets.names[block->classes[i]]);
        }
        print_numbers(file, block->predictions + i * columns, columns);
        fputc('\n', file);
    }
    return ferror(file) ? fail_errno(error, "%s: cannot be written", output->path) : OK;
}

static int write_classes(struct Output *output, const struct DeliveredBlock *block,
                         struct Error *error) {
    const struct Split *split = output->members->split;
    int code = h5_write_rows(output->writer, "/predictions", H5_INT32, block->first, block->count,
                             block->classes, error);
    if (!code)
        code = h5_write_rows(output->writer, "/labels", H5_INT32, block->first, block->count,
                             split->labels + block->first, error);
    return code;
}

static int write_h5(struct Output *output, const struct DeliveredBlock *block,
                    struct Error *error) {
    const struct Members *members = output->members;
    int64_t targets = targets_values(&members->dataset->targets);
    int code = h5_write_rows(output->writer, array_name(output), H5_FLOAT32, block->first,
                             block->count, block->predictions, error);
    if (code)
        return code;
    if (!targets)
        return write_classes(output, block, error);
    return h5_write_rows(output->writer, "/targets", H5_FLOAT32, block->first, block->count,
                         members->split->targets + block->first * targets, error);
}

static int sink(void *context, const struct DeliveredBlock *block, struct Error *error) {
    struct Output *output = context;
    return output->csv ? write_csv(output, block, error) : write_h5(output, block, error);
}

/* Rank 0 alone. */
static int create(struct Output *output, const struct Arguments *arguments, struct Error *error) {
    const char *const data[] = {output->members->dataset->path};
    int code =
        output_check("--out", output->path, arguments->operands, arguments->operand_count, error);
    if (!code)
        code = output_check("--out", output->path, data, 1, error);
    if (code)
        return code;
    return output->csv ? start_csv(output, error) : start_h5(output, error);
}

static int start(struct Output *output, const struct Arguments *arguments, struct Ranks *ranks,
                 struct Error *error) {
    int code = OK;
    if (!output->path ||
        !(text_ends_with(output->path, ".csv") || text_ends_with(output->path, ".h5")))
        code = fail(error, ERROR_USAGE, "predict: --out %s: expected --out FILE.h5 or FILE.csv",
                    output->path ? output->path : "is missing");
    else if (ranks_rank(ranks) == 0)
        code = create(output, arguments, error);
    return ranks_agree(ranks, code, error);
}

static int finish(struct Output *output, struct Error *error) {
    if (output->writer) {
        struct H5Writer *writer = output->writer;
        output->writer = NULL;
        return h5_commit(writer, error);
    }
    return output->file.stream ? whole_file_publish(&output->file, error) : OK;
}

static void abandon(struct Output *output) {
    h5_abandon(output->writer);
    whole_file_close(&output->file);
}

static void print_result(const struct Output *output, const struct Evaluation *result, bool json) {
    const struct Members *members = output->members;
    int averaged = 0;
    for (int i = 0; i < members->count; i++)
        averaged += members->items[i].averaged;
    if (!json) {
        char figures[FIGURES_TEXT];
        printf("%s: %" PRId64 " predictions, %s", shown(output->path), members->split->count,
               figures_text(&result->figures, ", ", FIGURE_DIGITS, figures));
        if (averaged)
            printf(" (%d of %d with the average of weights)", averaged, members->count);
        members_print_test_time(members);
        putchar('\n');
        return;
    }
    json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:I}", "file", output->path, "data",
                               members->dataset->path, "split", members->split->name, "members",
                               members->count, "samples", (json_int_t)members->split->count);
    json_object_set_new(object, "averaged", json_integer(averaged));
    members_describe_test_time(members, object);
    figures_add_json(object, "", &result->figures);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    fputc('\n', stdout);
    json_decref(object);
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    struct Members members;
    struct Output output = {.members = &members, .path = argument_value(arguments, "out")};
    output.csv = output.path && text_ends_with(output.path, ".csv");
    struct Evaluation *results = NULL;
    int code = members_open(&members, arguments, ranks, error);
    if (!code)
        code = start(&output, arguments, ranks, error);
    if (!code) {
        struct EvaluateRequest request = members_request(&members);
        request.sink = sink;
        request.context = &output;
        results = memory_array(struct Evaluation, members.count + 1, "results");
        code = members_evaluate(&members, &request, ranks, results, error);
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
    .summary = "write predictions and the truth of a split to HDF5 or CSV",
    .help =
        "Writes the probability of each class and the most probable class for every sample of a "
        "split, in the split's order. Several checkpoints predict as an ensemble. An HDF5 file "
        "holds /probabilities (N, classes), /predictions (N), /labels (N) and /classes. If the "
        "loss gives scores that are no probabilities (svm), /scores replaces /probabilities. If "
        "the targets are values, the file holds /predictions (N, targets), /targets (N, targets) "
        "and /target_names, in the data set's units. With --json, `averaged` is how many of the "
        "members predicted with their average of weights.\n"
        "\n"
        "Examples:\n"
        "  trainer predict runs/a/checkpoints/best.h5 --split test -o predictions.h5\n"
        "  mpirun -np 2 trainer predict a.h5 b.h5 --data cifar10.h5 -o ensemble.csv\n",
    .flags = flags,
    .parallel = true,
    .heeds_signals = true,
    .run = run,
};
