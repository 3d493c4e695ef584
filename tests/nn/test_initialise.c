/* Initialisers: the moments and bounds of what they draw, and that a draw does not depend on the
 * layout in memory. */
#include "base/memory.h"
#include "net.h"
#include "nn/initialise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static const double in = 8 * 9, out = 200 * 9; /* fans of the convolution below */

struct Draw {
    double mean, std, smallest, largest, fourth; /* fourth: kurtosis, 3 if normal, 1.8 if uniform */
};

static struct Draw draw(const char *initialiser) {
    char *text = memory_print("[{conv: {out: 200, kernel: 3, weight_init: %s}}]", initialiser);
    struct Net net = net_create(text, (struct Shape){4, 4, 8, 1, 1});
    const struct Arena *arena = model_arena(net.model);
    float *state = memory_array(float, arena_state_elements(arena), "test");
    model_initialise(net.model, 7, state);
    const float *values = state + arena->rows[0].offset;
    double n = (double)arena->rows[0].count;
    struct Draw result = {.smallest = INFINITY, .largest = -INFINITY};
    for (int64_t i = 0; i < arena->rows[0].count; i++) {
        result.mean += (double)values[i] / n;
        result.smallest = fmin(result.smallest, (double)values[i]);
        result.largest = fmax(result.largest, (double)values[i]);
    }
    for (int64_t i = 0; i < arena->rows[0].count; i++) {
        result.std += pow((double)values[i] - result.mean, 2) / n;
        result.fourth += pow((double)values[i] - result.mean, 4) / n;
    }
    result.fourth /= result.std * result.std;
    result.std = sqrt(result.std);
    const float *bias = state + arena->rows[1].offset;
    for (int i = 0; i < 200; i++)
        assert_true(bias[i] == 0);
    memory_release(state);
    memory_release(text);
    net_release(&net);
    return result;
}

/* Element by element what {normal: {std}} or {uniform: {limit}} draws with the formula's number. */
static void check_formula(const char *initialiser, const char *plain, double number) {
    char *same = memory_print("{%s: %.17g}}", plain, number);
    const char *const kinds[] = {initialiser, same};
    float *states[2];
    int64_t count = 0;
    for (int i = 0; i < 2; i++) {
        char *text = memory_print("[{conv: {out: 200, kernel: 3, weight_init: %s}}]", kinds[i]);
        struct Net net = net_create(text, (struct Shape){4, 4, 8, 1, 1});
        const struct Arena *arena = model_arena(net.model);
        states[i] = memory_allocate((size_t)arena_state_elements(arena) * sizeof(float), "test");
        model_initialise(net.model, 7, states[i]);
        count = arena->rows[0].count; /* the first row, from offset 0 */
        memory_release(text);
        net_release(&net);
    }
    for (int64_t i = 0; i < count; i++)
        assert_true(fabsf(states[0][i] - states[1][i]) <= 1e-6f * fabsf(states[1][i]));
    memory_release(states[0]);
    memory_release(states[1]);
    memory_release(same);
}

/* 1 / √E f(z)² for a standard normal z. */
static double gain_for(double (*activation)(double)) {
    double sum = 0, step = 1e-3;
    for (double z = -12; z <= 12; z += step)
        sum += step * pow(activation(z), 2) * exp(-z * z / 2) / sqrt(2 * 3.14159265358979323846);
    return 1 / sqrt(sum);
}
static double elu(double z) {
    return z > 0 ? z : expm1(z);
}
static double gelu(double z) {
    return z * 0.5 * erfc(-z / sqrt(2));
}
static double silu(double z) {
    return z / (1 + exp(-z));
}
static double relu(double z) {
    return z > 0 ? z : 0;
}

static void test_normal_kinds(void **unused) {
    (void)unused;
    const struct {
        const char *name;
        double std;
    } kinds[] = {
        {"{normal: {std: 0.01}}", 0.01},
        {"xavier", sqrt(1 / in)},
        {"glorot_normal", sqrt(2 / (in + out))},
        {"kaiming_normal", sqrt(2 / in)},
        {"{kaiming_normal: {mode: fan_out}}", sqrt(2 / out)},
        {"{kaiming_normal: {gain: linear}}", sqrt(1 / in)},
        {"{kaiming_normal: {gain: leaky_relu, slope: 0.5}}", sqrt(2 / 1.25 / in)},
        {"{kaiming_normal: {gain: tanh}}", 5.0 / 3 / sqrt(in)},
        {"{kaiming_normal: {gain: selu}}", 0.75 / sqrt(in)},
        {"{kaiming_normal: {gain: relu}}", gain_for(relu) / sqrt(in)},
        {"{kaiming_normal: {gain: elu}}", gain_for(elu) / sqrt(in)},
        {"{kaiming_normal: {gain: gelu}}", gain_for(gelu) / sqrt(in)},
        {"{kaiming_normal: {gain: silu}}", gain_for(silu) / sqrt(in)},
        {"lecun_normal", sqrt(1 / in)},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct Draw found = draw(kinds[i].name);
        double n = 200 * in;
        assert_true(fabs(found.mean) < 4 * kinds[i].std / sqrt(n));
        assert_true(fabs(found.std / kinds[i].std - 1) < 4 / sqrt(2 * n));
        assert_true(fabs(found.fourth - 3) < 4 * sqrt(24 / n));
        check_formula(kinds[i].name, "normal: {std", kinds[i].std);
    }
}

