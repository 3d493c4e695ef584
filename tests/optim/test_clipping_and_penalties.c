/* What works with every optimiser: each of them with frozen rows, in pieces and whole, in double
 * and float; the penalties' gradients; max-norm, clipping, lookahead. */
#include "arena.h"
#include "base/memory.h"
#include "choices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const optimizers[] = {
    "sgd: {rate: 0.05, weight_decay: 0.1}",
    "momentum: {rate: 0.05, weight_decay: 0.1}",
    "nesterov: {rate: 0.05, weight_decay: 0.1}",
    "adagrad: {rate: 0.05, weight_decay: 0.1, initial: 0.1}",
    "rmsprop: {rate: 0.005, weight_decay: 0.1, momentum: 0.5, centered: true, epsilon: 0.01}",
    "adam: {rate: 0.01, weight_decay: 0.1, amsgrad: true}",
    "adamw: {rate: 0.01, weight_decay: 0.1}",
    "lars: {rate: 0.05, weight_decay: 0.1, trust: 0.1}",
    "lamb: {rate: 0.01, weight_decay: 0.1, adapt: all}",
};
#define OPTIMIZERS (int)(sizeof optimizers / sizeof *optimizers)

/* A new optimiser needs a row above. */
static void test_all_are_here(void **unused) {
    (void)unused;
    for (const struct Kind *const *kind = optimizer_kinds.kinds; *kind; kind++) {
        size_t length = strlen((*kind)->name);
        int found = 0;
        for (int o = 0; o < OPTIMIZERS; o++)
            found += !strncmp(optimizers[o], (*kind)->name, length) && optimizers[o][length] == ':';
        if (!found)
            fail_msg("%s is not among the optimisers tested", (*kind)->name);
    }
}

struct Run {
    struct RunFile *file;
    struct Choices choices;
    struct Updater *updater;
    enum Variant variant;
};

static void start(struct Run *run, enum Variant variant, const char *optimizer, const char *more) {
    struct Error error = {0};
    char *text = memory_print("optimizer: {%s}\n%s", optimizer, more);
    run->variant = variant;
    if (choices_parse(&run->file, text, &run->choices, &error) ||
        choices_updater(&run->updater, &run->choices, &arena, variant, &error))
        fail_msg("%s: %s", text, error.text);
    memory_release(text);
}

static void stop(struct Run *run) {
    updater_release(run->updater);
    runfile_release(run->file);
}

static double start_of(int i) {
    return row_at(i) >= 0 ? sin(3 * i + 1) : 0;
}

static double gradient_of(int i, double x) {
    return row_at(i) >= 0 ? (0.2 + (i % 7) * 0.1) * x - cos(i) : 0;
}

/* A real array of the run's variant. */
static double get(const struct Run *run, const void *values, int i) {
    return run->variant == VARIANT_F64 ? ((const double *)values)[i]
                                       : (double)((const float *)values)[i];
}

static void set(const struct Run *run, void *values, int i, double value) {
    if (run->variant == VARIANT_F64)
        ((double *)values)[i] = value;
    else
        ((float *)values)[i] = (float)value;
}

/* `state` (STATE doubles' room) from the start, `steps` steps down the bowl. */
static void walk(struct Run *run, int steps, void *state) {
    static double gradient[STATE];
    for (int i = 0; i < STATE; i++)
        set(run, state, i, start_of(i));
    for (int step = 1; step <= steps; step++) {
        for (int i = 0; i < STATE; i++)
            set(run, gradient, i, gradient_of(i, get(run, state, i)));
        assert_true(updater_step(run->updater, updater_rate(run->updater), step, state, gradient));
    }
}

