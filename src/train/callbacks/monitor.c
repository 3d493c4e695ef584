/* monitor.jsonl in the run's folder: every so many steps, what the inside of the model looks like.
 * Rank 0 writes it; the ranks measure the activations together. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "evaluate/probing.h"
#include "nn/layer_table.h"
#include "train/trainer.h"

#define MOST_SAMPLES 256 /* of probe: auto */

/* One layer has so many units that never fired, and so large a part of them. */
#define DEAD_PART 0.5
#define DEAD_LEAST 8

struct State {
    struct MetricsFile *file; /* rank 0 */
    struct ProbingSamples samples;
    struct Probing *probing; /* NULL: no activations */
    bool due;                /* the step that is being made is recorded */
    float *before;           /* rank 0: the parameters before its update */
    double *gradients;       /* rank 0: the norm of its gradient, for each row */
    double *counts;          /* a histogram's */
    bool warned_dead;        /* in this run */
};

static bool is_on(const struct Trainer *trainer) {
    return trainer->options.monitor.every > 0;
}

static bool is_due(const struct Trainer *trainer, int64_t step) {
    return is_on(trainer) && (step == 1 || step % trainer->options.monitor.every == 0);
}

static void release(void *callback) {
    struct State *state = callback;
    metrics_file_close(state->file);
    probing_release(state->probing);
    probing_samples_release(&state->samples);
    memory_release(state->before);
    memory_release(state->gradients);
    memory_release(state->counts);
}

/* ---- The start ---- */

static int64_t sample_count(const struct Trainer *trainer) {
    int64_t wanted = trainer->options.monitor.probe, there = trainer->parts.train->count;
    if (wanted < 0)
        wanted = trainer->options.train.batch < MOST_SAMPLES ? trainer->options.train.batch
                                                             : MOST_SAMPLES;
    return wanted < there ? wanted : there;
}

static int load_samples(const struct Trainer *trainer, struct ProbingSamples *samples,
                        struct Error *error) {
    const struct LoaderRequest request = run_plain_loading(&trainer->parts, &trainer->options);
    return probing_samples_load(samples, trainer->ranks, &request, sample_count(trainer), error);
}

static int make_probing(struct Trainer *trainer, struct State *state, struct Error *error) {
    if (!sample_count(trainer))
        return OK;
    struct ProbingRequest request = {.model = trainer->parts.model,
                                     .backend = trainer->parts.backend,
                                     .variant = trainer->variant,
                                     .precision = (enum Precision)trainer->options.train.precision,
                                     .convolution =
                                         (enum ConvolutionRule)trainer->options.train.convolution,
                                     .loss = &trainer->options.loss,
                                     .samples = &state->samples,
                                     .training = true,
                                     .seed = (uint64_t)trainer->options.train.seed};
    int code = load_samples(trainer, &state->samples, error);
    return code ? code : probing_create(&state->probing, trainer->ranks, &request, error);
}

static int open_file(const struct Trainer *trainer, struct State *state, struct Error *error) {
    char *path = memory_print("%s/monitor.jsonl", trainer->request->folder);
    int64_t step = trainer->saved.progress.step;
    int code = OK;
    if (is_on(trainer))
        code = metrics_file_open(&state->file, path, step, error);
    else if (step == 0)
        unlink(path); /* of an earlier run in this folder */
    memory_release(path);
    return code;
}

static int on_start(struct Trainer *trainer, void *callback, struct Error *error) {
    struct State *state = callback;
    const struct Arena *arena = model_arena(trainer->parts.model);
    bool writes = ranks_rank(trainer->ranks) == 0;
    int code = writes ? open_file(trainer, state, error) : OK;
    if (!code && is_on(trainer))
        code = make_probing(trainer, state, error);
    if (code || !is_on(trainer) || !writes)
        return code;
    state->before = memory_array(float, arena->parameters, "the monitor's parameters");
    state->gradients = memory_array(double, arena->row_count, "the monitor's norms");
    state->counts = memory_array(double, PROBE_BINS, "the monitor's histogram");
    return OK;
}

/* ---- A step ---- */

static double norm_of(const struct Trainer *trainer, const struct ArenaRow *row,
                      const float *values) {
    return probe_array(trainer->variant, row->count, values + row->offset, NULL).norm;
}

