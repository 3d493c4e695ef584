/* Limits on the samples of a split: how many stay, of which classes, and which ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "data/dataset/limit.h"

#include <cmocka.h>

enum { MOST = 200, CLASSES = 5 };

/* A random split of which some classes are rare, and how many samples of each are there. */
struct Drawn {
    int64_t count, of_class[CLASSES];
    int32_t labels[MOST];
};

static struct Drawn draw(uint64_t round) {
    struct RandomStream stream = random_stream(7, RANDOM_TEST, 0, 0, round);
    struct Drawn drawn = {.count = 1 + random_below(random_word(&stream, 0), MOST)};
    for (int64_t i = 0; i < drawn.count; i++) {
        uint32_t word = random_word(&stream, (uint64_t)i + 1);
        drawn.labels[i] = random_below(word, 10) ? (int32_t)random_below(word, 3) : CLASSES - 1;
        drawn.of_class[drawn.labels[i]]++;
    }
    return drawn;
}

static int64_t choose(const struct Drawn *drawn, struct SplitLimit limit, bool chosen[MOST],
                      int64_t of_class[CLASSES]) {
    const struct LimitRequest request = {
        .count = drawn->count, .labels = drawn->labels, .classes = CLASSES, .limit = &limit};
    int64_t total = 0;
    memset(chosen, 0, MOST * sizeof *chosen);
    memset(of_class, 0, CLASSES * sizeof *of_class);
    int64_t told = limit_choose(&request, chosen);
    for (int64_t i = 0; i < drawn->count; i++)
        if (chosen[i]) {
            total++;
            of_class[drawn->labels[i]]++;
        }
    assert_int_equal(told, total);
    return total;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void sizes(void **unused) {
    (void)unused;
    bool chosen[MOST];
    int64_t of_class[CLASSES];
    for (uint64_t round = 0; round < 100; round++) {
        struct Drawn drawn = draw(round);
        struct SplitLimit limit = {.samples = 1 + (int64_t)(round * 3 % 120), .seed = round};
        for (int how = LIMIT_FIRST; how <= LIMIT_SPREAD; how++) {
            limit.choose = (enum LimitChoice)how;
            limit.per_class = false;
            assert_int_equal(choose(&drawn, limit, chosen, of_class),
                             smaller(limit.samples, drawn.count));
            limit.per_class = true;
            choose(&drawn, limit, chosen, of_class);
            for (int c = 0; c < CLASSES; c++)
                assert_int_equal(of_class[c], smaller(limit.samples, drawn.of_class[c]));
        }
    }
}

static void first_ones(void **unused) {
    (void)unused;
    bool chosen[MOST];
    int64_t of_class[CLASSES], seen[CLASSES] = {0};
    struct Drawn drawn = draw(3);
    choose(&drawn, (struct SplitLimit){.samples = 9}, chosen, of_class);
    for (int64_t i = 0; i < drawn.count; i++)
        assert_int_equal(chosen[i], i < 9);
    choose(&drawn, (struct SplitLimit){.samples = 4, .per_class = true}, chosen, of_class);
    for (int64_t i = 0; i < drawn.count; i++)
        assert_int_equal(chosen[i], seen[drawn.labels[i]]++ < 4);
}

/* No class has two samples more than another that has some left. */
static void spread(void **unused) {
    (void)unused;
    bool chosen[MOST];
    int64_t of_class[CLASSES];
    for (uint64_t round = 0; round < 100; round++) {
        struct Drawn drawn = draw(round);
        struct SplitLimit limit = {
            .samples = 1 + (int64_t)(round % 40), .choose = LIMIT_SPREAD, .seed = round};
        choose(&drawn, limit, chosen, of_class);
        for (int a = 0; a < CLASSES; a++)
            for (int b = 0; b < CLASSES; b++)
                if (of_class[b] < drawn.of_class[b])
                    assert_true(of_class[a] <= of_class[b] + 1);
    }
}

static void seeds(void **unused) {
    (void)unused;
    bool one[MOST], same[MOST], other[MOST];
    int64_t of_class[CLASSES];
    struct Drawn drawn = draw(1);
    while (drawn.count < 100)
        drawn = draw((uint64_t)drawn.count);
    for (int how = LIMIT_RANDOM; how <= LIMIT_SPREAD; how++) {
        struct SplitLimit limit = {.samples = 30, .choose = (enum LimitChoice)how, .seed = 4};
        choose(&drawn, limit, one, of_class);
        choose(&drawn, limit, same, of_class);
        limit.seed = 5;
        choose(&drawn, limit, other, of_class);
        assert_memory_equal(one, same, sizeof one);
        assert_memory_not_equal(one, other, sizeof one);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(first_ones),
                                       cmocka_unit_test(spread), cmocka_unit_test(seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