/* Cut into runs and pieces by settings that change nothing, each optimiser gives the same bits. */
static void test_pieces(void **unused) {
    (void)unused;
    static const char *const cuts[] = {
        "parameters: [all: {max_norm: 1.0e+6}]", "clip: {norm: 1.0e+6, value: 1.0e+6}",
        "parameters: [biases: {l1: 0}, weights: {name: '3.*', l1: 0}]", "lookahead: {every: 100}"};
    static double whole[STATE], cut[STATE];
    for (int variant = 0; variant < VARIANT_COUNT; variant++)
        for (int o = 0; o < OPTIMIZERS && variant_available((enum Variant)variant); o++)
            for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
                struct Run plain, other;
                memset(whole, 0, sizeof whole);
                memset(cut, 0, sizeof cut);
                start(&plain, (enum Variant)variant, optimizers[o], "");
                start(&other, (enum Variant)variant, optimizers[o], cuts[c]);
                walk(&plain, 20, whole);
                walk(&other, 20, cut);
                if (memcmp(whole, cut, sizeof whole))
                    fail_msg("%s, %s, %s", variant_name((enum Variant)variant), optimizers[o],
                             cuts[c]);
                stop(&plain);
                stop(&other);
            }
}

/* Every float variant walks the double one's path. */
static void test_variants(void **unused) {
    (void)unused;
    static double exact[STATE], rough[STATE];
    for (int o = 0; o < OPTIMIZERS; o++) {
        struct Run run;
        const char *more = "clip: {norm: 20, value: 0.9}\nlookahead: {every: 5}\n"
                           "parameters: [all: {l1: 0.01}, weights: {max_norm: 4}]";
        start(&run, VARIANT_F64, optimizers[o], more);
        walk(&run, 50, exact);
        stop(&run);
        for (int variant = VARIANT_F32; variant < VARIANT_COUNT; variant++) {
            if (!variant_available((enum Variant)variant))
                continue;
            start(&run, (enum Variant)variant, optimizers[o], more);
            walk(&run, 50, rough);
            for (int i = 0; i < STATE; i++)
                if (!(fabs(get(&run, rough, i) - exact[i]) <= 1e-5 * (1 + fabs(exact[i]))))
                    fail_msg("%s, %s: element %d is %.9g, expected %.9g", variant_name(run.variant),
                             optimizers[o], i, get(&run, rough, i), exact[i]);
            stop(&run);
        }
    }
}

/* A frozen row keeps its bits and its slots, and its neighbours move as without the rule. */
static void test_frozen(void **unused) {
    (void)unused;
    static float all[2 * STATE], some[2 * STATE];
    enum Variant variant = variant_best(VARIANT_F32_V4);
    for (int o = 0; o < OPTIMIZERS; o++) {
        struct Run plain, run;
        start(&plain, variant, optimizers[o], "lookahead: {every: 4}");
        start(&run, variant, optimizers[o],
              "lookahead: {every: 4}\n"
              "parameters: [all: {weight_decay: 0.1}, all: {name: '[13].*', l1: 1}, "
              "all: {name: '[13].*', frozen: true}]");
        struct Run same;
        start(&same, variant, optimizers[o],
              "lookahead: {every: 4}\nparameters: [all: {weight_decay: 0.1}]");
        walk(&same, 12, all);
        walk(&run, 12, some);
        assert_int_equal(updater_frozen(plain.updater), 0);
        assert_int_equal(updater_frozen(run.updater), 7 + 7 + 63 + 3);
        for (int i = 0; i < PARAMETERS; i++) {
            int row = row_at(i);
            bool frozen = row == SCALE || row == SHIFT || row == HEAD || row == HEAD_BIAS;
            assert_true(some[i] == (frozen ? (float)start_of(i) : all[i]));
            assert_true(row < 0 || frozen || some[i] != (float)start_of(i));
            for (int slot = 0; frozen && slot < updater_slot_count(run.updater); slot++) {
                const float *values = updater_slot(run.updater, slot);
                bool slow = !strcmp(updater_slot_name(run.updater, slot), "slow_weights");
                bool sums = strstr(optimizers[o], "initial") && !slow;
                assert_true(values[i] == (slow ? some[i] : sums ? 0.1f : 0));
            }
        }
        stop(&plain);
        stop(&same);
        stop(&run);
    }
}