static void before_update(struct Trainer *trainer, void *callback,
                          const struct StepGradient *gradient) {
    struct State *state = callback;
    const struct Arena *arena = model_arena(trainer->parts.model);
    state->due = is_due(trainer, gradient->step);
    if (!state->due || !state->before)
        return;
    memcpy(state->before, trainer->state, (size_t)arena->parameters * sizeof *state->before);
    for (int r = 0; r < arena->row_count; r++)
        if (arena->rows[r].role != ROLE_STATISTIC)
            state->gradients[r] =
                gradient->scale * norm_of(trainer, &arena->rows[r], gradient->values);
}

/* For TensorBoard, which calls it "parameters/0.weight". */
static void show_histogram(const struct Trainer *trainer, const struct ProbeValues *values,
                           const char *group, const char *name, int bins, const double *edges,
                           const double *counts) {
    if (!trainer->events || !bins)
        return;
    char *tag = memory_print("%s/%s", group, name);
    struct EventHistogram histogram = {.bins = bins,
                                       .edges = edges,
                                       .counts = counts,
                                       .least = values->least,
                                       .most = values->most,
                                       .sum = values->mean * (double)values->count,
                                       .sum_of_squares = values->norm * values->norm};
    event_file_histogram(trainer->events, trainer->saved.progress.step, tag, &histogram);
    memory_release(tag);
}

static void write_histogram(const struct Trainer *trainer, const struct State *state,
                            const struct ProbeValues *values, const char *group, const char *name) {
    double edges[PROBE_SHOWN + 1], counts[PROBE_SHOWN];
    if (!trainer->options.monitor.histograms)
        return;
    int bins = probe_histogram(values, edges, counts);
    show_histogram(trainer, values, group, name, bins, edges, counts);
    metrics_file_numbers(state->file, "edges", bins ? bins + 1 : 0, edges);
    metrics_file_numbers(state->file, "counts", bins, counts);
}

/* Norm of the update, in place of the parameters before it. */
static double update_norm(const struct Trainer *trainer, struct State *state,
                          const struct ArenaRow *row) {
    for (int64_t i = row->offset; i < row->offset + row->count; i++)
        state->before[i] = trainer->state[i] - state->before[i];
    return norm_of(trainer, row, state->before);
}

static void show_scalar(const struct Trainer *trainer, const char *group, const char *name,
                        double value) {
    if (!trainer->events)
        return;
    char *tag = memory_print("%s/%s", group, name);
    event_file_scalar(trainer->events, trainer->saved.progress.step, tag, value);
    memory_release(tag);
}

static void write_parameter(const struct Trainer *trainer, struct State *state,
                            const struct StepReport *report, int index) {
    const struct ArenaRow *row = &model_arena(trainer->parts.model)->rows[index];
    const struct Node *node = model_node_of_row(trainer->parts.model, index);
    struct ProbeValues now =
        probe_array(trainer->variant, row->count, trainer->state + row->offset,
                    trainer->options.monitor.histograms ? state->counts : NULL);
    double before = norm_of(trainer, row, state->before);
    double update = update_norm(trainer, state, row);
    metrics_file_begin(state->file, "parameter", report->step, report->epoch);
    metrics_file_text(state->file, "name", row->name);
    metrics_file_text(state->file, "layer", node->path);
    metrics_file_number(state->file, "weight", now.norm);
    metrics_file_number(state->file, "gradient", state->gradients[index]);
    metrics_file_number(state->file, "update", update);
    metrics_file_number(state->file, "ratio", before > 0 ? update / before : NAN);
    metrics_file_number(state->file, "mean", now.mean);
    metrics_file_number(state->file, "std", now.std);
    write_histogram(trainer, state, &now, "parameters", row->name);
    metrics_file_end(state->file);
    show_scalar(trainer, "gradient", row->name, state->gradients[index]);
    if (before > 0)
        show_scalar(trainer, "update_ratio", row->name, update / before);
}

