/* Ensembles of drawn predictions: selection against one that measures every candidate from scratch,
 * temperatures against a search for the least log loss, and what can be counted by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/softmax.h"
#include "ensemble/study.h"

#include <cmocka.h>

enum { MEMBERS = 6, SAMPLES = 90, OUTPUTS = 4, VALUES = SAMPLES * OUTPUTS, ROUNDS = 12 };

static int32_t labels[SAMPLES];
static float targets[VALUES];
static double scores[MEMBERS * VALUES];
static struct Split split;

static double draw(uint64_t round, uint64_t which) {
    struct RandomStream stream = random_stream(5, RANDOM_TEST, 0, round, which);
    return 2 * (double)random_uniform(random_word(&stream, 0)) - 1;
}

/* Members that are right more often than not, each of its own strength. */
static struct Pool make(uint64_t round, enum TargetKind kind, enum EnsembleMean mean) {
    for (int i = 0; i < SAMPLES; i++)
        labels[i] = i * 7 % OUTPUTS;
    for (int i = 0; i < VALUES; i++)
        targets[i] = kind == TARGET_VALUES ? (float)draw(round, 100000 + (uint64_t)i)
                                           : (float)(i * 5 % 3 == 0);
    for (int m = 0; m < MEMBERS; m++)
        for (int i = 0; i < VALUES; i++) {
            bool right =
                kind == TARGET_CLASSES ? labels[i / OUTPUTS] == i % OUTPUTS : targets[i] > 0.5f;
            double noise = draw(round, (uint64_t)(m * VALUES + i));
            scores[m * VALUES + i] = kind == TARGET_VALUES
                                         ? (double)targets[i] + noise * (1 + m % 3)
                                         : 5 * noise + (right ? 1 + 0.3 * m : -1);
        }
    split = (struct Split){.count = SAMPLES};
    if (kind == TARGET_CLASSES)
        split.labels = labels;
    else
        split.targets = targets;
    return (struct Pool){.split = &split,
                         .targets = kind,
                         .metrics = kind == TARGET_CLASSES  ? &metrics_classes
                                    : kind == TARGET_VALUES ? &metrics_values
                                                            : &metrics_sets,
                         .kind = {mean, kind == TARGET_CLASSES, kind == TARGET_SETS},
                         .members = MEMBERS,
                         .samples = SAMPLES,
                         .outputs = OUTPUTS,
                         .scores = scores};
}

/* ---- Selection ---- */

/* The figures of the ensemble that has each member so many times. */
static struct Figures measure_counts(const struct Pool *pool, const int *counts) {
    double weights[MEMBERS], mean[VALUES];
    int all = 0;
    for (int m = 0; m < MEMBERS; m++)
        all += counts[m];
    for (int m = 0; m < MEMBERS; m++)
        weights[m] = (double)counts[m] / all;
    pool_combine(pool, weights, mean);
    return pool_measure(pool, mean);
}

/* Whether no other member would have made a round's ensemble better. */
static void check_rounds(const struct Pool *pool, const struct Greedy *greedy) {
    int counts[MEMBERS] = {0}, best = 0;
    for (int round = 0; round < greedy->rounds; round++) {
        double figures[MEMBERS];
        for (int m = 0; m < MEMBERS; m++) {
            counts[m]++;
            figures[m] = measure_counts(pool, counts).value[greedy->by];
            counts[m]--;
        }
        double chosen = figures[greedy->added[round]];
        for (int m = 0; m < MEMBERS; m++)
            assert_false(figure_is_better(
                greedy->by, figures[m],
                chosen + (figure_kinds[greedy->by].higher_is_better ? 1e-9 : -1e-9)));
        assert_true(fabs(greedy->figures[round] - chosen) < 1e-9);
        counts[greedy->added[round]]++;
        if (figure_is_better(greedy->by, greedy->figures[round], greedy->figures[best]))
            best = round;
    }
    assert_true(fabs(greedy->figures[greedy->best - 1] - greedy->figures[best]) < 1e-12);
    assert_true(greedy->best - 1 >= best || greedy->by == FIGURE_ACCURACY);
}

/* A weight is how often a member was added up to the best round. */
static void check_weights(const struct Greedy *greedy) {
    double sum = 0;
    for (int m = 0; m < MEMBERS; m++) {
        int count = 0;
        for (int round = 0; round < greedy->best; round++)
            count += greedy->added[round] == m;
        assert_true(fabs(greedy->weights[m] - (double)count / greedy->best) < 1e-15);
        sum += greedy->weights[m];
    }
    assert_true(fabs(sum - 1) < 1e-12);
}

