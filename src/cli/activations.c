/* trainer activations: the activations and gradients of a model, layer by layer. */
#include "base/text.h"
#include "cli/activations_report.h"
#include "cli/members.h"
#include "cli/overrides.h"
#include "cli/watching.h"
#include "run/agreement.h"
#include "run/hold.h"
#include "train/experiment.h"

static const struct Flag flags[] = {
    {.name = "samples",
     .argument = "N",
     .help = "number of samples, drawn at random but always the same (default: 256)"},
    {.name = "data",
     .argument = "FILE",
     .help = "for a checkpoint: the data set (default: the one that it was trained on)"},
    {.name = "split",
     .argument = "NAME",
     .help = "for a checkpoint: a split of it (default: test, or else the run's validation split); "
             "for a run file the training split is used"},
    {.name = "parameters",
     .argument = "auto|model|average",
     .help = "for a checkpoint: the model's parameters or their average (default: auto, the "
             "average if the file has one)"},
    {.name = "set",
     .argument = "KEY=VALUE",
     .repeated = true,
     .help = "for a run file: change a key"},
    {.name = "backend", .argument = "NAME", .help = "auto, openblas or onednn"},
    {.name = "threads", .argument = "N", .help = "OpenMP threads of each rank (default: 1)"},
    {.name = "json", .help = "the result as one JSON object on stdout, with histograms"},
    {0}};

/* A model, and the samples on which it runs. */
struct Subject {
    const char *path;
    bool initial; /* the initial weights of a run file */
    const struct Model *model;
    const struct RunOptions *options;
    const struct Backend *backend;
    enum Variant variant;
    const float *state;
    struct LoaderRequest loading;
};

struct Seen {
    struct ProbingSamples samples;
    struct Probing *outputs, *gradients; /* of the subject at its start, the same */
};

static void seen_release(struct Seen *seen) {
    if (seen->outputs != seen->gradients)
        probing_release(seen->outputs);
    probing_release(seen->gradients);
    probing_samples_release(&seen->samples);
}

static int make_probings(const struct Subject *subject, struct Ranks *ranks, struct Seen *seen,
                         struct Error *error) {
    struct ProbingRequest request = {.model = subject->model,
                                     .backend = subject->backend,
                                     .variant = subject->variant,
                                     .precision = (enum Precision)subject->options->train.precision,
                                     .convolution =
                                         (enum ConvolutionRule)subject->options->train.convolution,
                                     .loss = &subject->options->loss,
                                     .samples = &seen->samples,
                                     .training = true,
                                     .backward = true,
                                     .seed = (uint64_t)subject->options->train.seed};
    int code = probing_create(&seen->gradients, ranks, &request, error);
    if (code)
        return code;
    if (subject->initial) {
        seen->outputs = seen->gradients;
        return OK;
    }
    request.training = request.backward = false;
    return probing_create(&seen->outputs, ranks, &request, error);
}

/* Runs the model on the samples and summarises what the layers put out. Collective. */
static int look(const struct Subject *subject, int64_t wanted, struct Ranks *ranks,
                struct Seen *seen, struct Error *error) {
    int64_t there = subject->loading.split->count;
    beat_enter(ranks_beat(ranks), BEAT_EVALUATING);
    int code = probing_samples_load(&seen->samples, ranks, &subject->loading,
                                    wanted < there ? wanted : there, error);
    code = ranks_agree(ranks, code, error);
    if (!code)
        code = ranks_agree(ranks, make_probings(subject, ranks, seen, error), error);
    if (code)
        return code;
    probing_run(seen->gradients, subject->state, 0);
    if (!subject->initial)
        probing_run(seen->outputs, subject->state, 0);
    return OK;
}

static void print(const struct Subject *subject, const struct Seen *seen, bool json) {
    const struct ActivationsReport report = {.path = subject->path,
                                             .initial = subject->initial,
                                             .model = subject->model,
                                             .variant = subject->variant,
                                             .state = subject->state,
                                             .dataset = subject->loading.dataset,
                                             .split = subject->loading.split,
                                             .samples = seen->samples.count,
                                             .outputs = seen->outputs,
                                             .gradients = seen->gradients};
    if (json)
        activations_print_json(&report);
    else
        activations_print_words(&report);
}

static int show(const struct Subject *subject, const struct Arguments *arguments,
                struct Ranks *ranks, struct Error *error) {
    int64_t wanted;
    struct Seen seen = {0};
    int code = argument_integer(arguments, "samples", 1, 1000000, 256, &wanted, error);
    if (!code)
        code = look(subject, wanted, ranks, &seen, error);
    if (!code && ranks_rank(ranks) == 0)
        print(subject, &seen, argument_given(arguments, "json"));
    seen_release(&seen);
    return code;
}