static void test_uniform_kinds(void **unused) {
    (void)unused;
    const struct {
        const char *name;
        double limit;
    } kinds[] = {
        {"{uniform: {limit: 0.3}}", 0.3},
        {"glorot_uniform", sqrt(6 / (in + out))},
        {"kaiming_uniform", sqrt(6 / in)},
        {"{kaiming_uniform: {mode: fan_out, gain: sigmoid}}", sqrt(3 / out)},
        {"fan_in_uniform", sqrt(1 / in)},
        {"lecun_uniform", sqrt(3 / in)},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct Draw found = draw(kinds[i].name);
        double n = 200 * in, std = kinds[i].limit / sqrt(3);
        assert_true(fabs(found.mean) < 4 * std / sqrt(n));
        assert_true(fabs(found.std / std - 1) < 4 / sqrt(5 * n));
        assert_true(fabs(found.fourth - 1.8) < 0.05);
        assert_true(found.smallest >= -kinds[i].limit && found.largest <= kinds[i].limit);
        assert_true(found.largest > 0.99 * kinds[i].limit);
        check_formula(kinds[i].name, "uniform: {limit", kinds[i].limit);
    }
}

static void test_constants(void **unused) {
    (void)unused;
    struct Draw zero = draw("zeros"), constant = draw("{constant: {value: -2.5}}");
    assert_true(zero.smallest == 0 && zero.largest == 0);
    assert_true(constant.smallest == -2.5 && constant.largest == -2.5);
}

/* The weights of a linear layer after a flatten are permuted in memory. In file order they are the
 * same as for an input with as many features in one pixel. */
static void test_draw_is_in_file_order(void **unused) {
    (void)unused;
    struct Net folded = net_create("[flatten, {linear: {out: 5}}]", (struct Shape){3, 4, 6, 1, 1});
    struct Net plain = net_create("[flatten, {linear: {out: 5}}]", (struct Shape){1, 1, 72, 1, 1});
    float state[2][1024], file[2][360];
    const struct Net *nets[] = {&folded, &plain};
    for (int i = 0; i < 2; i++) {
        const struct Arena *arena = model_arena(nets[i]->model);
        assert_true(arena_state_elements(arena) <= 1024);
        model_initialise(nets[i]->model, 3, state[i]);
        arena_to_file(&arena->rows[0], state[i], file[i]);
    }
    assert_memory_equal(file[0], file[1], sizeof file[0]);
    assert_memory_not_equal(state[0], state[1], sizeof file[0]);
    net_release(&folded);
    net_release(&plain);
}

/* The weights of layer 0 of `layers`, in file order; `rows` and `columns` of the matrix. */
static float *weights_of(const char *layers, struct Shape input, int64_t *rows, int64_t *columns) {
    struct Net net = net_create(layers, input);
    const struct Arena *arena = model_arena(net.model);
    size_t bytes = (size_t)arena_state_elements(arena) * sizeof(float);
    float *state = memory_allocate(bytes, "test"), *file = memory_allocate(bytes, "test");
    model_initialise(net.model, 11, state);
    int row = 0;
    while (arena->rows[row].role != ROLE_WEIGHT)
        row++;
    arena_to_file(&arena->rows[row], state, file);
    *rows = arena->rows[row].file_size[0];
    *columns = arena->rows[row].count / *rows;
    memory_release(state);
    net_release(&net);
    return file;
}

