/* train.warnings: one line for each thing that looks wrong with the training, at most once a run.
 * It goes by the losses and figures that a run has anyway, and, once, by a look at the weights. All
 * ranks come to the same conclusions; rank 0 says them. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "run/chance.h"
#include "train/trainer.h"

#define WINDOW 20 /* steps whose mean loss is looked at */

/* Times the loss of chance, for classes and for values. Scores of freshly drawn weights come to up
 * to 1.6 and 3 times. */
#define FAR_FOR_CLASSES 2.5
#define FAR_FOR_VALUES 8.0

#define HIGH_LOSS 3.0 /* times the initial loss and that of chance, ... */
#define HIGH_STEPS 3  /* in so many steps in a row: it diverges */
#define RISEN 2.0     /* times the best window, ... */
#define ABOVE 1.5     /* and times chance: it rises */

#define FLAT_STEPS 200 /* of the run, and a whole epoch ... */
#define FLAT_ANY 1000  /* or so many steps */
#define FLAT 0.98      /* of chance, and of the first window */
/* A loss that falls as slowly as until now ends above so many times that of chance. */
#define ABOVE_CHANCE 1.1

#define OVERFIT_WAIT 3    /* validations since the best loss */
#define OVERFIT_RISE 1.3  /* times that loss, while the training loss ... */
#define OVERFIT_FALL 0.7  /* has fallen to this part of what it was then */
#define OVERFIT_LOSS 0.01 /* of chance; a validation loss below it is good enough */
#define SMALL_EPOCHS 5    /* of a whole run */
#define SMALL_ACCURACY 0.95
#define SMALL_VALUES 0.05 /* of the loss of chance */
#define LOOK_STEP 10      /* after so many steps the weights are looked at */
#define EQUAL 1e-4F       /* of the largest: less is no difference */
#define STILL 1e-9F       /* of the largest: less is no change; float32 resolves 6e-8 */
#define STILL_COUNT 4096  /* weights of the last layer that are compared */

enum Warned {
    WARNED_INITIAL = 1,
    WARNED_RISING = 2,
    WARNED_FLAT = 4,
    WARNED_OVERFIT = 8,
    WARNED_SMALL = 16,
    WARNED_EQUAL = 32,
    WARNED_STILL = 64
};

/* Saved: a run that resumes says nothing twice, and concludes what it would have concluded. */
struct Seen {
    int64_t warned;             /* bits of enum Warned */
    double first;               /* the loss of the first step; NaN: there was none */
    int64_t high;               /* steps in a row whose loss was high */
    double sum;                 /* of the losses in the present window */
    int64_t steps;              /* in it */
    double first_mean, least;   /* of the windows; NaN: there was none */
    double best, train_at_best; /* the lowest validation loss, and the training loss then; NaN */
    int64_t waited;             /* validations since then */
};

/* Weights as they were at the start. */
struct Kept {
    int row;        /* of the arena */
    int64_t offset; /* of the first one in the state */
    int64_t count;  /* 0: none are kept */
    float *weights; /* (count) */
};

struct State {
    struct Seen seen;
    double chance;
    struct Kept kept;
};

static const struct SavedField fields[] = {
    SAVED_FIELD(struct Seen, "given", warned, .optional = true),
    SAVED_FIELD(struct Seen, "first", first, .start = NAN, .optional = true),
    SAVED_FIELD(struct Seen, "high", high, .optional = true),
    SAVED_FIELD(struct Seen, "sum", sum, .optional = true),
    SAVED_FIELD(struct Seen, "steps", steps, .optional = true),
    SAVED_FIELD(struct Seen, "first_mean", first_mean, .start = NAN, .optional = true),
    SAVED_FIELD(struct Seen, "least", least, .start = NAN, .optional = true),
    SAVED_FIELD(struct Seen, "best", best, .start = NAN, .optional = true),
    SAVED_FIELD(struct Seen, "train_at_best", train_at_best, .start = NAN, .optional = true),
    SAVED_FIELD(struct Seen, "waited", waited, .optional = true),
    SAVED_END};
static const struct SavedTable saved = {.what = "the warnings", .fields = fields};

static bool is_on(const struct Trainer *trainer) {
    return trainer->options.train.warnings && !trainer->request->overfit;
}

static bool has_values(const struct Trainer *trainer) {
    return targets_are_values(&trainer->parts.dataset->targets);
}

