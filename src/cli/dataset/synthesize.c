#include <inttypes.h>

#include "base/memory.h"
#include "cli/dataset/dataset.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "data/synthesize.h"

static int read_options(const struct Arguments *arguments, struct Synthesis *synthesis,
                        struct Error *error) {
    static const struct {
        const char *flag;
        int64_t fallback;
    } splits[SYNTHESIS_SPLITS] = {[SYNTHESIS_TRAIN] = {"train", 20000},
                                  [SYNTHESIS_TEST] = {"test", 4000},
                                  [SYNTHESIS_VALIDATION] = {"validation", 0}};
    int64_t value;
    synthesis->targets = argument_given(arguments, "targets");
    int code = argument_integer(arguments, "seed", 0, INT64_MAX, 1, &value, error);
    synthesis->seed = (uint64_t)value;
    if (code == OK)
        code = argument_integer(arguments, "size", SYNTHESIS_LEAST_SIZE, SYNTHESIS_MOST_SIZE, 32,
                                &value, error);
    synthesis->size = value;
    for (int s = 0; s < SYNTHESIS_SPLITS && code == OK; s++) {
        code = argument_integer(arguments, splits[s].flag, 0, (int64_t)1 << 32, splits[s].fallback,
                                &value, error);
        synthesis->count[s] = value;
    }
    if (code == OK && synthesis->count[SYNTHESIS_TRAIN] < 1)
        code = fail(error, ERROR_USAGE, "--train: expected at least 1; found 0");
    return code;
}

/* Prints what was written, read from the file itself. */
static int print_json(const char *path, struct Error *error) {
    struct Dataset *dataset;
    int code = dataset_open(&dataset, path, error);
    if (code != OK)
        return code;
    dataset_print_json(dataset_to_json(dataset));
    dataset_close(dataset);
    return OK;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    (void)command;
    (void)ranks;
    const char *out = argument_value(arguments, "out");
    if (!out)
        return fail(error, ERROR_USAGE, "dataset synthesize: --out FILE.h5 is missing");
    struct Synthesis synthesis;
    int code = read_options(arguments, &synthesis, error);
    if (code == OK)
        code = output_prepare("--out", out, OUTPUT_DATASET, NULL, 0, error);
    if (code != OK)
        return code;
    struct ProgressLine line;
    struct Ticker progress = progress_line(&line);
    char *origin =
        memory_print("drawn by trainer dataset synthesize --seed %" PRIu64 " --size %" PRId64 "%s",
                     synthesis.seed, synthesis.size, synthesis.targets ? " --targets" : "");
    synthesis.origin = origin;
    code = synthesize(&synthesis, out, &progress, error);
    progress_line_clear(&line);
    memory_release(origin);
    if (code == OK)
        fprintf(stderr,
                "wrote %s: %" PRId64 " training, %" PRId64 " test, %" PRId64 " validation images\n",
                shown(out), synthesis.count[SYNTHESIS_TRAIN], synthesis.count[SYNTHESIS_TEST],
                synthesis.count[SYNTHESIS_VALIDATION]);
    if (code == OK && argument_given(arguments, "json"))
        code = print_json(out, error);
    return code;
}

static const struct Flag flags[] = {
    {.name = "out", .argument = "FILE.h5", .short_name = 'o', .help = "the file to write"},
    {.name = "train", .argument = "N", .help = "training images (default: 20000)"},
    {.name = "test", .argument = "N", .help = "test images (default: 4000)"},
    {.name = "validation", .argument = "N", .help = "validation images (default: 0)"},
    {.name = "seed", .argument = "N", .help = "seed of the images (default: 1)"},
    {.name = "size", .argument = "N", .help = "height and width in pixels (default: 32)"},
    {.name = "targets",
     .help = "for regression: the figure's centre and radius in pixels instead of its class"},
    {.name = "json", .help = "the result as one JSON object on stdout"},
    {.name = NULL},
};

const struct Command command_dataset_synthesize = {
    .name = "dataset synthesize",
    .operands = "",
    .least_operands = 0,
    .most_operands = 0,
    .summary = "draw the built-in data set",
    .help =
        "Draws RGB images of ten kinds of figure at random places, sizes, angles and colours on "
        "textured grounds, with noise and objects in front. A linear classifier stays below 50 %, "
        "a small convolutional network exceeds 90 %. The same seed gives the same file.\n"
        "\n"
        "Examples:\n"
        "  trainer dataset synthesize -o shapes.h5\n"
        "  trainer dataset synthesize -o tiny.h5 --train 1000 --test 500 --seed 7\n"
        "  trainer dataset synthesize -o places.h5 --targets --validation 1000\n",
    .flags = flags,
    .run = run};
