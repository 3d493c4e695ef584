/* Areas under curves against their definitions: over all pairs of samples, and over all thresholds.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "evaluate/ranking.h"

#include <cmocka.h>

enum { SAMPLES = 431, CLASSES = 4, ROUNDS = 8 };

static double scores[SAMPLES * CLASSES];
static int32_t labels[SAMPLES];

/* Grows with `number`, from 0 to 40: whole numbers; the same with negative ones among them; numbers
 * of all magnitudes; negative ones of all magnitudes. */
static double score_of(uint64_t round, double number) {
    double shifted = number - 17;
    return round / 2 == 0   ? number
           : round / 2 == 1 ? shifted
           : round / 2 == 2 ? ldexp(1.1, (int)(40 * shifted))
                            : -ldexp(1.1, (int)(-40 * shifted));
}

/* Scores with many ties; in odd rounds class 3 has no sample. A 0 may have either sign. */
static void draw(uint64_t round) {
    struct RandomStream stream = random_stream(31, RANDOM_TEST, 0, 0, round);
    uint32_t next = 0, classes = round % 2 ? CLASSES - 1 : CLASSES;
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = (int32_t)random_below(random_word(&stream, next++), classes);
        for (int c = 0; c < CLASSES; c++) {
            double *score = &scores[i * CLASSES + c];
            uint32_t number = random_below(random_word(&stream, next++), 30);
            *score = score_of(round, number + 4.0 * (labels[i] == c));
            if (*score == 0 && i % 2)
                *score = -*score;
        }
    }
}

static double roc_of(int c) {
    double right = 0, pairs = 0;
    for (int i = 0; i < SAMPLES; i++)
        for (int j = 0; j < SAMPLES; j++) {
            double a = scores[i * CLASSES + c], b = scores[j * CLASSES + c];
            if (labels[i] != c || labels[j] == c)
                continue;
            pairs++;
            right += a > b ? 1 : a == b ? 0.5 : 0;
        }
    return right / pairs;
}

static double pr_of(uint64_t round, int c) {
    double area = 0, before = 0, positives = 0;
    for (int i = 0; i < SAMPLES; i++)
        positives += labels[i] == c;
    for (int number = 40; number >= 0; number--) {
        double hits = 0, all = 0, threshold = score_of(round, number);
        for (int i = 0; i < SAMPLES; i++) {
            all += scores[i * CLASSES + c] >= threshold;
            hits += scores[i * CLASSES + c] >= threshold && labels[i] == c;
        }
        if (all > 0)
            area += (hits - before) / positives * hits / all;
        before = hits;
    }
    return area;
}

static void test_areas(void **unused) {
    (void)unused;
    struct Split split = {.count = SAMPLES, .labels = labels};
    struct Ranks *ranks = ranks_alone();
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct Ranking ranking;
        double roc[CLASSES], pr[CLASSES];
        draw(round);
        ranking_create(&ranking, ranks, &split, CLASSES);
        for (; ranking.rows < SAMPLES; ranking.rows++)
            for (int c = 0; c < CLASSES; c++)
                ranking_put(&ranking, c, scores[ranking.rows * CLASSES + c]);
        ranking_areas(&ranking, ranks, &split, roc, pr);
        for (int c = 0; c < CLASSES; c++) {
            if (round % 2 && c == CLASSES - 1) {
                assert_true(isnan(roc[c]) && isnan(pr[c]));
                continue;
            }
            assert_true(fabs(roc[c] - roc_of(c)) < 1e-12);
            assert_true(fabs(pr[c] - pr_of(round, c)) < 1e-12);
        }
        ranking_release(&ranking);
    }
    ranks_release(ranks);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_areas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