/* Keeps the last weights that are trained: some gradient reaches those of the last layer unless its
 * inputs are all 0. */
static struct Kept keep_weights(const struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const bool *frozen = updater_frozen_rows(trainer->parts.updater);
    struct Kept kept = {0};
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        if (row->role != ROLE_WEIGHT || frozen[r])
            continue;
        kept.row = r;
        kept.count = row->count < STILL_COUNT ? row->count : STILL_COUNT;
        kept.offset = row->offset + row->count - kept.count;
    }
    if (kept.count)
        kept.weights =
            memory_copy_array(trainer->state + kept.offset, kept.count, "weights of the start");
    return kept;
}

/* With a single class all losses are 0, and nothing about the training can be said. */
static bool can_judge(const struct Trainer *trainer, const struct State *state) {
    return is_on(trainer) && state->chance > 0;
}

static int on_start(struct Trainer *trainer, void *callback, struct Error *error) {
    struct State *state = callback;
    (void)error;
    if (!is_on(trainer))
        return OK;
    state->chance = run_chance_loss(&trainer->options, &trainer->parts);
    if (trainer->saved.progress.step < LOOK_STEP)
        state->kept = keep_weights(trainer);
    return OK;
}

static void release(void *callback) {
    struct State *state = callback;
    memory_release(state->kept.weights);
}

/* Says it, unless it was said before. */
static void warn(struct Trainer *trainer, struct State *state, enum Warned bit,
                 struct WarningReport report) {
    if (state->seen.warned & bit)
        return;
    state->seen.warned |= bit;
    report.step = trainer->saved.progress.step;
    report.epoch = trainer->saved.progress.epoch + 1;
    callbacks__on_warning(trainer, &report);
}

/* ---- Losses of steps ---- */

static void look_at_first(struct Trainer *trainer, struct State *state, double loss) {
    double far =
        has_values(trainer)
            ? run_usual_loss_of_values(&trainer->options, trainer->parts.dataset->targets.count,
                                       FAR_FOR_VALUES, state->chance)
            : run_usual_loss(FAR_FOR_CLASSES, state->chance);
    char text[400];
    state->seen.first = loss;
    if (loss <= far)
        return;
    snprintf(
        text, sizeof text,
        "the initial loss is %.4g, and scores of 0 would give %.4g: the initial weights are too "
        "large, or the inputs are not centred and scaled; see initialise, and weight_init of "
        "the last layer",
        loss, state->chance);
    warn(trainer, state, WARNED_INITIAL,
         (struct WarningReport){.name = "initial_loss", .text = text});
}

static void warn_rising(struct Trainer *trainer, struct State *state, double from, double to) {
    char text[400];
    snprintf(
        text, sizeof text,
        "the loss rises: %.4g after %.4g before; the learning rate is too high: try a tenth of "
        "optimizer.rate, a longer warm-up, or clip.norm",
        to, from);
    warn(trainer, state, WARNED_RISING,
         (struct WarningReport){.name = "loss_rising", .text = text});
}

static void look_at_step(struct Trainer *trainer, struct State *state, double loss) {
    double usual = fmax(state->seen.first, state->chance);
    state->seen.high = loss > HIGH_LOSS * usual ? state->seen.high + 1 : 0;
    if (state->seen.high >= HIGH_STEPS)
        warn_rising(trainer, state, state->seen.first, loss);
}

/* The rate is about its full height: the warm-up is over, and nothing has lowered it. */
static bool at_full_rate(const struct Trainer *trainer, double rate) {
    double scale = trainer->parts.time.scale > 0 ? trainer->parts.time.scale : 1;
    return rate >= 0.5 * scale * updater_rate(trainer->parts.updater);
}

static void warn_flat(struct Trainer *trainer, struct State *state, const char *how, double mean) {
    char text[400];
    snprintf(text, sizeof text,
             "%s %.4g after %" PRId64 " steps, %.4g in the first %d, and chance gives "
             "%.4g; the learning rate is too low, the initialisation bad, or the labels do not "
             "belong to the samples",
             how, mean, trainer->saved.progress.step, state->seen.first_mean, WINDOW,
             state->chance);
    warn(trainer, state, WARNED_FLAT, (struct WarningReport){.name = "loss_flat", .text = text});
}