static void test_orthogonal(void **unused) {
    (void)unused;
    static const struct {
        const char *layers;
        double gain;
        bool rows; /* are the vectors */
    } cases[] = {
        {"[{conv: {out: 13, kernel: 3, weight_init: orthogonal}}]", 1, true},
        {"[{conv: {out: 90, kernel: 3, weight_init: {orthogonal: {gain: 1.5}}}}]", 1.5, false},
        {"[flatten, {linear: {out: 125, weight_init: orthogonal}}]", 1, true},
        {"[flatten, {linear: {out: 7, weight_init: {orthogonal: {gain: 0.5}}}}]", 0.5, true},
        {"[flatten, {linear: {out: 200, weight_init: orthogonal}}]", 1, false},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int64_t rows, columns;
        float *w = weights_of(cases[c].layers, (struct Shape){5, 5, 5, 1, 1}, &rows, &columns);
        assert_true(cases[c].rows == (rows <= columns));
        int64_t vectors = rows <= columns ? rows : columns, length = rows + columns - vectors;
        int64_t across = rows <= columns ? columns : 1, along = rows <= columns ? 1 : columns;
        double sum = 0;
        for (int64_t a = 0; a < vectors; a++)
            for (int64_t b = 0; b <= a; b++) {
                double dot = 0;
                for (int64_t i = 0; i < length; i++)
                    dot += (double)w[a * across + i * along] * (double)w[b * across + i * along];
                sum += a == b ? (double)w[a * across] : 0;
                double expected = a == b ? cases[c].gain * cases[c].gain : 0;
                assert_true(fabs(dot - expected) < 1e-6 * cases[c].gain * cases[c].gain);
            }
        /* Neither sign is preferred. */
        assert_true(fabs(sum) < 5 * cases[c].gain * sqrt((double)vectors / (double)length));
        memory_release(w);
    }
}

/* The layer is the identity. */
/* Over many seeds every element has both signs equally often. The factorisation alone would give
 * the first element of the first vector one sign. */
static void test_orthogonal_signs(void **unused) {
    (void)unused;
    enum { SEEDS = 64, ELEMENTS = 9 };
    struct Net net = net_create("[flatten, {linear: {out: 3, weight_init: orthogonal}}]",
                                (struct Shape){1, 1, 3, 1, 1});
    const struct Arena *arena = model_arena(net.model);
    float *state = memory_array(float, arena_state_elements(arena), "test");
    int positive[ELEMENTS] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        model_initialise(net.model, seed, state);
        for (int i = 0; i < ELEMENTS; i++)
            positive[i] += state[arena->rows[0].offset + i] > 0;
    }
    for (int i = 0; i < ELEMENTS; i++) /* beyond these bounds once in 100,000 */
        assert_in_range(positive[i], SEEDS / 2 - 18, SEEDS / 2 + 18);
    memory_release(state);
    net_release(&net);
}

static void test_dirac(void **unused) {
    (void)unused;
    static const char *const layers[] = {
        "[{conv: {out: 6, kernel: 3, padding: 1, weight_init: dirac}}, flatten]",
        "[{conv: {out: 6, kernel: 5, padding: 2, groups: 2, weight_init: dirac}}, flatten]",
        "[{conv: {out: 6, kernel: 3, padding: 1, groups: 6, weight_init: dirac}}, flatten]",
        "[flatten, {linear: {out: 120, weight_init: dirac}}]",
    };
    for (int i = 0; i < 4; i++) {
        int64_t rows, columns;
        float *w = weights_of(layers[i], (struct Shape){4, 5, 6, 1, 1}, &rows, &columns);
        int64_t inputs = i == 3 ? 120 : i == 0 ? 6 : i == 1 ? 3 : 1, area = columns / inputs;
        for (int64_t o = 0; o < rows; o++)
            for (int64_t j = 0; j < columns; j++)
                assert_true(w[o * columns + j] == (float)(j == o % inputs * area + area / 2));
        memory_release(w);
    }
    int64_t rows, columns; /* more outputs than inputs: the others start at zero */
    float *w = weights_of("[{conv: {out: 9, kernel: 2, weight_init: dirac}}]",
                          (struct Shape){4, 5, 6, 1, 1}, &rows, &columns);
    for (int64_t o = 0; o < rows; o++)
        for (int64_t j = 0; j < columns; j++)
            assert_true(w[o * columns + j] == (float)(o < 6 && j == o * 4 + 3));
    memory_release(w);
}

/* Is the row of that name all `value`? */
static bool row_is(const struct Net *net, const char *name, float value) {
    const struct Arena *arena = model_arena(net->model);
    float *state = memory_array(float, arena_state_elements(arena), "test");
    model_initialise(net->model, 5, state);
    int found = arena_find(arena, name);
    if (found < 0)
        fail_msg("no row %s", name);
    const struct ArenaRow *row = &arena->rows[found];
    bool all = true;
    for (int64_t i = 0; i < row->count; i++)
        all &= state[row->offset + i] == value;
    memory_release(state);
    return all;
}

