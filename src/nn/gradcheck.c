#include "nn/gradcheck.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "nn/plan.h"

#define BASE_POINTS 6   /* tried for a row in which nothing can be compared */
#define MAIN_WIDTHS 4   /* the others are tried only for an error that no kink explains */
#define KINK_MARGIN 8.0 /* an error up to so many times the kinks' trace counts as theirs */
/* Bound of the loss's relative rounding error. */
#define ROUNDING (64 * DBL_EPSILON)

static const double widths[] = {1e-3, 1e-4, 1e-5, 1e-6, 3e-4, 3e-5, 3e-6};
enum { WIDTHS = sizeof widths / sizeof *widths };

struct Check {
    const struct Model *model;
    const struct GradcheckRequest *request;
    struct Plan *plan;
    double *state, *gradient, *input, *input_gradient;
    double *analytic; /* the gradient arena at the base point; `gradient` is scratch */
    double loss;      /* at the base point */
    int base;         /* which of the base points */
    int64_t inputs;   /* elements of all samples' input */
};

/* Forward at the present state and input; returns the mean loss. */
static double loss_now(struct Check *check, bool backward) {
    const struct GradcheckRequest *request = check->request;
    struct ShardCall call = {.samples = request->samples,
                             .batch = request->samples,
                             .seed = request->seed + (uint64_t)check->base, /* of masks */
                             .state = check->state,
                             .gradient = check->gradient};
    memcpy(plan_input(check->plan), check->input, (size_t)check->inputs * sizeof(double));
    plan_prepare(check->plan, check->state);
    plan_forward(check->plan, &call);
    double loss = plan_loss(check->plan, &call);
    if (backward)
        plan_backward(check->plan, &call);
    return loss;
}

struct Difference {
    double slope;
    double kinks; /* the trace of kinks within twice the width, in the slope's unit */
};

/* Central difference of fourth order, (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h: its error falls
 * with h⁴, so that h can be wide enough for rounding not to matter.
 * The forward difference less the backward one is J(h) = (f(h) − 2 f(0) + f(−h)) / h: f''h where f
 * is smooth, a constant at a kink. J(2h) − 2 J(h) is of order h³ in the first case, and minus that
 * constant in the second. */
static struct Difference difference(struct Check *check, double *value, double width) {
    static const double places[] = {1, -1, 2, -2};
    double kept = *value, f[4];
    for (int i = 0; i < 4; i++) {
        *value = kept + places[i] * width;
        f[i] = loss_now(check, false) - check->loss;
    }
    *value = kept;
    double noise = ROUNDING * fmax(1, fabs(check->loss)) / width;
    double trace = fabs((f[2] + f[3]) / (2 * width) - 2 * (f[0] + f[1]) / width);
    return (struct Difference){.slope = (8 * (f[0] - f[1]) - (f[2] - f[3])) / (12 * width),
                               .kinks = trace > noise ? trace : 0};
}

static double relative(double a, double b, double floor) {
    double scale = fmax(fmax(fabs(a), fabs(b)), floor);
    return scale > 0 ? fabs(a - b) / scale : 0;
}

static void check_element(struct Check *check, double *value, double analytic, double floor,
                          int64_t element, struct GradcheckRow *row) {
    double tolerance = check->request->tolerance, best = INFINITY, numeric = 0;
    bool explained = false;
    for (int i = 0; i < WIDTHS && !(best <= tolerance) && !(i >= MAIN_WIDTHS && explained); i++) {
        struct Difference found = difference(check, value, widths[i] * fmax(1, fabs(*value)));
        double error = relative(analytic, found.slope, floor);
        explained |= fabs(analytic - found.slope) <= KINK_MARGIN * found.kinks;
        if (!(error >= best)) {
            best = error;
            numeric = found.slope;
        }
    }
    if (!(best <= tolerance) && explained) {
        row->kinks++;
        return;
    }
    if (analytic == 0 && numeric == 0) {
        row->zeros++; /* a unit that is switched off at this point shows nothing */
        return;
    }
    row->checked++;
    row->wrong += !(best <= tolerance);
    if (best > row->worst || row->checked == 1 || isnan(best)) {
        row->worst = best;
        row->analytic = analytic;
        row->numeric = numeric;
        row->element = element;
    }
}

static int64_t largest_of(const double *values, int64_t count) {
    int64_t largest = 0;
    for (int64_t i = 1; i < count; i++)
        if (fabs(values[i]) > fabs(values[largest]))
            largest = i;
    return largest;
}