static void look_for_flat(struct Trainer *trainer, struct State *state, double mean, double rate) {
    const struct Progress *progress = &trainer->saved.progress;
    const struct Seen *seen = &state->seen;
    bool early = progress->step < FLAT_STEPS || (progress->epoch < 1 && progress->step < FLAT_ANY);
    if (early || !at_full_rate(trainer, rate) || mean < FLAT * state->chance ||
        seen->least < FLAT * mean)
        return;
    double times_left =
        (double)(trainer->parts.time.total - progress->step) / (double)progress->step;
    if (mean >= FLAT * seen->first_mean)
        warn_flat(trainer, state, "the loss stays flat:", mean);
    else if (mean - times_left * (seen->first_mean - mean) > ABOVE_CHANCE * state->chance)
        warn_flat(trainer, state, "the loss falls too slowly:", mean);
}

static void end_window(struct Trainer *trainer, struct State *state, double rate) {
    struct Seen *seen = &state->seen;
    double mean = seen->sum / (double)seen->steps;
    seen->sum = 0;
    seen->steps = 0;
    if (isnan(seen->first_mean))
        seen->first_mean = seen->least = mean;
    if (mean > RISEN * seen->least && mean > ABOVE * state->chance)
        warn_rising(trainer, state, seen->least, mean);
    seen->least = fmin(seen->least, mean);
    look_for_flat(trainer, state, mean, rate);
}

/* ---- Weights ---- */

/* Whether all outputs of a layer have the same weights, except for what sums in another order
 * differ by. A layer with one weight for each output has nothing to break a symmetry of. */
static bool are_equal(const struct ArenaRow *row, const float *weights) {
    int64_t units = row->size[0], each = row->count / units;
    float most = 0, difference = 0;
    for (int64_t i = 0; i < row->count; i++) {
        most = fmaxf(most, fabsf(weights[i]));
        difference = fmaxf(difference, fabsf(weights[i] - weights[i % each]));
    }
    return units > 1 && each > 1 && difference <= EQUAL * most;
}

static void look_at_weights(struct Trainer *trainer, struct State *state) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    const bool *frozen = updater_frozen_rows(trainer->parts.updater);
    char text[400];
    for (int r = 0; r < arena->row_count; r++) {
        const struct ArenaRow *row = &arena->rows[r];
        if (row->role != ROLE_WEIGHT || frozen[r] || !are_equal(row, trainer->state + row->offset))
            continue;
        const struct Node *node = model_node_of_row(trainer->parts.model, r);
        snprintf(text, sizeof text,
                 "all %" PRId64
                 " units of layer %s (%s) have the same weights after %d steps: what "
                 "starts equal stays equal; initialise weights at random, not with zeros or a "
                 "constant",
                 row->size[0], node->path, node_layer_name(node), LOOK_STEP);
        warn(trainer, state, WARNED_EQUAL,
             (struct WarningReport){.name = "weights_equal", .text = text});
        return;
    }
}

static bool are_still(const struct Kept *kept, const float *weights) {
    float most = 0, change = 0;
    for (int64_t i = 0; i < kept->count; i++) {
        most = fmaxf(most, fabsf(kept->weights[i]));
        change = fmaxf(change, fabsf(weights[i] - kept->weights[i]));
    }
    return kept->count && change <= STILL * most;
}

/* A rate of 0 is meant. Weights that are all equal have been named, and may be why no gradient
 * arrives. */
static void look_for_changes(struct Trainer *trainer, struct State *state, double rate) {
    const struct Kept *kept = &state->kept;
    char text[400];
    if (rate == 0 || state->seen.warned & WARNED_EQUAL ||
        !are_still(kept, trainer->state + kept->offset))
        return;
    const struct Node *node = model_node_of_row(trainer->parts.model, kept->row);
    snprintf(
        text, sizeof text,
        "the weights of layer %s (%s) have not changed in %d steps: the rate (%.3g) or clip is "
        "too small for float32, or no gradient reaches them",
        node->path, node_layer_name(node), LOOK_STEP, rate);
    warn(trainer, state, WARNED_STILL,
         (struct WarningReport){.name = "weights_still", .text = text});
}

static int on_step(struct Trainer *trainer, void *callback, const struct StepReport *report,
                   struct Error *error) {
    struct State *state = callback;
    double loss = report->figures.value[FIGURE_LOSS];
    (void)error;
    if (!can_judge(trainer, state) || report->fate != STEP_DONE)
        return OK;
    if (isnan(state->seen.first))
        look_at_first(trainer, state, loss);
    look_at_step(trainer, state, loss);
    state->seen.sum += loss;
    if (++state->seen.steps == WINDOW)
        end_window(trainer, state, report->rate);
    if (report->step == LOOK_STEP) {
        look_at_weights(trainer, state);
        look_for_changes(trainer, state, report->rate);
    }
    return OK;
}

