/* The optimisers, every variant, against the formulas in double; which rows are decayed; NaN. */
#include "choices.h"

#include "base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Two neighbouring weights, a normalisation, a bias, and a running mean after the parameters. */
#define ROWS 5
#define PARAMETERS 416
#define STATE (PARAMETERS + 16)
static struct ArenaRow rows[ROWS] = {
    {.role = ROLE_WEIGHT, .offset = 0, .count = 197},
    {.role = ROLE_WEIGHT, .offset = 208, .count = 160},
    {.role = ROLE_NORMALISATION, .offset = 368, .count = 21},
    {.role = ROLE_BIAS, .offset = 400, .count = 3},
    {.role = ROLE_STATISTIC, .offset = PARAMETERS, .count = 16},
};
static const struct Arena arena = {
    .rows = rows, .row_count = ROWS, .parameters = PARAMETERS, .statistics = 16};

static const struct ArenaRow *row_at(int element) {
    for (int i = 0; i < ROWS; i++)
        if (element >= rows[i].offset && element < rows[i].offset + rows[i].count)
            return &rows[i];
    return NULL; /* padding */
}

struct Setting {
    const char *text;
    double momentum, weight_decay;
    bool nesterov, course, decay_all;
};

static double start_of(int i) {
    return row_at(i) ? sin(3 * i + 1) : 0;
}

/* A bowl whose bottom is elsewhere for every element. */
static double gradient_of(int i, double x) {
    return row_at(i) ? (0.2 + (i % 7) * 0.1) * x - cos(i) : 0;
}

static double rate_at(int step) {
    return 0.05 * (1 - 0.005 * step);
}

/* One step of the published formula; `v` is the velocity (course) or the sum of gradients. */
static void formula(const struct Setting *s, double rate, double g, double *x, double *v) {
    double old = *v, rho = s->momentum;
    if (s->course) {
        *v = rho * old - rate * g;
        *x += s->nesterov ? -rho * old + (1 + rho) * *v : *v;
    } else {
        *v = rho * old + g;
        *x -= rate * (s->nesterov ? g + rho * *v : *v);
    }
}

static void check(const struct Setting *s, enum Variant variant) {
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    if (choices_parse(&file, s->text, &choices, &error) ||
        choices_updater(&updater, &choices, &arena, variant, &error))
        fail_msg("%s", error.text);
    static float state[STATE], gradient[STATE];
    static double x[STATE], v[STATE];
    for (int i = 0; i < STATE; i++) {
        x[i] = state[i] = (float)start_of(i);
        v[i] = 0;
    }
    for (int step = 0; step < 100; step++) {
        for (int i = 0; i < STATE; i++)
            gradient[i] = (float)gradient_of(i, (double)state[i]);
        assert_true(updater_step(updater, rate_at(step), step + 1, state, gradient));
        for (int i = 0; i < PARAMETERS; i++) {
            if (!row_at(i))
                continue;
            bool decayed = s->decay_all || row_at(i)->role == ROLE_WEIGHT;
            double g = gradient_of(i, x[i]) + (decayed ? s->weight_decay * x[i] : 0);
            formula(s, rate_at(step), g, &x[i], &v[i]);
        }
    }
    for (int i = 0; i < STATE; i++)
        if (!(fabs((double)state[i] - x[i]) <= 1e-5 * (1 + fabs(x[i]))))
            fail_msg("%s, %s: element %d is %.9g, expected %.9g", s->text, variant_name(variant), i,
                     (double)state[i], x[i]);
    for (int i = 0; i < PARAMETERS && updater_slot_count(updater); i++)
        if (!(fabs((double)((float *)updater_slot(updater, 0))[i] - v[i]) <=
              1e-5 * (1 + fabs(v[i]))))
            fail_msg("%s, %s: momentum %d is wrong", s->text, variant_name(variant), i);
    updater_release(updater);
    runfile_release(file);
}

static const struct Setting settings[] = {
    {.text = "optimizer: {sgd: {rate: 0.05}}"},
    {.text = "optimizer: {sgd: {rate: 0.05, weight_decay: 0.1}}", .weight_decay = 0.1},
    {.text = "optimizer: {sgd: {rate: 0.05, weight_decay: 0.1, decay: all}}",
     .weight_decay = 0.1,
     .decay_all = true},
    {.text = "optimizer: {momentum: {rate: 0.05}}", .momentum = 0.9, .course = true},
    {.text = "optimizer: {momentum: {rate: 0.05, form: pytorch, momentum: 0.8, weight_decay: 0.1}}",
     .momentum = 0.8,
     .weight_decay = 0.1},
    {.text = "optimizer: {momentum: {rate: 0.05, form: course, weight_decay: 0.2, decay: all}}",
     .momentum = 0.9,
     .weight_decay = 0.2,
     .course = true,
     .decay_all = true},
    {.text = "optimizer: {nesterov: {rate: 0.05}}",
     .momentum = 0.9,
     .course = true,
     .nesterov = true},
    {.text = "optimizer: {nesterov: {rate: 0.05, momentum: 0.5, weight_decay: 0.1}}",
     .momentum = 0.5,
     .weight_decay = 0.1,
     .course = true,
     .nesterov = true},
    {.text =
         "optimizer: {nesterov: {rate: 0.05, form: pytorch, weight_decay: 0.1, decay: weights}}",
     .momentum = 0.9,
     .weight_decay = 0.1,
     .nesterov = true},
};
#define SETTINGS (sizeof settings / sizeof *settings)