static void test_defaults_of_the_model(void **unused) {
    (void)unused;
    struct Net net = net_create(
        "[{conv: {out: 4, kernel: 1}}, batchnorm, {conv: {out: 4, kernel: 1, weight_init: "
        "{constant: {value: 3}}, bias_init: zeros}}, {residual: {body: [{conv: {out: 6, kernel: "
        "1}}], shortcut: projection}}, flatten, {linear: {out: 3}}]\n"
        "initialise: {weights: {constant: {value: 2}}, biases: {constant: {value: 0.01}}}",
        (struct Shape){3, 3, 2, 1, 1});
    assert_true(row_is(&net, "0.weight", 2) && row_is(&net, "0.bias", 0.01f));
    assert_true(row_is(&net, "1.weight", 1) && row_is(&net, "1.bias", 0));
    assert_true(row_is(&net, "2.weight", 3) && row_is(&net, "2.bias", 0));
    assert_true(row_is(&net, "3.body.0.weight", 2) && row_is(&net, "3.shortcut.0.weight", 2));
    assert_true(row_is(&net, "5.weight", 2) && row_is(&net, "5.bias", 0.01f));
    net_release(&net);
}

static void test_residual_rule(void **unused) {
    (void)unused;
    static const struct {
        const char *body, *zero; /* NULL: none */
    } cases[] = {
        {"{conv: {out: 3, kernel: 1}}, batchnorm, relu, {conv: {out: 3, kernel: 1}}, batchnorm",
         "0.body.4.weight"},
        {"{conv: {out: 3, kernel: 1}}, {groupnorm: {groups: 3}}, {dropout: {rate: 0.5}}",
         "0.body.1.weight"},
        {"batchnorm, relu, {conv: {out: 3, kernel: 1}}", "0.body.2.weight"},
        {"{conv: {out: 3, kernel: 1}}, relu, {conv: {out: 3, kernel: 1}}", "0.body.2.weight"},
        {"{conv: {out: 3, kernel: 1}}, relu, {conv: {out: 3, kernel: 1}}, relu", NULL},
        {"{conv: {out: 3, kernel: 1}}, {batchnorm: {scale_init: {constant: {value: 1}}}}", NULL},
        {"{conv: {out: 3, kernel: 1}}, {prelu: {slopes: channel}}", "0.body.0.weight"},
        {"{residual: {body: [{conv: {out: 3, kernel: 1}}], shortcut: projection}}",
         "0.body.0.body.0.weight"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int on = 0; on < 2; on++) {
            char *text = memory_print("[{residual: {body: [%s]}}, flatten, {linear: {out: 2}}]%s",
                                      cases[c].body, on ? "\ninitialise: {residual: zero}" : "");
            struct Net net = net_create(text, (struct Shape){3, 3, 3, 1, 1});
            const struct Arena *arena = model_arena(net.model);
            for (int r = 0; r < arena->row_count; r++) {
                const char *name = arena->rows[r].name, *dot = strrchr(name, '.');
                if (strcmp(dot, ".weight"))
                    continue;
                bool expected = on && cases[c].zero && !strcmp(name, cases[c].zero);
                if (row_is(&net, name, 0) != expected)
                    fail_msg("%s: %s %s", text, name, expected ? "is not 0" : "is 0");
            }
            memory_release(text);
            net_release(&net);
        }
}

static void test_refusals(void **unused) {
    (void)unused;
    static const struct {
        const char *text, *words[2];
    } cases[] = {
        {"[{conv: {out: 3, kernel: 1, bias_init: orthogonal}}]", {"0.bias", "orthogonal"}},
        {"[{batchnorm: {scale_init: dirac}}]", {"0.weight", "dirac"}},
        {"[{conv: {out: 3, kernel: 1}}]\ninitialise: {biases: dirac}", {"initialise", "0.bias"}},
        {"[relu]\ninitialise: {residual: one}", {"residual", "zero"}},
        {"[{conv: {out: 3, kernel: 1, weight_init: {kaiming_normal: {gain: tanh, slope: 0.3}}}}]",
         {"kaiming_normal.slope: 0.3 is for gain: leaky_relu", "gain is tanh"}},
        {"[{conv: {out: 3, kernel: 1}}]\ninitialise: {weights: {kaiming_uniform: {slope: 0}}}",
         {"initialise.weights.kaiming_uniform.slope: 0 is for", "gain is relu"}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct Net net;
        struct Error error = {0};
        assert_int_equal(net_try(&net, cases[c].text, (struct Shape){3, 3, 3, 1, 1}, &error),
                         ERROR_RUN_FILE);
        for (int w = 0; w < 2; w++)
            if (!strstr(error.text, cases[c].words[w]))
                fail_msg("\"%s\" does not say \"%s\"", error.text, cases[c].words[w]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_kinds),  cmocka_unit_test(test_uniform_kinds),
        cmocka_unit_test(test_constants),     cmocka_unit_test(test_draw_is_in_file_order),
        cmocka_unit_test(test_orthogonal),    cmocka_unit_test(test_orthogonal_signs),
        cmocka_unit_test(test_dirac),         cmocka_unit_test(test_defaults_of_the_model),
        cmocka_unit_test(test_residual_rule), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