/* Checks elements spread over the row, other ones at each base point. Gives up if the first lies on
 * a kink, because its neighbours are near the same ones. If all have no gradient, as most pixels
 * before a large pooling, the one with the largest is checked. */
static void check_values(struct Check *check, double *values, const double *analytic, int64_t count,
                         struct GradcheckRow *row) {
    double squares = 0;
    for (int64_t i = 0; i < count; i++)
        squares += analytic[i] * analytic[i];
    /* Rounding gives about 1e-15 in the loss over a width of 1e-4. A gradient that vanishes (of a
     * bias before a batch normalisation) consists of rounding alone. */
    double floor = fmax(1e-3 * sqrt(squares / (double)count), 2e-5);
    int64_t elements = check->request->elements;
    bool all = elements == 0 || elements >= count;
    if (all)
        elements = count;
    for (int64_t i = 0; i < elements; i++) {
        if (i && !all && row->checked + row->zeros == 0)
            return;
        int64_t element =
            all ? i : (i * count / elements + count / elements / 2 + check->base) % count;
        check_element(check, values + element, analytic[element], floor, element, row);
    }
    int64_t largest = largest_of(analytic, count);
    if (row->checked == 0 && !all && analytic[largest] != 0)
        check_element(check, values + largest, analytic[largest], floor, largest, row);
}

/* ---- Base points ---- */

/* Moves most channels of a normalisation six deviations above zero and some far below, so that no
 * ReLU after it, or after its sum with a shortcut, is near its kink. */
static void move_channels_off_kinks(const struct ArenaRow *row, struct RandomStream *stream,
                                    double *state) {
    const char *dot = strrchr(row->name, '.');
    bool shift = dot && !strcmp(dot, ".bias");
    for (int64_t j = row->offset; j < row->offset + row->count; j++)
        if (!shift)
            state[j] *= 0.25;
        else
            state[j] += random_below(random_word(stream, (uint64_t)j), 8) ? 1.5 : -50;
}

/* Initial parameters, moved off special points (zero shifts, zero scales). */
static void fill_state(struct Check *check, uint64_t seed) {
    const struct Arena *arena = model_arena(check->model);
    int64_t elements = arena_state_elements(arena);
    float *state = memory_array(float, elements, "the gradient check");
    double *noise = memory_array(double, elements, "the gradient check");
    model_initialise(check->model, seed, state);
    struct RandomStream stream = random_stream(seed, RANDOM_TEST, 0, 0, 0);
    random_normal(&stream, elements, noise);
    stream = random_stream(seed, RANDOM_TEST, 3, 0, 0);
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        for (int64_t j = row->offset; j < row->offset + row->count; j++)
            check->state[j] = state[j] + (row->role == ROLE_STATISTIC ? 0 : 0.02 * noise[j]);
        if (check->base && row->role == ROLE_NORMALISATION)
            move_channels_off_kinks(row, &stream, check->state);
    }
    memory_release(state);
    memory_release(noise);
}

/* Random images, and distributions as targets. */
static void fill_samples(struct Check *check, uint64_t seed) {
    int64_t samples = check->request->samples;
    struct RandomStream stream = random_stream(seed, RANDOM_TEST, 1, 0, 0);
    random_normal(&stream, check->inputs, check->input);
    int64_t outputs = shape_elements(model_output(check->model));
    stream = random_stream(seed, RANDOM_TEST, 2, 0, 0);
    for (int64_t i = 0; i < samples; i++) {
        float *target = plan_target(check->plan) + i * outputs;
        double total = 0;
        for (int64_t c = 0; c < outputs; c++)
            total += target[c] =
                0.05f + random_uniform(random_word(&stream, (uint64_t)(i * outputs + c)));
        for (int64_t c = 0; c < outputs; c++)
            target[c] = (float)(target[c] / total);
    }
}

static void move_to(struct Check *check, int base) {
    if (check->base == base)
        return;
    check->base = base;
    fill_state(check, check->request->seed + (uint64_t)base);
    fill_samples(check, check->request->seed + (uint64_t)base);
    check->loss = loss_now(check, true);
    memcpy(check->analytic, check->gradient,
           (size_t)arena_gradient_elements(model_arena(check->model)) * sizeof(double));
    memcpy(check->input_gradient, plan_input_gradient(check->plan),
           (size_t)check->inputs * sizeof(double));
}