static void test_formulas(void **state) {
    (void)state;
    for (int variant = VARIANT_F32; variant < VARIANT_COUNT; variant++)
        for (size_t i = 0; i < SETTINGS && variant_available((enum Variant)variant); i++)
            check(&settings[i], (enum Variant)variant);
}

/* Walks 60 steps with one form at a rate that is constant or not; leaves the slot's last value. */
static void walk(const char *text, bool constant, float *x, float *slot) {
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    if (choices_parse(&file, text, &choices, &error) ||
        choices_updater(&updater, &choices, &arena, VARIANT_F32, &error))
        fail_msg("%s", error.text);
    float gradient[STATE];
    for (int i = 0; i < STATE; i++)
        x[i] = (float)start_of(i);
    for (int step = 0; step < 60; step++) {
        for (int i = 0; i < STATE; i++)
            gradient[i] = (float)gradient_of(i, (double)x[i]);
        updater_step(updater, constant || step < 30 ? 0.05 : 0.005, step + 1, x, gradient);
    }
    memcpy(slot, updater_slot(updater, 0), PARAMETERS * sizeof(float));
    updater_release(updater);
    runfile_release(file);
}

static double distance(const float *a, const float *b) {
    double most = 0;
    for (int i = 0; i < PARAMETERS; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

/* At a constant rate both forms walk the same path with v = −ηb; when the rate falls they part. */
static void compare_forms(const char *course, const char *pytorch) {
    static float x[STATE], y[STATE], v[PARAMETERS], b[PARAMETERS];
    walk(course, true, x, v);
    walk(pytorch, true, y, b);
    assert_true(distance(x, y) < 1e-5);
    for (int i = 0; i < PARAMETERS; i++)
        assert_true(fabs((double)v[i] + 0.05 * (double)b[i]) < 1e-5);
    walk(course, false, x, v);
    walk(pytorch, false, y, b);
    assert_true(distance(x, y) > 1e-3);
}

static void test_forms(void **state) {
    (void)state;
    compare_forms("optimizer: {momentum: {rate: 0.05, weight_decay: 0.01, form: course}}",
                  "optimizer: {momentum: {rate: 0.05, weight_decay: 0.01, form: pytorch}}");
    compare_forms("optimizer: {nesterov: {rate: 0.05, weight_decay: 0.01, form: course}}",
                  "optimizer: {nesterov: {rate: 0.05, weight_decay: 0.01, form: pytorch}}");
}

/* A bad gradient anywhere in a trained row is reported; in the statistics it is not. */
static void test_nonfinite(void **state) {
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    const int places[] = {0, 196, 208, 367, 388, 402};
    for (size_t s = 0; s < SETTINGS; s++) {
        struct RunFile *file;
        struct Choices choices;
        struct Error error = {0};
        struct Updater *updater;
        enum Variant variant = variant_best(VARIANT_F32_V4);
        choices_parse(&file, settings[s].text, &choices, &error);
        choices_updater(&updater, &choices, &arena, variant, &error);
        for (int i = 0; i < 18; i++) {
            float x[STATE] = {0}, gradient[STATE];
            for (int j = 0; j < STATE; j++)
                gradient[j] = j % 2 ? 3e38f : -3e38f;
            memset(updater_slot_count(updater) ? updater_slot(updater, 0) : x, 0,
                   PARAMETERS * sizeof(float));
            gradient[PARAMETERS] = NAN;
            assert_true(updater_step(updater, 1e-3, 1, x, gradient));
            gradient[places[i / 3]] = bad[i % 3];
            assert_false(updater_step(updater, 1e-3, 2, x, gradient));
        }
        updater_release(updater);
        runfile_release(file);
    }
}

static void test_slots(void **state) {
    (void)state;
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    const char *text = "optimizer: {nesterov: {rate: 0.125}}";
    assert_int_equal(choices_parse(&file, text, &choices, &error), OK);
    assert_int_equal(choices_updater(&updater, &choices, &arena, VARIANT_F32, &error), OK);
    assert_int_equal(updater_slot_count(updater), 1);
    assert_string_equal(updater_slot_name(updater, 0), "momentum");
    assert_true(updater_rate(updater) == 0.125);
    for (int i = 0; i < PARAMETERS; i++)
        assert_true(((float *)updater_slot(updater, 0))[i] == 0);
    updater_release(updater);
    runfile_release(file);
}

/* A model without parameters is odd, not wrong. */
static void test_nothing_to_train(void **state) {
    (void)state;
    struct Arena empty = {.rows = &rows[4], .row_count = 1, .statistics = PARAMETERS + 16};
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    float x[STATE] = {1}, gradient[STATE] = {1};
    assert_int_equal(choices_parse(&file, settings[3].text, &choices, &error), OK);
    assert_int_equal(choices_updater(&updater, &choices, &empty, VARIANT_F32, &error), OK);
    assert_true(updater_step(updater, 0.1, 1, x, gradient));
    assert_true(x[0] == 1);
    updater_release(updater);
    runfile_release(file);
}

/* The checksum of three steps; before the third, `bit` of an element of an array changes: of the
 * state (0) or a slot (1 and more). −1: of none. NULL: there is no such array. */
static bool watch(const char *text, enum Variant variant, int array, int element, int bit,
                  struct Digest *digest) {
    static float state[STATE], gradient[STATE];
    struct RunFile *file;
    struct Choices choices;
    struct Error error = {0};
    struct Updater *updater;
    struct Checksum checksum;
    if (choices_parse(&file, text, &choices, &error) ||
        choices_updater(&updater, &choices, &arena, variant, &error))
        fail_msg("%s", error.text);
    bool exists = array <= updater_slot_count(updater);
    checksum_start(&checksum, variant);
    updater_watch(updater, &checksum);
    for (int i = 0; i < STATE; i++)
        state[i] = (float)start_of(i);
    for (int step = 1; exists && step <= 3; step++) {
        for (int i = 0; i < STATE; i++)
            gradient[i] = (float)gradient_of(i, start_of(i));
        if (step == 3 && array >= 0) {
            float *values = array ? updater_slot(updater, array - 1) : state;
            uint32_t bits;
            memcpy(&bits, &values[element], sizeof bits);
            bits ^= 1u << bit;
            memcpy(&values[element], &bits, sizeof bits);
        }
        assert_true(updater_step(updater, 0.01, step, state, gradient));
    }
    *digest = checksum_link(&checksum);
    updater_release(updater);
    runfile_release(file);
    return exists;
}

/* Each bit that every optimiser, and lookahead, reads in a step counts. */
static void test_watched(void **state) {
    (void)state;
    static const char *const more[] = {"rmsprop: {rate: 0.1, momentum: 0.9, centered: true}",
                                       "adam: {rate: 0.1, amsgrad: true}",
                                       "nesterov: {rate: 0.1, form: pytorch}"};
    static const int elements[] = {0, 1, 196, 208, 300, 367, 368, 388, 400, 402};
    int kinds = 0;
    while (optimizer_kinds.kinds[kinds])
        kinds++;
    for (int i = 0; i < kinds + 3; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 i < kinds ? "optimizer: {%s: {rate: 0.1}}\n%s" : "optimizer: {%s}\n%s",
                 i < kinds ? optimizer_kinds.kinds[i]->name : more[i - kinds],
                 i % 2 ? "lookahead: {every: 3}" : "clip: {norm: 1}");
        for (int v = VARIANT_F32; v < VARIANT_COUNT; v++) {
            struct Digest right, wrong;
            if (!variant_available((enum Variant)v))
                continue;
            watch(text, (enum Variant)v, -1, 0, 0, &right);
            for (int e = 0; e < 10; e++)
                for (int array = 0;
                     watch(text, (enum Variant)v, array, elements[e], 31 * (e % 2), &wrong);
                     array++)
                    if (wrong.low == right.low)
                        fail_msg("%s: element %d of array %d", text, elements[e], array);
        }
    }
}

static void test_bad_keys(void **state) {
    (void)state;
    const char *const texts[] = {
        "optimizer: {nesterov: {rate: -1}}",
        "optimizer: {nesterov: {rate: 0.1, momentum: 1.5}}",
        "optimizer: {momentum: {rate: 0.1, form: torch}}",
        "optimizer: {sgd: {rate: 0.1, momentum: 0.9}}",
        "optimizer: {sgd: {rate: 0.1, weight_decay: -0.1}}",
        "optimizer: {nestrov: {rate: 0.1}}",
        "optimizer: sgd",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct RunFile *file = NULL;
        struct Choices choices;
        struct Error error = {0};
        assert_int_equal(choices_parse(&file, texts[i], &choices, &error), ERROR_RUN_FILE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),         cmocka_unit_test(test_forms),
        cmocka_unit_test(test_nonfinite),        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_nothing_to_train), cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