static void selection_takes_the_best_member_each_round(void **state) {
    static const struct {
        enum TargetKind kind;
        enum EnsembleMean mean;
        enum Figure by;
    } cases[] = {{TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC, FIGURE_ACCURACY},
                 {TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC, FIGURE_LOG_LOSS},
                 {TARGET_CLASSES, ENSEMBLE_MEAN_GEOMETRIC, FIGURE_ACCURACY},
                 {TARGET_CLASSES, ENSEMBLE_MEAN_GEOMETRIC, FIGURE_LOG_LOSS},
                 {TARGET_SETS, ENSEMBLE_MEAN_ARITHMETIC, FIGURE_ACCURACY},
                 {TARGET_SETS, ENSEMBLE_MEAN_ARITHMETIC, FIGURE_LOG_LOSS},
                 {TARGET_VALUES, ENSEMBLE_MEAN_ARITHMETIC, FIGURE_RMSE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t round = 0; round < 3; round++) {
            struct Pool pool = make(round, cases[i].kind, cases[i].mean);
            assert_true(greedy_can_use(&pool, cases[i].by));
            struct Greedy greedy = greedy_select(&pool, cases[i].by, ROUNDS);
            check_rounds(&pool, &greedy);
            check_weights(&greedy);
            greedy_release(&greedy);
        }
}

/* The log loss decides between members of equal accuracy; the lowest number between equal ones. */
static void ties_go_to_the_surer_and_then_to_the_first(void **state) {
    (void)state;
    struct Pool pool = make(0, TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC);
    for (int m = 0; m < MEMBERS; m++)
        for (int i = 0; i < VALUES; i++)
            scores[m * VALUES + i] = labels[i / OUTPUTS] == i % OUTPUTS ? (m < 2 ? 1 : 2) : 0;
    struct Greedy greedy = greedy_select(&pool, FIGURE_ACCURACY, 3);
    assert_int_equal(greedy.added[0], 2);
    assert_int_equal(greedy.best, 1);
    assert_true(greedy.weights[2] == 1);
    greedy_release(&greedy);
}

/* ---- Calibration ---- */

static double log_loss_at(const struct Pool *pool, const double *found, double temperature) {
    double cooled[VALUES];
    memcpy(cooled, found, sizeof cooled);
    pool_cool(pool, temperature, cooled);
    return pool_measure(pool, cooled).value[FIGURE_LOG_LOSS];
}

static void temperature_has_the_least_log_loss(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 8; round++) {
        struct Pool pool =
            make(round, round % 2 ? TARGET_SETS : TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC);
        const double *found = pool_member(&pool, 1);
        double low = log(TEMPERATURE_LEAST), high = log(TEMPERATURE_MOST);
        for (int i = 0; i < 60; i++) {
            double a = low + (high - low) / 3, b = high - (high - low) / 3;
            if (log_loss_at(&pool, found, exp(a)) < log_loss_at(&pool, found, exp(b)))
                high = b;
            else
                low = a;
        }
        double temperature = calibration_temperature(&pool, found);
        assert_true(fabs(log(temperature) - low) < 1e-5);
        assert_true(temperature > 1.05); /* these members are too sure */
    }
}

/* If every sample is right, no temperature is low enough; if the truth is drawn, none high enough.
 */
static void temperature_stays_within_its_bounds(void **state) {
    (void)state;
    struct Pool pool = make(0, TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC);
    for (int i = 0; i < VALUES; i++)
        scores[i] = labels[i / OUTPUTS] == i % OUTPUTS;
    assert_true(calibration_temperature(&pool, scores) == TEMPERATURE_LEAST);
    for (int i = 0; i < VALUES; i++)
        scores[i] = labels[i / OUTPUTS] != i % OUTPUTS;
    assert_true(calibration_temperature(&pool, scores) == TEMPERATURE_MOST);
}

