/* The order of an epoch: each sample once; or balanced, each class as often, and each of its
 * samples as often, by counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "data/order.h"

#include <cmocka.h>

enum { MOST = 500, CLASSES = 7, ROUNDS = 40 };

static int32_t labels[MOST];
static int draws[2 * MOST], samples[MOST], classes[CLASSES], members[CLASSES];

/* Labels of which class 3 has none, and class 1 few. */
static int64_t draw_labels(uint64_t round) {
    struct RandomStream stream = random_stream(5, RANDOM_TEST, 0, 0, round);
    int64_t count = 1 + random_below(random_word(&stream, 0), MOST - 1);
    memset(members, 0, sizeof members);
    for (int64_t i = 0; i < count; i++) {
        uint32_t word = random_word(&stream, (uint64_t)i + 1);
        labels[i] = random_below(word, 40) == 0 ? 1 : random_below(word, 2) ? 2 : 6;
        if (round % 4 == 0)
            labels[i] = i % 3 ? 0 : 5;
        members[labels[i]]++;
    }
    return count;
}

static void count_epoch(struct Order *order, int64_t epoch, int64_t count) {
    memset(draws, 0, sizeof draws);
    memset(samples, 0, sizeof samples);
    memset(classes, 0, sizeof classes);
    order__set_epoch(order, epoch);
    for (int64_t i = 0; i < count; i++) {
        int64_t draw = order__draw(order, i), sample = order__sample(order, draw);
        assert_in_range(draw, 0, 2 * count - 1);
        assert_in_range(sample, 0, count - 1);
        draws[draw]++;
        samples[sample]++;
        classes[labels[sample]]++;
    }
    for (int64_t d = 0; d < 2 * count; d++)
        assert_in_range(draws[d], 0, 1); /* so that random numbers differ */
}

static void check_balance(int64_t count) {
    int64_t present = 0;
    for (int c = 0; c < CLASSES; c++)
        present += members[c] > 0;
    for (int c = 0; c < CLASSES; c++)
        assert_in_range(classes[c], members[c] ? count / present : 0,
                        members[c] ? (count + present - 1) / present : 0);
    for (int64_t i = 0; i < count; i++) {
        int64_t of_class = classes[labels[i]], among = members[labels[i]];
        assert_in_range(samples[i], of_class / among, (of_class + among - 1) / among);
    }
}

static void balanced(void **unused) {
    (void)unused;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        int64_t count = draw_labels(round);
        const struct OrderRequest request = {
            .seed = round, .count = count, .labels = labels, .classes = CLASSES};
        struct Order *order = order__create(&request);
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            count_epoch(order, epoch, count);
            check_balance(count);
        }
        order__release(order);
    }
}

static void uniform(void **unused) {
    (void)unused;
    struct Order *order = order__create(&(struct OrderRequest){.seed = 3, .count = MOST});
    memset(labels, 0, sizeof labels);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        count_epoch(order, epoch, MOST);
        for (int64_t i = 0; i < MOST; i++) {
            assert_int_equal(samples[i], 1);
            assert_int_equal(order__draw(order, i), order__sample(order, order__draw(order, i)));
        }
    }
    order__release(order);
}

/* An epoch is the same whatever was asked for before it. */
static void pure(void **unused) {
    (void)unused;
    int64_t count = draw_labels(9), different = 0;
    const struct OrderRequest request = {
        .seed = 8, .count = count, .labels = labels, .classes = CLASSES};
    struct Order *one = order__create(&request), *other = order__create(&request);
    order__set_epoch(other, 7);
    order__set_epoch(one, 4);
    for (int64_t i = 0; i < count; i++)
        different += order__draw(one, i) != order__draw(other, i);
    assert_true(different > count / 4);
    order__set_epoch(other, 4);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(order__draw(one, i), order__draw(other, i));
    order__release(one);
    order__release(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced),
        cmocka_unit_test(uniform),
        cmocka_unit_test(pure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
