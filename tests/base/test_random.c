/* Philox4x32-10 against the known answers of Random123 (its file kat_vectors), and what is made of
 * it: words, permutations, normal numbers. */
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

static void test_known_answers(void **unused) {
    (void)unused;
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        struct RandomStream stream;
        uint32_t words[4];
        memcpy(stream.key, known[i].key, sizeof stream.key);
        memcpy(stream.counter, known[i].counter + 1, sizeof stream.counter);
        random_block(&stream, known[i].counter[0], words);
        assert_memory_equal(words, known[i].answer, sizeof words);
        for (uint32_t j = 0; known[i].counter[0] == 0 && j < 4; j++)
            assert_int_equal(random_word(&stream, j), words[j]);
    }
}

/* Every part of an identity reaches the counter or the key: no two streams are the same. */
static void test_streams_differ(void **unused) {
    (void)unused;
    struct RandomStream streams[] = {
        random_stream(1, RANDOM_TEST, 0, 0, 0),
        random_stream(UINT64_C(1) << 40, RANDOM_TEST, 0, 0, 0),
        random_stream(1, RANDOM_DROPOUT, 0, 0, 0),
        random_stream(1, RANDOM_TEST, 1, 0, 0),
        random_stream(1, RANDOM_TEST, (1u << 20) - 1, 0, 0),
        random_stream(1, RANDOM_TEST, 0, 1, 0),
        random_stream(1, RANDOM_TEST, 0, UINT64_C(1) << 35, 0),
        random_stream(1, RANDOM_TEST, 0, 0, 1),
        random_stream(1, RANDOM_TEST, 0, 0, UINT64_C(1) << 35),
    };
    int count = sizeof streams / sizeof *streams;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(&streams[i], &streams[j], sizeof *streams);
}

static void test_uniform(void **unused) {
    (void)unused;
    assert_true(random_uniform(0) == 0);
    assert_true(random_uniform(UINT32_MAX) == 1 - 0x1p-24f);
    assert_int_equal(random_below(UINT32_MAX, 7), 6);
    assert_int_equal(random_below(0, 7), 0);
    assert_int_equal(random_below(UINT32_MAX, 1), 0);
}

static void test_permutations(void **unused) {
    (void)unused;
    int64_t order[1000], again[1000];
    int places[5][5] = {{0}};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct RandomStream stream = random_stream(seed, RANDOM_SHUFFLE, 0, 3, 0);
        random_permutation(&stream, 5, order);
        for (int i = 0; i < 5; i++)
            places[i][order[i]]++;
    }
    for (int i = 0; i < 5; i++) /* 400 ± 18; five deviations */
        for (int j = 0; j < 5; j++)
            assert_in_range(places[i][j], 310, 490);
    struct RandomStream stream = random_stream(9, RANDOM_SHUFFLE, 0, 0, 0);
    bool seen[1000] = {false};
    random_permutation(&stream, 1000, order);
    random_permutation(&stream, 1000, again);
    assert_memory_equal(order, again, sizeof order);
    for (int i = 0; i < 1000; i++) {
        assert_in_range(order[i], 0, 999);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
    }
    random_permutation(&stream, 0, order);
    random_permutation(&stream, 1, again);
    assert_int_equal(again[0], 0);
}

static void test_normal_moments(void **unused) {
    (void)unused;
    enum { COUNT = 200001 };
    double *values = malloc((COUNT + 1) * sizeof *values), moments[5] = {0}, neighbours = 0;
    struct RandomStream stream = random_stream(5, RANDOM_TEST, 0, 0, 0);
    values[COUNT] = 12345;
    random_normal(&stream, COUNT, values);
    assert_true(values[COUNT] == 12345);
    for (int i = 0; i < COUNT; i++) {
        for (int m = 1; m < 5; m++)
            moments[m] += pow(values[i], m) / COUNT;
        if (i)
            neighbours += values[i] * values[i - 1] / COUNT;
    }
    /* Deviations of the estimates: 1, √2, √15, √96 over √COUNT. */
    double unit = 5 / sqrt(COUNT);
    assert_true(fabs(moments[1]) < unit);
    assert_true(fabs(moments[2] - 1) < unit * sqrt(2));
    assert_true(fabs(moments[3]) < unit * sqrt(15));
    assert_true(fabs(moments[4] - 3) < unit * sqrt(96));
    assert_true(fabs(neighbours) < unit);
    double few[3]; /* the beginning does not depend on how many are drawn */
    random_normal(&stream, 3, few);
    assert_memory_equal(few, values, sizeof few);
    free(values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),  cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_uniform),        cmocka_unit_test(test_permutations),
        cmocka_unit_test(test_normal_moments),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