static struct GradcheckRow check_row(struct Check *check, const struct ArenaRow *in_arena) {
    struct GradcheckRow row = {.name = in_arena ? in_arena->name : "input"};
    for (int base = 0; base < BASE_POINTS && row.checked == 0; base++) {
        move_to(check, base);
        if (in_arena)
            check_values(check, check->state + in_arena->offset, check->analytic + in_arena->offset,
                         in_arena->count, &row);
        else
            check_values(check, check->input, check->input_gradient, check->inputs, &row);
    }
    return row;
}

/* What check_all could not check: rows in which nothing could be compared, by the reason. */
struct Unchecked {
    struct Text on_kinks, zero; /* their names */
    int64_t kinks;              /* of those on kinks */
};

static void add_unchecked(struct Unchecked *unchecked, const struct GradcheckRow *row) {
    struct Text *names = row->kinks ? &unchecked->on_kinks : &unchecked->zero;
    if (row->checked)
        return;
    text_add(names, "%s%s", names->length ? ", " : "", row->name);
    unchecked->kinks += row->kinks;
}

static int fail_unchecked(const struct Unchecked *unchecked, struct Error *error) {
    if (unchecked->zero.length)
        return fail(error, ERROR_NUMERIC,
                    "gradient of %s: could not be checked, it is 0 in backward and in the "
                    "differences for every element tried at %d base points: units are dead (a ReLU "
                    "that no input switches on), or nothing depends on it",
                    unchecked->zero.data, BASE_POINTS);
    if (unchecked->on_kinks.length)
        return fail(error, ERROR_NUMERIC,
                    "gradient of %s: could not be checked, all %" PRId64
                    " elements tried at %d base points lie on kinks; expected one that does not "
                    "(another seed, fewer samples, more elements)",
                    unchecked->on_kinks.data, unchecked->kinks, BASE_POINTS);
    return OK;
}

static int check_all(struct Check *check, void (*visit)(void *, const struct GradcheckRow *),
                     void *context, struct Error *error) {
    const struct Arena *arena = model_arena(check->model);
    int64_t wrong = 0;
    struct GradcheckRow first_wrong = {0};
    struct Unchecked unchecked = {0};
    for (int i = 0; i <= arena->row_count; i++) {
        if (i < arena->row_count && arena->rows[i].role == ROLE_STATISTIC)
            continue;
        struct GradcheckRow row = check_row(check, i < arena->row_count ? &arena->rows[i] : NULL);
        if (row.wrong && !wrong)
            first_wrong = row;
        add_unchecked(&unchecked, &row);
        wrong += row.wrong;
        visit(context, &row);
    }
    int code = fail_unchecked(&unchecked, error);
    text_release(&unchecked.on_kinks);
    text_release(&unchecked.zero);
    if (!wrong)
        return code;
    return fail(error, ERROR_NUMERIC,
                "gradient of %s[%" PRId64 "]: backward says %.10g, central differences %.10g "
                "(relative error %.2g, %" PRId64 " elements wrong in all)",
                first_wrong.name, first_wrong.element, first_wrong.analytic, first_wrong.numeric,
                first_wrong.worst, wrong);
}

int gradcheck_run(const struct Model *model, const struct GradcheckRequest *request,
                  void (*visit)(void *context, const struct GradcheckRow *row), void *context,
                  struct Error *error) {
    const struct Arena *arena = model_arena(model);
    struct PlanRequest plan_request = {.variant = VARIANT_F64,
                                       .backend = request->backend,
                                       .convolution = request->convolution,
                                       .training = true,
                                       .samples = {request->samples},
                                       .sample_counts = 1,
                                       .loss = request->loss,
                                       .no_fusion = request->no_fusion,
                                       .input_gradient = true};
    struct Check check = {.model = model, .request = request, .base = -1};
    int code = plan_create(&check.plan, model, &plan_request, error);
    if (code)
        return code;
    check.inputs = request->samples * shape_elements(model_input(model));
    check.state = memory_array(double, arena_state_elements(arena), "the gradient check");
    check.gradient = memory_array(double, arena_gradient_elements(arena), "the gradient check");
    check.analytic = memory_array(double, arena_gradient_elements(arena), "the gradient check");
    check.input = memory_array(double, check.inputs, "the gradient check");
    check.input_gradient = memory_array(double, check.inputs, "the gradient check");
    code = check_all(&check, visit, context, error);
    plan_release(check.plan);
    memory_release(check.state);
    memory_release(check.gradient);
    memory_release(check.analytic);
    memory_release(check.input);
    memory_release(check.input_gradient);
    return code;
}