/* What the updates add to the gradient is the penalty's gradient, to 1e-6, in double precision. */
static void check_penalty(const char *optimizer, const char *rules) {
    static double x[STATE], next[STATE], gradient[STATE];
    struct Run run;
    start(&run, VARIANT_F64, optimizer, rules);
    for (int i = 0; i < STATE; i++)
        x[i] = next[i] = row_at(i) >= 0 ? start_of(i) + copysign(0.01, start_of(i)) : 0;
    assert_true(updater_step(run.updater, 1, 1, next, gradient)); /* x − 1 · gradient */
    double most = 0;
    for (int i = 0; i < PARAMETERS; i++) {
        const double step = 1e-4, middle = x[i];
        x[i] = middle + step;
        double above = updater_penalty(run.updater, x);
        x[i] = middle - step;
        double slope = (above - updater_penalty(run.updater, x)) / (2 * step);
        x[i] = middle;
        if (row_at(i) < 0)
            continue; /* padding: an |x| at 0 has no slope */
        double found = middle - next[i];
        if (!(fabs(found - slope) <= 1e-6 * fmax(1, fabs(slope))))
            fail_msg("%s: element %d of %s: %.12g, by differences %.12g", rules, i,
                     row_names[row_at(i)], found, slope);
        most = fmax(most, fabs(slope));
    }
    assert_true(most > 0.1);
    stop(&run);
}

static void test_penalties(void **unused) {
    (void)unused;
    static const char *const optimizers_with_penalties[] = {
        "sgd: {rate: 1, weight_decay: 0.3}", "momentum: {rate: 1, weight_decay: 0.3, decay: all}",
        "nesterov: {rate: 1, weight_decay: 0.3, momentum: 0, form: pytorch}"};
    for (int o = 0; o < 3; o++) {
        check_penalty(optimizers_with_penalties[o], "");
        check_penalty(optimizers_with_penalties[o], "parameters: [all: {weight_decay: 0.7}]");
        check_penalty(optimizers_with_penalties[o],
                      "parameters: [all: {l1: 0.2}, weights: {name: '5.*', weight_decay: 0}]");
        check_penalty(optimizers_with_penalties[o],
                      "parameters: [biases: {l1: 0.2, weight_decay: 0.4}, "
                      "normalisations: {l1: 0.3}, all: {name: '3.*', frozen: true}]");
    }
    check_penalty("sgd: {rate: 1}", "parameters: [weights: {l1: 0.25}]");
    /* Decoupled decay is no penalty. */
    struct Run run;
    static double x[STATE];
    x[1] = 2;
    start(&run, VARIANT_F64, "adamw: {rate: 1, weight_decay: 0.5}", "parameters: [all: {l1: 0.5}]");
    assert_true(updater_penalty(run.updater, x) == 1);
    stop(&run);
}

static void test_max_norm(void **unused) {
    (void)unused;
    static float free[2 * STATE], tied[2 * STATE];
    enum Variant variant = variant_best(VARIANT_F32_V4);
    struct Run plain, run;
    const double limit = 3.4;
    start(&plain, variant, "sgd: {rate: 0.05}", "");
    start(&run, variant, "sgd: {rate: 0.05}", "parameters: [all: {max_norm: 3.4}]");
    walk(&plain, 1, free);
    walk(&run, 1, tied);
    int scaled = 0, kept = 0;
    for (int row = 0; row < ROWS; row++) {
        const struct ArenaRow *at = &rows[row];
        int units = at->role == ROLE_WEIGHT ? (int)at->size[0] : 1;
        int length = (int)at->count / units;
        for (int unit = 0; unit < units; unit++) {
            const float *before = free + at->offset + unit * length;
            const float *after = tied + at->offset + unit * length;
            double norm = 0, norm_after = 0;
            for (int i = 0; i < length; i++) {
                norm += (double)before[i] * (double)before[i];
                norm_after += (double)after[i] * (double)after[i];
            }
            norm = sqrt(norm);
            bool long_one = at->role == ROLE_WEIGHT && norm > limit;
            for (int i = 0; i < length; i++)
                assert_true(long_one
                                ? fabs((double)after[i] - (double)before[i] * limit / norm) < 1e-6
                                : before[i] == after[i]);
            assert_true(!long_one || fabs(sqrt(norm_after) / limit - 1) < 1e-6);
            scaled += long_one;
            kept += !long_one && at->role == ROLE_WEIGHT;
        }
    }
    assert_true(scaled >= 5 && kept >= 3);
    stop(&plain);
    stop(&run);
}

