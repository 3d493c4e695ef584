/* Folds: equal sizes, of each class too, and another cut for another seed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "data/dataset/folds.h"

#include <cmocka.h>

enum { MOST = 300, CLASSES = 5, FOLDS = 11 };

static void sizes(void **unused) {
    (void)unused;
    int32_t labels[MOST];
    int64_t fold[MOST];
    for (uint64_t round = 0; round < 60; round++) {
        struct RandomStream stream = random_stream(7, RANDOM_TEST, 0, 0, round);
        int64_t count = FOLDS + random_below(random_word(&stream, 0), MOST - FOLDS);
        int64_t folds = 2 + random_below(random_word(&stream, 1), FOLDS - 1);
        int64_t of_class[CLASSES] = {0}, found[FOLDS][CLASSES] = {{0}};
        for (int64_t i = 0; i < count; i++) {
            uint32_t word = random_word(&stream, (uint64_t)i + 2);
            labels[i] = random_below(word, 10) ? (int32_t)random_below(word, 3) : CLASSES - 1;
            of_class[labels[i]]++;
        }
        const struct FoldsRequest request = {.count = count,
                                             .labels = round % 3 ? labels : NULL,
                                             .classes = round % 3 ? CLASSES : 1,
                                             .folds = folds,
                                             .seed = round};
        folds__assign(&request, fold);
        for (int64_t i = 0; i < count; i++) {
            assert_in_range(fold[i], 0, folds - 1);
            found[fold[i]][labels[i]]++;
        }
        for (int64_t f = 0; f < folds; f++) {
            int64_t size = 0;
            for (int c = 0; c < CLASSES; c++) {
                size += found[f][c];
                if (request.labels)
                    assert_in_range(found[f][c], of_class[c] / folds,
                                    (of_class[c] + folds - 1) / folds);
            }
            assert_in_range(size, count / folds, (count + folds - 1) / folds);
        }
    }
}

/* Each fold has one of every FOLDS samples in the order of the values, and so the same quantiles.
 */
static void values(void **unused) {
    (void)unused;
    float targets[MOST];
    int64_t fold[MOST], seen[FOLDS], other = 0;
    struct RandomStream stream = random_stream(7, RANDOM_TEST, 1, 0, 0);
    random_permutation(&stream, MOST, fold);
    for (int i = 0; i < MOST; i++)
        targets[i] = (float)(fold[i] * fold[i]);
    struct FoldsRequest request = {
        .count = MOST, .classes = 1, .targets = targets, .columns = 1, .folds = FOLDS, .seed = 4};
    int64_t of_rank[MOST], first[MOST];
    for (int i = 0; i < MOST; i++)
        of_rank[fold[i]] = i;
    folds__assign(&request, first);
    for (int begin = 0; begin + FOLDS <= MOST; begin += FOLDS) {
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < FOLDS; i++)
            seen[first[of_rank[begin + i]]]++;
        for (int f = 0; f < FOLDS; f++)
            assert_int_equal(seen[f], 1);
    }
    request.seed = 5;
    folds__assign(&request, fold);
    for (int i = 0; i < MOST; i++)
        other += first[i] != fold[i];
    assert_true(other > MOST / 2);
    /* If two columns are each other's opposite, neither says more: any folds of equal size. */
    float pairs[MOST][2];
    for (int i = 0; i < MOST; i++)
        pairs[i][0] = (float)i, pairs[i][1] = (float)-i;
    request.targets = pairs[0];
    request.columns = 2;
    folds__assign(&request, fold);
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < MOST; i++)
        seen[fold[i]]++;
    for (int f = 0; f < FOLDS; f++)
        assert_in_range(seen[f], MOST / FOLDS, MOST / FOLDS + 1);
}

enum { PARTS = 4 };

/* How far the folds are from equal numbers of each class, over all; the rarest class is checked. */
static double unevenness(float targets[MOST][CLASSES], const int64_t *fold, bool check) {
    int64_t of_class[CLASSES] = {0}, found[PARTS][CLASSES] = {{0}}, size[PARTS] = {0};
    double sum = 0;
    for (int i = 0; i < MOST; i++) {
        assert_in_range(fold[i], 0, PARTS - 1);
        size[fold[i]]++;
        for (int c = 0; c < CLASSES; c++) {
            of_class[c] += targets[i][c] != 0;
            found[fold[i]][c] += targets[i][c] != 0;
        }
    }
    for (int f = 0; f < PARTS; f++) {
        assert_int_equal(size[f], MOST / PARTS);
        for (int c = 0; c < CLASSES; c++)
            sum += fabs((double)found[f][c] - (double)of_class[c] / PARTS);
        if (check)
            assert_in_range(found[f][0], of_class[0] / PARTS, (of_class[0] + PARTS - 1) / PARTS);
    }
    return sum;
}

/* Some samples have no class. */
static void sets_of_classes(void **unused) {
    (void)unused;
    static float targets[MOST][CLASSES];
    int64_t fold[MOST], same[MOST];
    double with = 0, without = 0;
    for (uint64_t round = 0; round < 20; round++) {
        struct RandomStream stream = random_stream(8, RANDOM_TEST, 0, 0, round);
        for (int i = 0; i < MOST; i++)
            for (int c = 0; c < CLASSES; c++)
                targets[i][c] = c ? random_below(random_word(&stream, (uint64_t)(i * CLASSES + c)),
                                                 10) < 1U + (unsigned)c
                                  : i % 37 == 5;
        struct FoldsRequest request = {.count = MOST,
                                       .classes = 1,
                                       .targets = targets[0],
                                       .columns = CLASSES,
                                       .sets = true,
                                       .folds = PARTS,
                                       .seed = round};
        folds__assign(&request, fold);
        folds__assign(&request, same);
        assert_memory_equal(fold, same, sizeof fold);
        with += unevenness(targets, fold, true);
        request.targets = NULL;
        folds__assign(&request, fold);
        without += unevenness(targets, fold, false);
    }
    if (with > without / 3)
        fail_msg("%g with stratification, %g without", with, without);
}

static void seeds(void **unused) {
    (void)unused;
    int64_t one[MOST], same[MOST], other[MOST], different = 0;
    struct FoldsRequest request = {.count = MOST, .classes = 1, .folds = 3, .seed = 4};
    folds__assign(&request, one);
    folds__assign(&request, same);
    request.seed = 5;
    folds__assign(&request, other);
    assert_memory_equal(one, same, sizeof one);
    for (int i = 0; i < MOST; i++)
        different += one[i] != other[i];
    assert_in_range(different, MOST / 2, MOST);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(values),
                                       cmocka_unit_test(sets_of_classes), cmocka_unit_test(seeds)};
    return cmocka_run_group_tests_name("folds", tests, NULL, NULL);
}
