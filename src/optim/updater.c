/* Updates the arena of parameters segment by segment. Adjacent rows with the same settings form one
 * segment, so that a model needs only a few long passes over memory. The padding between the rows
 * of a segment is updated with them: zero parameters with zero gradients stay zero with every
 * optimiser. */
#include "optim/updater.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "optim/kernels/updater_kernels.h"
#include "optim/optimizers.h"
#include "optim/trust_ratio.h"

struct Segment {
    int64_t begin, end;
    struct RowSettings settings;
    bool trusted;          /* its step is scaled by the optimiser's trust ratio */
    int64_t units, length; /* with max_norm: outputs of the one row, and weights of each */
};

struct Slot { /* a part of the state that a checkpoint keeps */
    const char *name;
    char *values;
};

struct Updater {
    const struct Optimizer *optimizer;
    const struct UpdaterKernels *kernels;
    const void *options;
    struct ClipOptions clip;
    struct LookaheadOptions lookahead;
    int64_t parameters, real_bytes;
    bool *frozen_rows;
    int64_t frozen;               /* how many parameters are in frozen rows */
    char *slots[OPTIMIZER_SLOTS]; /* by the optimiser's numbers; NULL: not needed */
    char *slow;                   /* lookahead's slow weights; NULL: no lookahead */
    int saved_count;
    struct Slot saved[OPTIMIZER_SLOTS + 1];
    int segment_count;
    struct Segment *segments;
    void *adjusted;            /* OPTIMIZER_BLOCK reals: a piece of the adjusted gradient */
    struct Checksum *checksum; /* of what steps replace; NULL: none */
    double gradient_norm;
    double gradient_scale;
};

static const struct UpdaterKernels *kernels_of(enum Variant variant) {
    static const struct UpdaterKernels *const table[VARIANT_COUNT] = KERNEL_TABLE(updater_kernels);
    CHECK(variant_available(variant));
    return table[variant];
}

/* ---- Segments ---- */

static bool same_settings(const struct RowSettings *a, const struct RowSettings *b) {
    return a->rate == b->rate && a->weight_decay == b->weight_decay && a->l1 == b->l1;
}

static struct Segment segment_of(const struct Updater *updater, const struct ArenaRow *row,
                                 const struct RowSettings *settings) {
    struct Segment segment = {
        .begin = row->offset, .end = row->offset + row->count, .settings = *settings};
    if (updater->optimizer->measure) {
        const struct TrustRatioOptions *options = updater->options;
        segment.trusted = options->adapt == ROWS_ALL || row->role == ROLE_WEIGHT;
    }
    if (settings->max_norm > 0) {
        segment.units = row->size[0];
        segment.length = row->count / row->size[0];
    }
    return segment;
}

/* Trust ratios and max-norm are computed row by row, so a row with either is a segment of its
 * own. */
static bool may_join(const struct Updater *updater, const struct Segment *a,
                     const struct Segment *b) {
    return !updater->optimizer->measure && a->settings.max_norm == 0 && b->settings.max_norm == 0 &&
           same_settings(&a->settings, &b->settings);
}

static void group_rows(struct Updater *updater, const struct Arena *arena,
                       const struct RowSettings *settings) {
    bool after_frozen_row = false;
    updater->segments = memory_array(struct Segment, arena->row_count, "segments of parameters");
    updater->frozen_rows = memory_array(bool, arena->row_count, "segments of parameters");
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        updater->frozen_rows[i] = settings[i].frozen;
        if (row->role == ROLE_STATISTIC)
            continue;
        if (settings[i].frozen) {
            updater->frozen += row->count;
            after_frozen_row = true;
            continue;
        }
        struct Segment segment = segment_of(updater, row, &settings[i]);
        struct Segment *last = updater->segments + updater->segment_count - 1;
        CHECK(segment.end <= arena->parameters);
        CHECK(updater->segment_count == 0 || last->end <= segment.begin);
        if (updater->segment_count > 0 && !after_frozen_row && may_join(updater, last, &segment))
            last->end = segment.end;
        else
            updater->segments[updater->segment_count++] = segment;
        after_frozen_row = false;
    }
}

/* ---- Memory ---- */

static char *add_slot(struct Updater *updater, const char *name) {
    char *values = memory_array(char, updater->parameters * updater->real_bytes, name);
    updater->saved[updater->saved_count++] = (struct Slot){name, values};
    return values;
}

static void fill(struct Updater *updater, char *slot, double value) {
    for (int64_t i = 0; i < updater->parameters; i++)
        if (updater->real_bytes == sizeof(double))
            ((double *)(void *)slot)[i] = value;
        else
            ((float *)(void *)slot)[i] = (float)value;
}

