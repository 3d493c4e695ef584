#include "nn/gradcheck.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "nn/plan.h"

#define WIDTHS 4
static const double widths[WIDTHS] = {1e-3, 1e-4, 1e-5, 1e-6};

struct Check {
    const struct Model *model;
    const struct GradcheckRequest *request;
    struct Plan *plan;
    double *state, *gradient, *input, *input_gradient;
    int64_t inputs; /* elements of all samples' input */
};

/* The mean loss at the present state and input. */
static double loss_now(struct Check *check) {
    const struct GradcheckRequest *request = check->request;
    struct PlanRun run = {.samples = request->samples,
                          .batch = request->samples,
                          .seed = request->seed,
                          .state = check->state,
                          .gradient = check->gradient};
    memcpy(plan_input(check->plan), check->input, (size_t)check->inputs * sizeof(double));
    plan_prepare(check->plan, check->state);
    plan_forward(check->plan, &run);
    plan_backward(check->plan, &run);
    double loss = 0;
    for (int64_t i = 0; i < request->samples; i++)
        loss += plan_sample_losses(check->plan)[i];
    return loss / (double)request->samples;
}

/* Central difference of fourth order, (8 (f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h: its error falls
 * with h⁴, so that h can be wide enough for rounding not to matter. */
static double difference(struct Check *check, double *value, double width) {
    static const double places[] = {1, -1, 2, -2}, weights[] = {8, -8, -1, 1};
    double kept = *value, sum = 0;
    for (int i = 0; i < 4; i++) {
        *value = kept + places[i] * width;
        sum += weights[i] * loss_now(check);
    }
    *value = kept;
    return sum / (12 * width);
}

static double relative(double a, double b, double floor) {
    double scale = fmax(fmax(fabs(a), fabs(b)), floor);
    return scale > 0 ? fabs(a - b) / scale : 0;
}

static void check_element(struct Check *check, double *value, double analytic, double floor,
                          int64_t element, struct GradcheckRow *row) {
    double numeric[WIDTHS], best = INFINITY, spread = 0;
    double tolerance = check->request->tolerance;
    int nearest = 0;
    for (int i = 0; i < WIDTHS; i++) {
        numeric[i] = difference(check, value, widths[i] * fmax(1, fabs(*value)));
        double error = relative(analytic, numeric[i], floor);
        if (!(error >= best)) {
            best = error;
            nearest = i;
        }
        if (i)
            spread = fmax(spread, relative(numeric[i], numeric[i - 1], floor));
        if (best <= tolerance)
            break;
    }
    if (!(best <= tolerance) && spread > 100 * tolerance) {
        row->kinks++;
        return;
    }
    row->checked++;
    row->wrong += !(best <= tolerance);
    if (best > row->worst || row->checked == 1 || isnan(best)) {
        row->worst = best;
        row->analytic = analytic;
        row->numeric = numeric[nearest];
        row->element = element;
    }
}

static struct GradcheckRow check_values(struct Check *check, const char *name, double *values,
                                        const double *analytic, int64_t count) {
    struct GradcheckRow row = {.name = name};
    double squares = 0;
    for (int64_t i = 0; i < count; i++)
        squares += analytic[i] * analytic[i];
    /* Rounding: about 1e-15 in the loss over a width of 1e-4. Gradients that vanish (a bias in
     * front of a batch normalisation) are nothing but that. */
    double floor = fmax(1e-3 * sqrt(squares / (double)count), 2e-5);
    int64_t elements = check->request->elements;
    if (elements == 0 || elements > count)
        elements = count;
    for (int64_t i = 0; i < elements; i++) {
        int64_t element = elements == count ? i : i * count / elements + count / elements / 2;
        check_element(check, values + element, analytic[element], floor, element, &row);
    }
    return row;
}

/* Initial parameters, moved off special points (zero shifts, zero scales); random images and
 * distributions as targets. */