/* The largest norm among the vectors of weights that max_norm limits. */
static double longest(const struct Run *run, const void *values) {
    double most = 0;
    for (int row = 0; row < ROWS; row++) {
        const struct ArenaRow *at = &rows[row];
        int units = at->role == ROLE_WEIGHT ? (int)at->size[0] : 0;
        for (int unit = 0; unit < units; unit++) {
            double sum = 0;
            for (int i = 0, length = (int)at->count / units; i < length; i++) {
                double value = get(run, values, (int)at->offset + unit * length + i);
                sum += value * value;
            }
            most = fmax(most, sqrt(sum));
        }
    }
    return most;
}

/* Neither the weights nor lookahead's slow ones are ever longer after a step, even if the
 * initial ones are. */
static void test_max_norm_of_lookahead(void **unused) {
    (void)unused;
    static double x[STATE];
    static const enum Variant variants[] = {VARIANT_F64, VARIANT_F32};
    for (int o = 0; o < OPTIMIZERS; o++)
        for (int v = 0; v < 2; v++)
            for (int steps = 1; steps <= 7; steps++) {
                struct Run run;
                start(&run, variants[v], optimizers[o],
                      "lookahead: {every: 3, share: 0.25}\nparameters: [all: {max_norm: 0.5}]");
                walk(&run, steps, x);
                int last = updater_slot_count(run.updater) - 1;
                assert_string_equal(updater_slot_name(run.updater, last), "slow_weights");
                double fast = longest(&run, x);
                double slow = longest(&run, updater_slot(run.updater, last));
                if (!(fast < 0.500001 && slow < 0.500001))
                    fail_msg("%s, step %d: %.9g, slow %.9g", optimizers[o], steps, fast, slow);
                assert_true(steps > 1 || slow > 0.499999); /* no shorter than it has to be */
                stop(&run);
            }
}

/* One step of plain descent at rate 1 shows the gradient that the optimiser saw. */
static void clipped(const char *clip, double *gradient, double *norm) {
    static double x[STATE], given[STATE];
    struct Run run;
    start(&run, VARIANT_F64, "sgd: {rate: 1}", clip);
    memset(x, 0, sizeof x);
    for (int i = 0; i < STATE; i++)
        given[i] = row_at(i) >= 0 ? cos(i) : 0;
    given[PARAMETERS] = 1e6; /* a statistic is no gradient */
    assert_true(updater_step(run.updater, 1, 1, x, given));
    for (int i = 0; i < STATE; i++)
        gradient[i] = -x[i];
    *norm = updater_gradient_norm(run.updater);
    stop(&run);
}

static void test_clipping(void **unused) {
    (void)unused;
    static double gradient[STATE];
    double norm, all = 0, free = 0;
    for (int i = 0; i < PARAMETERS; i++) {
        double square = row_at(i) >= 0 ? cos(i) * cos(i) : 0;
        all += square;
        free += row_at(i) == LONG ? 0 : square;
    }
    clipped("", gradient, &norm);
    assert_true(isnan(norm));
    clipped("clip: {value: 0.5}", gradient, &norm);
    assert_true(isnan(norm));
    for (int i = 0; i < PARAMETERS; i++)
        assert_true(row_at(i) < 0 || gradient[i] == fmax(-0.5, fmin(0.5, cos(i))));
    clipped("clip: {report: true}", gradient, &norm);
    assert_true(fabs(norm - sqrt(all)) < 1e-9 && gradient[3] == cos(3));
    clipped("clip: {norm: 2}", gradient, &norm);
    assert_true(fabs(norm - sqrt(all)) < 1e-9);
    for (int i = 0; i < PARAMETERS; i++)
        assert_true(row_at(i) < 0 || fabs(gradient[i] - cos(i) * 2 / (sqrt(all) + 1e-6)) < 1e-12);
    clipped("clip: {norm: 1000}", gradient, &norm);
    assert_true(gradient[3] == cos(3));
    clipped("clip: {norm: 2}\nparameters: [all: {name: 5.weight, frozen: true}]", gradient, &norm);
    assert_true(fabs(norm - sqrt(free)) < 1e-9);
    clipped("clip: {norm: 2, value: 0.01}", gradient, &norm);
    for (int i = 0; i < PARAMETERS; i++)
        assert_true(fabs(gradient[i]) <= 0.01);
}

