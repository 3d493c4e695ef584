/* Folds: equal sizes, of each class too, and another cut for another seed. */
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(sizes), cmocka_unit_test(seeds)};
    return cmocka_run_group_tests_name("folds", tests, NULL, NULL);
}