static void allocate_slots(struct Updater *updater) {
    const struct Optimizer *optimizer = updater->optimizer;
    for (int slot = 0; slot < optimizer->slot_count; slot++) {
        if (optimizer->needs && !optimizer->needs(updater->options, slot))
            continue;
        updater->slots[slot] = add_slot(updater, optimizer->slot_names[slot]);
        if (optimizer->start)
            fill(updater, updater->slots[slot], optimizer->start(updater->options, slot));
    }
    if (updater->lookahead.every)
        updater->slow = add_slot(updater, "slow_weights");
    updater->adjusted =
        memory_array(char, OPTIMIZER_BLOCK * updater->real_bytes, "a piece of a gradient");
}

int updater_create(struct Updater **result, const struct UpdaterRequest *request,
                   const struct Arena *arena, enum Variant variant, struct Error *error) {
    struct Updater *updater = memory_allocate(sizeof *updater, "optimiser");
    updater->optimizer = optimizer__of_kind(request->optimizer->kind, variant);
    updater->kernels = kernels_of(variant);
    updater->options = request->optimizer->options;
    updater->clip =
        request->clip ? *request->clip : (struct ClipOptions){.norm = NAN, .value = NAN};
    if (request->lookahead)
        updater->lookahead = *request->lookahead;
    updater->parameters = arena->parameters;
    updater->real_bytes = variant_bytes(variant);
    updater->gradient_norm = NAN;
    updater->gradient_scale = 1;
    struct RowSettings *settings =
        memory_array(struct RowSettings, arena->row_count, "settings of parameters");
    int code = rules_apply(request->rules, updater->options, arena, settings, error);
    if (!code) {
        group_rows(updater, arena, settings);
        allocate_slots(updater);
    }
    memory_release(settings);
    if (code)
        updater_release(updater);
    else
        *result = updater;
    return code;
}

void updater_release(struct Updater *updater) {
    if (!updater)
        return;
    for (int slot = 0; slot < updater->saved_count; slot++)
        memory_release(updater->saved[slot].values);
    memory_release(updater->adjusted);
    memory_release(updater->segments);
    memory_release(updater->frozen_rows);
    memory_release(updater);
}

int updater_slot_count(const struct Updater *updater) {
    return updater->saved_count;
}

const char *updater_slot_name(const struct Updater *updater, int slot) {
    return updater->saved[slot].name;
}

void *updater_slot(struct Updater *updater, int slot) {
    return updater->saved[slot].values;
}

void updater_watch(struct Updater *updater, struct Checksum *checksum) {
    updater->checksum = checksum;
}

double updater_rate(const struct Updater *updater) {
    return ((const struct OptimizerCommon *)updater->options)->rate;
}

const bool *updater_frozen_rows(const struct Updater *updater) {
    return updater->frozen_rows;
}

int64_t updater_frozen(const struct Updater *updater) {
    return updater->frozen;
}

void updater_scale_gradient(struct Updater *updater, double scale) {
    updater->gradient_scale = scale;
}

double updater_gradient_norm(const struct Updater *updater) {
    return updater->gradient_norm;
}

/* ---- A step ---- */

struct Step {
    struct Updater *updater;
    double rate;
    int64_t number;
    char *state;
    const char *gradient;
    struct Adjustment adjustment; /* of the gradient; its l1 is set for each segment */
};

/* The part of `update`, which is for a whole segment, that covers `count` elements from element
 * `begin` of the arena. */
static struct Update part_of(const struct Step *step, const struct Update *update, int64_t begin,
                             int64_t count) {
    const struct Updater *updater = step->updater;
    int64_t offset = begin * updater->real_bytes;
    struct Update part = *update;
    part.count = count;
    part.parameters = step->state + offset;
    part.gradient = step->gradient + offset;
    for (int slot = 0; slot < OPTIMIZER_SLOTS; slot++)
        part.slots[slot] = updater->slots[slot] ? updater->slots[slot] + offset : NULL;
    return part;
}

/* One pass of the optimiser over a segment: in one call if the gradient needs no adjustment,
 * otherwise piece by piece. */
static bool apply(const struct Step *step, const struct Segment *segment,
                  const struct Update *update, bool (*work)(const struct Update *)) {
    const struct Updater *updater = step->updater;
    struct Adjustment adjustment = step->adjustment;
    adjustment.l1 = segment->settings.l1;
    bool as_it_is = adjustment.factor == 1 && isinf(adjustment.limit) && adjustment.l1 == 0;
    bool finite = true;
    if (as_it_is && !updater->optimizer->measure) {
        struct Update whole = part_of(step, update, segment->begin, segment->end - segment->begin);
        return work(&whole);
    }
    for (int64_t begin = segment->begin; begin < segment->end; begin += OPTIMIZER_BLOCK) {
        int64_t left = segment->end - begin;
        struct Update part =
            part_of(step, update, begin, left < OPTIMIZER_BLOCK ? left : OPTIMIZER_BLOCK);
        if (!as_it_is) {
            finite &= updater->kernels->adjust(&adjustment, part.count, part.gradient,
                                               part.parameters, updater->adjusted);
            part.gradient = updater->adjusted;
        }
        finite &= work(&part);
    }
    return finite;
}