/* Six of ten samples at 0.75 are right, and all of ten at 0.4: errors 0.15 and 0.6. */
static void reliability_is_counted(void **state) {
    enum { COUNT = 20 };
    static int32_t truth[COUNT];
    static double logs[2 * COUNT + COUNT];
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        double p = i < 10 ? 0.75 : 0.4;
        truth[i] = i < 10 ? i >= 6 : 0;
        logs[3 * i] = log(p);
        logs[3 * i + 1] = log((1 - p) * 0.5);
        logs[3 * i + 2] = log((1 - p) * 0.5);
    }
    struct Split own = {.count = COUNT, .labels = truth};
    struct Pool pool = {.split = &own,
                        .targets = TARGET_CLASSES,
                        .metrics = &metrics_classes,
                        .kind = {ENSEMBLE_MEAN_ARITHMETIC, true, false},
                        .members = 1,
                        .samples = COUNT,
                        .outputs = 3,
                        .scores = logs};
    struct Calibration measured = calibration_measure(&pool, logs);
    struct Reliability found = measured.reliability;
    assert_int_equal(found.counts[11], 10); /* (11/15, 12/15] */
    assert_int_equal(found.counts[5], 10);  /* (5/15, 6/15] */
    assert_true(fabs(found.confidence[11] - 0.75) < 1e-12 && found.accuracy[11] == 0.6);
    assert_true(fabs(found.expected_error - 0.5 * (0.15 + 0.6)) < 1e-12);
    assert_true(fabs(found.largest_error - 0.6) < 1e-12);
    double right = 0.25 * 0.25 + 2 * 0.125 * 0.125;
    double wrong = 0.75 * 0.75 + 0.875 * 0.875 + 0.125 * 0.125;
    double sure = 0.6 * 0.6 + 2 * 0.3 * 0.3;
    assert_true(fabs(measured.brier - (6 * right + 4 * wrong + 10 * sure) / COUNT) < 1e-12);
}

/* ---- The gain ---- */

/* Adds up all samples of two members, one in the ensemble's place. */
static struct GainSums add_all(const struct Pool *pool, enum Figure figure, int one, int other) {
    const struct GainOf of = {figure, pool->targets, pool->split, pool->outputs};
    struct GainSums sums = {0};
    for (int i = 0; i < SAMPLES; i++)
        gain_add(&sums, &of, i, pool_member(pool, one) + i * OUTPUTS,
                 pool_member(pool, other) + i * OUTPUTS);
    return sums;
}

/* A sample's part of a figure is that of a split of one sample. */
static double squares_of(const struct Pool *pool, enum Figure figure, int one, int other) {
    double squares = 0;
    for (int i = 0; i < SAMPLES; i++) {
        struct Split own = {.count = 1,
                            .labels = split.labels ? labels + i : NULL,
                            .targets = targets + i * OUTPUTS};
        struct Pool sample = *pool;
        sample.split = &own;
        sample.samples = 1;
        double a = pool_measure(&sample, pool_member(pool, one) + i * OUTPUTS).value[figure];
        double b = pool_measure(&sample, pool_member(pool, other) + i * OUTPUTS).value[figure];
        squares += figure == FIGURE_RMSE ? pow(a * a - b * b, 2) : pow(a - b, 2);
    }
    return squares;
}