/* ---- Validations ---- */

static void look_for_overfitting(struct Trainer *trainer, struct State *state,
                                 const struct EpochReport *report) {
    struct Seen *seen = &state->seen;
    double validation = report->validation.value[FIGURE_LOSS];
    double train = report->train.value[FIGURE_LOSS];
    bool news = trainer->saved.best.step > 0 &&
                trainer->saved.best.step + OVERFIT_WAIT * trainer->parts.time.steps_per_epoch >
                    report->step &&
                trainer->saved.best.figure != FIGURE_LOSS; /* the accuracy still improves */
    char text[400];
    if (isnan(seen->best) || validation < seen->best) {
        seen->best = validation;
        seen->train_at_best = train;
        seen->waited = 0;
        return;
    }
    seen->waited++;
    if (seen->waited < OVERFIT_WAIT || news || train > state->chance ||
        validation < OVERFIT_LOSS * state->chance || validation < OVERFIT_RISE * seen->best ||
        train > OVERFIT_FALL * seen->train_at_best)
        return;
    snprintf(text, sizeof text,
             "overfitting: the validation loss has risen from %.4g to %.4g while the training loss "
             "fell from %.4g to %.4g; try augment, dropout, more weight_decay, more data, or "
             "early_stopping",
             seen->best, validation, seen->train_at_best, train);
    warn(trainer, state, WARNED_OVERFIT,
         (struct WarningReport){.name = "overfitting", .text = text});
}

/* What drops, augments or mixes makes the training figures worse than the model is, so that nothing
 * can be said. */
static void look_for_small_model(struct Trainer *trainer, struct State *state,
                                 const struct EpochReport *report) {
    const struct RunOptions *options = &trainer->options;
    const struct Figures *train = &report->train, *validation = &report->validation;
    enum Figure figure = has_values(trainer) ? FIGURE_LOSS : FIGURE_ACCURACY;
    double here = train->value[figure], there = validation->value[figure];
    bool fits = has_values(trainer) ? here < SMALL_VALUES * state->chance : here > SMALL_ACCURACY;
    bool gap = has_values(trainer) ? there > 1.05 * here : there < here - 0.01;
    char text[400];
    if (options->augment.count || options->mix.count || model_is_random(trainer->parts.model) ||
        !train->measured[figure] || !validation->measured[figure] || fits || gap)
        return;
    snprintf(
        text, sizeof text,
        "no gap: the %s is %.4g in training and %.4g in validation; the model is too small, or "
        "too strongly regularised, or the run too short: try more or wider layers",
        figure_kinds[figure].label, here, there);
    warn(trainer, state, WARNED_SMALL, (struct WarningReport){.name = "no_gap", .text = text});
}

static void look_at_end(struct Trainer *trainer, struct State *state,
                        const struct EpochReport *report) {
    double train = report->train.value[FIGURE_LOSS];
    if (report->step < trainer->parts.time.total || report->epoch < SMALL_EPOCHS ||
        state->seen.warned & (WARNED_RISING | WARNED_FLAT | WARNED_EQUAL))
        return;
    if (train < FLAT * state->chance ||
        report->validation.value[FIGURE_LOSS] < FLAT * state->chance)
        look_for_small_model(trainer, state, report);
    else if (!isnan(state->seen.first_mean))
        warn_flat(trainer, state, "the loss has not come below that of chance:", train);
}

static void on_epoch(struct Trainer *trainer, void *callback, const struct EpochReport *report) {
    const struct State *state = callback;
    if (!can_judge(trainer, state) || !report->validation.measured[FIGURE_LOSS] ||
        !report->train.measured[FIGURE_LOSS])
        return;
    look_for_overfitting(trainer, callback, report);
    look_at_end(trainer, callback, report);
}

const struct Callback callback_warnings = {.name = "warnings",
                                           .state_size = sizeof(struct State),
                                           .release = release,
                                           .saved = &saved,
                                           .prefix = "warnings_",
                                           .saved_offset = offsetof(struct State, seen),
                                           .on_start = on_start,
                                           .on_step = on_step,
                                           .on_epoch = on_epoch,
                                           .on_validated = on_epoch};