static int show_checkpoint(const struct Arguments *arguments, struct Ranks *ranks,
                           struct Error *error) {
    struct Members members = {0};
    struct StreamCut cut = {0};
    struct NodeMemory *held = NULL;
    int code = argument_given(arguments, "set")
                   ? fail(error, ERROR_USAGE, "--set: changes a run file, and %s is a checkpoint",
                          arguments->operands[0])
                   : members_open(&members, arguments, false, ranks, error);
    if (!code)
        code = run_hold_evaluated(members.dataset, members.split, -1, ranks, &held, &cut, error);
    if (!code) {
        const struct Member *member = &members.items[0];
        const struct Subject subject = {.path = member->path,
                                        .model = member->model,
                                        .options = &member->options,
                                        .backend = members.backend,
                                        .variant =
                                            run_agree_variant(ranks, variant_best(VARIANT_F32_V4)),
                                        .state = member->state,
                                        .loading = {.dataset = members.dataset,
                                                    .split = members.split,
                                                    .preprocess = &member->preprocess,
                                                    .targets = &member->scale,
                                                    .augment = &member->options.augment,
                                                    .evaluate = true,
                                                    .cut = cut}};
        code = show(&subject, arguments, ranks, error);
    }
    members_release(&members);
    node_memory_release(held);
    return code;
}

static int show_initial(const struct Experiment *experiment, const struct Arguments *arguments,
                        struct Ranks *ranks, struct Error *error) {
    const struct RunParts *parts = experiment_parts(experiment);
    const struct RunOptions *options = experiment_options(experiment);
    const struct Subject subject = {.path = arguments->operands[0],
                                    .initial = true,
                                    .model = parts->model,
                                    .options = options,
                                    .backend = parts->backend,
                                    .variant = experiment_variant(experiment),
                                    .state = experiment_initial(experiment),
                                    .loading = run_plain_loading(parts, options)};
    return show(&subject, arguments, ranks, error);
}

static int show_run_file(const struct Arguments *arguments, struct Ranks *ranks,
                         struct Error *error) {
    struct Overrides overrides = overrides_collect(arguments);
    struct Experiment *experiment = NULL;
    const struct TrainRequest request = {.run_path = arguments->operands[0],
                                         .overrides = overrides.texts,
                                         .override_count = overrides.count,
                                         .folder = ".",
                                         .watch = watching_watch()};
    int code = OK;
    if (argument_given(arguments, "data") || argument_given(arguments, "split") ||
        argument_given(arguments, "parameters"))
        code = fail(error, ERROR_USAGE,
                    "--data, --split and --parameters are for checkpoints, and %s is a run file; "
                    "--set changes its keys",
                    arguments->operands[0]);
    if (!code)
        code = experiment_create(&experiment, ranks, &request, error);
    if (!code)
        code = show_initial(experiment, arguments, ranks, error);
    experiment_release(experiment);
    overrides_release(&overrides);
    return code;
}

static int run(const struct Command *command, const struct Arguments *arguments,
               struct Ranks *ranks, struct Error *error) {
    const char *path = arguments->operands[0];
    (void)command;
    return text_ends_with(path, ".yaml") || text_ends_with(path, ".yml")
               ? show_run_file(arguments, ranks, error)
               : show_checkpoint(arguments, ranks, error);
}

const struct Command command_activations = {
    .name = "activations",
    .operands = "CHECKPOINT|RUN.yaml",
    .least_operands = 1,
    .most_operands = 1,
    .summary = "show a model's activations and gradients, layer by layer",
    .help = "Shows for every layer, by depth, the mean and standard deviation of its outputs, "
            "the fraction of them that is 0 or saturated (where the activation's slope is at "
            "most a twentieth of its greatest), how many units are dead (0 for all samples; a "
            "unit of a convolution is a channel), and the gradient of the loss with respect to "
            "them; then for every parameter its mean, deviation and norm, and the norm of its "
            "gradient. A run's folder stands for its best checkpoint. A run file's model is "
            "shown with its initial weights. The figures have the same bits on any number of "
            "ranks. docs/monitoring.md says how to read them.\n"
            "\n"
            "Examples:\n"
            "  trainer activations runs/a --split test\n"
            "  trainer activations best.h5 --data cifar10.h5 --samples 1000 --json\n"
            "  trainer activations mine.yaml --set initialise.weights=orthogonal\n",
    .flags = flags,
    .parallel = true,
    .run = run,
};