static void write_layer(const struct Trainer *trainer, const struct State *state,
                        const struct StepReport *report, const struct ProbeNode *node) {
    const struct ProbeValues *output = &node->output;
    double count = (double)output->count;
    metrics_file_begin(state->file, "layer", report->step, report->epoch);
    metrics_file_text(state->file, "layer", node->node->path);
    metrics_file_text(state->file, "type", node_layer_name(node->node));
    metrics_file_number(state->file, "depth", node->node->index);
    metrics_file_number(state->file, "mean", count > 0 ? output->mean : NAN);
    metrics_file_number(state->file, "std", count > 0 ? output->std : NAN);
    metrics_file_number(state->file, "min", count > 0 ? output->least : NAN);
    metrics_file_number(state->file, "max", count > 0 ? output->most : NAN);
    metrics_file_number(state->file, "zeros", (double)output->zeros / count);
    if (node->saturates)
        metrics_file_number(state->file, "saturated", (double)output->saturated / count);
    metrics_file_number(state->file, "units", (double)node->units);
    metrics_file_number(state->file, "dead", (double)node->dead);
    write_histogram(trainer, state, output, "activations", node->node->path);
    metrics_file_end(state->file);
    if (count > 0)
        show_scalar(trainer, "activation_std", node->node->path, output->std);
    if (node->node->layer == LAYER_IDENTITY(relu))
        show_scalar(trainer, "dead_units", node->node->path, (double)node->dead);
}

/* Rectifiers alone: others do not give 0, or are meant to. */
static void warn_of_dead(struct Trainer *trainer, struct State *state,
                         const struct StepReport *report, const struct ProbeNode *node) {
    if (!trainer->options.train.warnings || state->warned_dead ||
        node->node->layer != LAYER_IDENTITY(relu) || node->dead < DEAD_LEAST ||
        (double)node->dead < DEAD_PART * (double)node->units)
        return;
    struct Text text = {0};
    text_add(&text,
             "%" PRId64 " of %" PRId64
             " units of layer %s (relu) are dead: they are 0 for all %" PRId64
             " samples of the probe; %s",
             node->dead, node->units, node->node->path, state->samples.count,
             report->step == 1 ? "so soon the initialisation is to blame (initialise: kaiming)"
                               : "the learning rate may be too high, or the initialisation bad");
    struct WarningReport warning = {
        .step = report->step, .epoch = report->epoch, .name = "dead_units", .text = text.data};
    state->warned_dead = true;
    callbacks__on_warning(trainer, &warning);
    text_release(&text);
}

static void write_layers(struct Trainer *trainer, struct State *state,
                         const struct StepReport *report) {
    for (int i = 0; i < probing_node_count(state->probing); i++) {
        struct ProbeNode node;
        probing_node(state->probing, i, &node);
        write_layer(trainer, state, report, &node);
        warn_of_dead(trainer, state, report, &node);
    }
}

static int on_step(struct Trainer *trainer, void *callback, const struct StepReport *report,
                   struct Error *error) {
    struct State *state = callback;
    const struct Arena *arena = model_arena(trainer->parts.model);
    (void)error;
    if (!state->due || report->fate != STEP_DONE)
        return OK;
    state->due = false;
    for (int r = 0; state->file && r < arena->row_count; r++)
        if (arena->rows[r].role != ROLE_STATISTIC)
            write_parameter(trainer, state, report, r);
    if (state->probing)
        probing_run(state->probing, trainer->state, (uint64_t)report->step);
    if (state->probing && state->file)
        write_layers(trainer, state, report);
    return OK;
}

/* The lines of steps that the run went back over go. */
static void on_nan(struct Trainer *trainer, void *callback, const struct NanReport *report) {
    struct State *state = callback;
    struct MetricsFile *old = state->file;
    struct Error error;
    if (!old || report->checkpoint < 0)
        return;
    metrics_file_flush(old, &error); /* if it cannot, the lines are lost when it is opened again */
    if (!open_file(trainer, state, &error))
        metrics_file_close(old);
}

static int on_save(struct Trainer *trainer, void *callback, struct Error *error) {
    struct State *state = callback;
    (void)trainer;
    return state->file ? metrics_file_write(state->file, error) : OK;
}

static int synchronise(const void *callback, struct Error *error) {
    const struct State *state = callback;
    return state->file ? metrics_file_synchronise(state->file, error) : OK;
}

static const struct SavedField fields[] = {
    SAVED_FIELD(struct State, "dead", warned_dead, .optional = true), SAVED_END};
static const struct SavedTable saved = {.what = "the monitor", .fields = fields};

const struct Callback callback_monitor = {.name = "monitor",
                                          .state_size = sizeof(struct State),
                                          .release = release,
                                          .saved = &saved,
                                          .prefix = "warned_",
                                          .on_start = on_start,
                                          .before_update = before_update,
                                          .on_step = on_step,
                                          .on_nan = on_nan,
                                          .on_save = on_save,
                                          .synchronise = synchronise};
