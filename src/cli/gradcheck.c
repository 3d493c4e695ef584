#include <inttypes.h>
#include <jansson.h>

#include "cli/blueprint.h"
#include "nn/gradcheck.h"

static const struct Flag flags[] = {
    BLUEPRINT_FLAGS,
    {.name = "samples", .argument = "N", .help = "size of the batch (default: 4)"},
    {.name = "elements",
     .argument = "N",
     .help = "number of elements of each parameter to check; 0: all (default: 5)"},
    {.name = "tolerance", .argument = "X", .help = "largest relative error (default: 1e-6)"},
    {.name = "seed",
     .argument = "N",
     .help = "seed of the parameters, images and targets (default: 1)"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {0}};

static void print_row(void *context, const struct GradcheckRow *row) {
    (void)context;
    printf("%-28s %8" PRId64 " %6" PRId64 " %6" PRId64 " %6" PRId64 "   ", row->name, row->checked,
           row->kinks, row->zeros, row->wrong);
    printf(row->checked ? "%.1e\n" : "-\n", row->worst);
    fflush(stdout);
}

static void collect_row(void *context, const struct GradcheckRow *row) {
    json_array_append_new(
        context, json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "name", row->name, "checked",
                           (json_int_t)row->checked, "kinks", (json_int_t)row->kinks, "zeros",
                           (json_int_t)row->zeros, "wrong", (json_int_t)row->wrong, "worst",
                           row->checked ? json_real(row->worst) : json_null()));
}

static int check(const struct Blueprint *blueprint, const struct GradcheckRequest *request,
                 bool json, struct Error *error) {
    if (!json) {
        printf(
            "parameter                     checked  kinks  zeros  wrong   worst relative error\n");
        return gradcheck_run(blueprint->parts.model, request, print_row, NULL, error);
    }
    json_t *rows = json_array();
    int code = gradcheck_run(blueprint->parts.model, request, collect_row, rows, error);
    json_t *object = json_pack("{s:b, s:f, s:o}", "passed", code == OK, "tolerance",
                               request->tolerance, "rows", rows);
    json_dumpf(object, stdout, JSON_ENSURE_ASCII | JSON_REAL_PRECISION(6));
    fputc('\n', stdout);
    json_decref(object);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    int64_t samples, elements, seed;
    double tolerance;
    struct Blueprint blueprint = {0};
    int code = argument_integer(arguments, "samples", 1, 4096, 4, &samples, error);
    if (!code)
        code = argument_integer(arguments, "elements", 0, INT64_MAX, 5, &elements, error);
    if (!code)
        code = argument_integer(arguments, "seed", 0, INT64_MAX, 1, &seed, error);
    if (!code)
        code = argument_real(arguments, "tolerance", 1e-12, 1, 1e-6, &tolerance, error);
    if (!code)
        code = blueprint_open(&blueprint, arguments, error);
    if (!code)
        code = blueprint_check_model(&blueprint, error);
    if (!code) {
        backend_configure(1, VARIANT_F64);
        struct GradcheckRequest request = {
            .loss = &blueprint.options.loss,
            .backend = backend_find("openblas", VARIANT_F64, error),
            .convolution = (enum ConvolutionRule)blueprint.options.train.convolution,
            .samples = samples,
            .elements = elements,
            .tolerance = tolerance,
            .seed = (uint64_t)seed};
        code = request.backend
                   ? check(&blueprint, &request, argument_given(arguments, "json"), error)
                   : error->code;
    }
    blueprint_release(&blueprint);
    return code;
}

const struct Command command_gradcheck = {
    .name = "gradcheck",
    .operands = "RUN.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "check a model's gradients against central differences, in double precision",
    .help = "Compares the gradients of backward with central differences, for the parameters and "
            "the input of the run file's model, on random images and targets. Elements so near "
            "the kink of a ReLU that differences say nothing are counted and left out, and so are "
            "those whose gradient is 0 either way. If no element of a parameter could be compared, "
            "the parameter is tried again at other elements and other initial values; if that does "
            "not help, the check fails.\n"
            "\n"
            "Examples:\n"
            "  trainer gradcheck launch/recipes/demo.yaml\n"
            "  trainer gradcheck mine.yaml --input 32x32x3 --samples 2 --elements 0\n",
    .flags = flags,
    .run = run,
};