/* Clipping does not hide a gradient that is not finite, of any optimiser. */
static void test_nonfinite(void **unused) {
    (void)unused;
    static const char *const clips[] = {"", "clip: {value: 1}", "clip: {norm: 1}",
                                        "clip: {report: true}", "parameters: [all: {l1: 1}]"};
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    static const int places[] = {0, 188, 192, 290, 304, 304 + 2048, 304 + 5 * 643 - 1};
    enum Variant variant = variant_best(VARIANT_F32_V4);
    static float x[STATE], gradient[STATE];
    for (int o = 0; o < OPTIMIZERS; o++)
        for (int c = 0; c < 5; c++)
            for (int i = 0; i < 21; i++) {
                struct Run run;
                start(&run, variant, optimizers[o], clips[c]);
                memset(x, 0, sizeof x);
                memset(gradient, 0, sizeof gradient);
                gradient[PARAMETERS] = NAN; /* a statistic: not the optimiser's affair */
                assert_true(updater_step(run.updater, 0.1, 1, x, gradient));
                gradient[places[i / 3]] = bad[i % 3];
                assert_false(updater_step(run.updater, 0.1, 2, x, gradient));
                stop(&run);
            }
}

/* By hand: plain descent on a constant gradient. */
static void test_lookahead(void **unused) {
    (void)unused;
    struct Run run;
    static double x[STATE], gradient[STATE];
    start(&run, VARIANT_F64, "sgd: {rate: 1}", "lookahead: {every: 3, share: 0.25}");
    assert_int_equal(updater_slot_count(run.updater), 1);
    assert_string_equal(updater_slot_name(run.updater, 0), "slow_weights");
    const double *slow = updater_slot(run.updater, 0);
    x[5] = 10;
    gradient[5] = 1;
    static const double expected[][2] = {{9, 10},      {8, 10},    {9.25, 9.25}, {8.25, 9.25},
                                         {7.25, 9.25}, {8.5, 8.5}, {7.5, 8.5}};
    for (int step = 1; step <= 7; step++) {
        assert_true(updater_step(run.updater, 1, step, x, gradient));
        assert_true(x[5] == expected[step - 1][0] && slow[5] == expected[step - 1][1]);
        assert_true(x[6] == 0);
    }
    stop(&run);
}

/* What a checkpoint keeps: only the slots that the options need. */
static void test_slots(void **unused) {
    (void)unused;
    static const struct {
        const char *optimizer, *names;
    } cases[] = {
        {"sgd: {rate: 1}", ""},
        {"adagrad: {rate: 1}", "square_sum "},
        {"rmsprop: {rate: 1}", "square_mean "},
        {"rmsprop: {rate: 1, centered: true}", "square_mean gradient_mean "},
        {"rmsprop: {rate: 1, momentum: 0.1}", "square_mean momentum "},
        {"adam: {rate: 1}", "first_moment second_moment "},
        {"adamw: {rate: 1, amsgrad: true}", "first_moment second_moment largest_second_moment "},
        {"lars: {rate: 1}", "momentum "},
        {"lamb: {rate: 1}", "first_moment second_moment "},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct Run run;
        char names[200] = "";
        start(&run, VARIANT_F32, cases[c].optimizer, "");
        for (int slot = 0; slot < updater_slot_count(run.updater); slot++) {
            strcat(names, updater_slot_name(run.updater, slot));
            strcat(names, " ");
        }
        assert_string_equal(names, cases[c].names);
        stop(&run);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_here),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_penalties),
        cmocka_unit_test(test_max_norm),
        cmocka_unit_test(test_max_norm_of_lookahead),
        cmocka_unit_test(test_clipping),
        cmocka_unit_test(test_nonfinite),
        cmocka_unit_test(test_lookahead),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