static void limit_norms(const struct Updater *updater, const struct Segment *segment,
                        char *values) {
    if (segment->settings.max_norm > 0)
        updater->kernels->limit_norms(segment->units, segment->length, segment->settings.max_norm,
                                      values);
}

/* The new slow weights lie between the old slow and the fast ones. Max-norm limits both, so the new
 * ones are within the limit, too; the initial slow weights are limited at the first step. */
static void look_ahead(const struct Step *step, const struct Segment *segment, char *parameters) {
    const struct Updater *updater = step->updater;
    if (!updater->slow)
        return;
    char *slow = updater->slow + segment->begin * updater->real_bytes;
    if (step->number == 1)
        limit_norms(updater, segment, slow);
    if (step->number % updater->lookahead.every)
        return;
    int64_t count = segment->end - segment->begin;
    if (updater->checksum)
        checksum_add(updater->checksum, slow, count * updater->real_bytes);
    updater->kernels->look_ahead(count, updater->lookahead.share, parameters, slow);
}

static bool step_segment(const struct Step *step, const struct Segment *segment) {
    struct Updater *updater = step->updater;
    const struct Optimizer *optimizer = updater->optimizer;
    double sums[OPTIMIZER_SUMS] = {0};
    uint32_t replaced = 0;
    struct Update update = {.options = updater->options,
                            .rate = step->rate * segment->settings.rate,
                            .weight_decay = segment->settings.weight_decay,
                            .step = step->number,
                            .replaced = &replaced,
                            .sums = sums,
                            .trust = 1};
    bool finite = true;
    if (optimizer->measure) {
        finite = apply(step, segment, &update, optimizer->measure);
        if (segment->trusted)
            update.trust = optimizer->trust(updater->options, update.weight_decay, sums);
    }
    finite &= apply(step, segment, &update, optimizer->update);

    if (updater->checksum)
        checksum_add(updater->checksum, &replaced, sizeof replaced);

    char *parameters = step->state + segment->begin * updater->real_bytes;
    limit_norms(updater, segment, parameters);
    look_ahead(step, segment, parameters);
    return finite;
}

static double measure_gradient(const struct Updater *updater, const char *gradient) {
    double sum = 0;
    for (int i = 0; i < updater->segment_count; i++) {
        const struct Segment *segment = &updater->segments[i];
        sum += updater->kernels->square_sum(segment->end - segment->begin,
                                            gradient + segment->begin * updater->real_bytes);
    }
    return sqrt(sum);
}

bool updater_gradient_is_finite(const struct Updater *updater, const void *gradient) {
    bool finite = true;
    for (int i = 0; i < updater->segment_count; i++) {
        const struct Segment *segment = &updater->segments[i];
        finite &= updater->kernels->is_finite(segment->end - segment->begin,
                                              (const char *)gradient +
                                                  segment->begin * updater->real_bytes);
    }
    return finite;
}

bool updater_step(struct Updater *updater, double rate, int64_t number, void *state,
                  const void *gradient) {
    struct Step step = {.updater = updater,
                        .rate = rate,
                        .number = number,
                        .state = state,
                        .gradient = gradient,
                        .adjustment = {.factor = updater->gradient_scale, .limit = INFINITY}};
    if (clip_measures(&updater->clip))
        updater->gradient_norm = updater->gradient_scale * measure_gradient(updater, gradient);
    if (updater->clip.norm > 0)
        step.adjustment.factor *= clip_factor(&updater->clip, updater->gradient_norm);
    if (updater->clip.value > 0)
        step.adjustment.limit = updater->clip.value;
    if (updater->slow && number == 1)
        memcpy(updater->slow, state, (size_t)(updater->parameters * updater->real_bytes));
    bool finite = true;
    for (int i = 0; i < updater->segment_count; i++)
        finite &= step_segment(&step, &updater->segments[i]);
    return finite;
}

bool updater_has_penalty(const struct Updater *updater) {
    bool any = false;
    for (int i = 0; i < updater->segment_count; i++) {
        const struct RowSettings *settings = &updater->segments[i].settings;
        any |= settings->l1 > 0 || (settings->weight_decay > 0 && !updater->optimizer->decoupled);
    }
    return any;
}

double updater_penalty(const struct Updater *updater, const void *state) {
    double penalty = 0;
    for (int i = 0; i < updater->segment_count; i++) {
        const struct Segment *segment = &updater->segments[i];
        const struct RowSettings *settings = &segment->settings;
        const char *x = (const char *)state + segment->begin * updater->real_bytes;
        int64_t count = segment->end - segment->begin;
        if (settings->weight_decay > 0 && !updater->optimizer->decoupled)
            penalty += settings->weight_decay / 2 * updater->kernels->square_sum(count, x);
        if (settings->l1 > 0)
            penalty += settings->l1 * updater->kernels->magnitude_sum(count, x);
    }
    return penalty;
}