static void a_gain_is_compared_with_chance(void **state) {
    static const struct {
        enum TargetKind kind;
        enum Figure figure;
    } cases[] = {{TARGET_CLASSES, FIGURE_ACCURACY},
                 {TARGET_CLASSES, FIGURE_LOG_LOSS},
                 {TARGET_SETS, FIGURE_ACCURACY},
                 {TARGET_SETS, FIGURE_LOG_LOSS},
                 {TARGET_VALUES, FIGURE_RMSE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum Figure figure = cases[i].figure;
        struct Pool pool = make(4, cases[i].kind, ENSEMBLE_MEAN_ARITHMETIC);
        struct GainSums sums = add_all(&pool, figure, 5, 0);
        double expected = sqrt(squares_of(&pool, figure, 5, 0)) / SAMPLES;
        if (figure == FIGURE_RMSE)
            expected /= pool_measure(&pool, pool_member(&pool, 5)).value[figure] +
                        pool_measure(&pool, pool_member(&pool, 0)).value[figure];
        assert_true(gain_has_error(figure) && expected > 0);
        assert_true(fabs(gain_error(&sums, figure) - expected) < 1e-12);
        sums = add_all(&pool, figure, 3, 3);
        assert_true(gain_error(&sums, figure) == 0);
    }
    assert_false(gain_has_error(FIGURE_F1));
}

/* Four samples that are right and were wrong are no proof, however few samples there are. */
static void a_gain_of_a_few_samples_may_be_chance(void **state) {
    (void)state;
    struct Pool pool = make(4, TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC);
    const struct GainOf of = {FIGURE_ACCURACY, TARGET_CLASSES, pool.split, OUTPUTS};
    struct GainSums sums = {0};
    for (int i = 0; i < 6; i++) {
        double right[OUTPUTS] = {0}, wrong[OUTPUTS] = {0};
        right[labels[i]] = 1;
        wrong[(labels[i] + 1) % OUTPUTS] = 1;
        gain_add(&sums, &of, i, right, wrong);
        assert_int_equal(gain_worth(1, gain_error(&sums, FIGURE_ACCURACY)),
                         i < 4 ? WORTH_PERHAPS : WORTH_IT);
    }
    assert_int_equal(gain_worth(0.5, NAN), WORTH_PERHAPS);
    assert_int_equal(gain_worth(0, 0), WORTH_NOTHING);
    assert_int_equal(gain_worth(-1, NAN), WORTH_NOTHING);
}

/* ---- The study ---- */

static void disagreement_is_counted(void **state) {
    double matrix[MEMBERS * MEMBERS];
    (void)state;
    struct Pool pool = make(3, TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC);
    pool_disagreement(&pool, matrix);
    int differ = 0;
    for (int i = 0; i < SAMPLES; i++)
        differ += predicted_class(scores + VALUES + i * OUTPUTS, OUTPUTS) !=
                  predicted_class(scores + 4 * VALUES + i * OUTPUTS, OUTPUTS);
    assert_true(differ > 0 && fabs(matrix[1 * MEMBERS + 4] - (double)differ / SAMPLES) < 1e-15);
    assert_true(matrix[4 * MEMBERS + 1] == matrix[1 * MEMBERS + 4] && matrix[0] == 0);
    pool = make(3, TARGET_VALUES, ENSEMBLE_MEAN_ARITHMETIC);
    pool_disagreement(&pool, matrix);
    double squares = 0;
    for (int i = 0; i < VALUES; i++)
        squares += pow(scores[i] - scores[2 * VALUES + i], 2);
    assert_true(fabs(matrix[2] - sqrt(squares / VALUES)) < 1e-12);
}

static void a_study_leaves_out_each_member(void **state) {
    double given[MEMBERS] = {0.5, 0, 0.25, 0.25, 0, 0}, without[MEMBERS] = {0, 0, 0.5, 0.5, 0, 0};
    double mean[VALUES];
    (void)state;
    struct Pool pool = make(1, TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC);
    struct Study study;
    const struct StudyRequest request = {.chosen_on = &pool,
                                         .reported = &pool,
                                         .by = FIGURE_ACCURACY,
                                         .rounds = 5,
                                         .weights = given};
    study_make(&study, &request);
    assert_ptr_equal(study.final, &study.given);
    pool_combine(&pool, without, mean);
    assert_true(study.final_without[0].value[FIGURE_LOG_LOSS] ==
                pool_measure(&pool, mean).value[FIGURE_LOG_LOSS]);
    assert_true(study.final_without[1].value[FIGURE_LOG_LOSS] ==
                study.given.figures.value[FIGURE_LOG_LOSS]);
    assert_true(study.equal_without[1].value[FIGURE_LOG_LOSS] !=
                study.equal.figures.value[FIGURE_LOG_LOSS]);
    assert_true(fabs(study.greedy.chosen_on.value[FIGURE_ACCURACY] -
                     study.search.figures[study.search.best - 1]) < 1e-12);
    study_release(&study);
}

/* Without a split to choose on there are equal weights, and no temperature. */
static void a_study_chooses_nothing_on_nothing(void **state) {
    (void)state;
    struct Pool pool = make(1, TARGET_CLASSES, ENSEMBLE_MEAN_ARITHMETIC);
    struct Study study;
    study_make(&study, &(struct StudyRequest){.reported = &pool, .by = FIGURE_ACCURACY});
    assert_ptr_equal(study.final, &study.equal);
    assert_null(study.greedy.weights);
    assert_true(study.equal.temperature == 1);
    assert_int_equal(study.best_chosen, -1);
    study_release(&study);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(selection_takes_the_best_member_each_round),
                                       cmocka_unit_test(ties_go_to_the_surer_and_then_to_the_first),
                                       cmocka_unit_test(temperature_has_the_least_log_loss),
                                       cmocka_unit_test(temperature_stays_within_its_bounds),
                                       cmocka_unit_test(reliability_is_counted),
                                       cmocka_unit_test(a_gain_is_compared_with_chance),
                                       cmocka_unit_test(a_gain_of_a_few_samples_may_be_chance),
                                       cmocka_unit_test(disagreement_is_counted),
                                       cmocka_unit_test(a_study_leaves_out_each_member),
                                       cmocka_unit_test(a_study_chooses_nothing_on_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