static void fill(struct Check *check) {
    const struct Arena *arena = model_arena(check->model);
    int64_t elements = arena_state_elements(arena), samples = check->request->samples;
    uint64_t seed = check->request->seed;
    float *state = memory_allocate((size_t)elements * sizeof *state, "the gradient check");
    double *noise = memory_allocate((size_t)elements * sizeof *noise, "the gradient check");
    model_initialise(check->model, seed, state);
    struct RandomStream stream = random_stream(seed, RANDOM_TEST, 0, 0, 0);
    random_normal(&stream, elements, noise);
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        for (int64_t j = row->offset; j < row->offset + row->count; j++)
            check->state[j] = state[j] + (row->role == ROLE_STATISTIC ? 0 : 0.02 * noise[j]);
    }
    stream = random_stream(seed, RANDOM_TEST, 1, 0, 0);
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
    memory_release(state);
    memory_release(noise);
}

static int check_all(struct Check *check, void (*visit)(void *, const struct GradcheckRow *),
                     void *context, struct Error *error) {
    const struct Arena *arena = model_arena(check->model);
    size_t gradient_bytes = (size_t)arena_gradient_elements(arena) * sizeof(double);
    loss_now(check);
    double *analytic = memory_allocate(gradient_bytes, "the gradient check");
    memcpy(analytic, check->gradient, gradient_bytes);
    memcpy(check->input_gradient, plan_input_gradient(check->plan),
           (size_t)check->inputs * sizeof(double));
    int64_t wrong = 0;
    struct GradcheckRow first_wrong = {0};
    for (int i = 0; i <= arena->row_count; i++) {
        struct GradcheckRow row;
        if (i == arena->row_count)
            row = check_values(check, "input", check->input, check->input_gradient, check->inputs);
        else if (arena->rows[i].role == ROLE_STATISTIC)
            continue;
        else
            row = check_values(check, arena->rows[i].name, check->state + arena->rows[i].offset,
                               analytic + arena->rows[i].offset, arena->rows[i].count);
        if (row.wrong && !wrong)
            first_wrong = row;
        wrong += row.wrong;
        visit(context, &row);
    }
    memory_release(analytic);
    if (wrong)
        return fail(error, ERROR_NUMERIC,
                    "gradient of %s[%lld]: backward says %.10g, central differences %.10g "
                    "(relative error %.2g, %lld elements wrong in all)",
                    first_wrong.name, (long long)first_wrong.element, first_wrong.analytic,
                    first_wrong.numeric, first_wrong.worst, (long long)wrong);
    return OK;
}

int gradcheck_run(const struct Model *model, const struct GradcheckRequest *request,
                  void (*visit)(void *context, const struct GradcheckRow *row), void *context,
                  struct Error *error) {
    const struct Arena *arena = model_arena(model);
    struct PlanRequest plan_request = {.variant = VARIANT_F64,
                                       .backend = request->backend,
                                       .training = true,
                                       .samples = {request->samples},
                                       .sample_counts = 1,
                                       .loss = request->loss,
                                       .no_merging = request->no_merging,
                                       .input_gradient = true};
    struct Check check = {.model = model, .request = request};
    int code = plan_create(&check.plan, model, &plan_request, error);
    if (code)
        return code;
    check.inputs = request->samples * shape_elements(model_input(model));
    size_t input_bytes = (size_t)check.inputs * sizeof(double);
    check.state =
        memory_allocate((size_t)arena_state_elements(arena) * sizeof(double), "the gradient check");
    check.gradient = memory_allocate((size_t)arena_gradient_elements(arena) * sizeof(double),
                                     "the gradient check");
    check.input = memory_allocate(input_bytes, "the gradient check");
    check.input_gradient = memory_allocate(input_bytes, "the gradient check");
    fill(&check);
    code = check_all(&check, visit, context, error);
    plan_release(check.plan);
    memory_release(check.state);
    memory_release(check.gradient);
    memory_release(check.input);
    memory_release(check.input_gradient);
    return code;
}
