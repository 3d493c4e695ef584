/* Planted cases for what a search says about its keys. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/random.h"
#include "search/insight.h"

#include <cmocka.h>

#define TRIALS 32
#define CASES 20

struct Planted {
    double position[TRIALS * 2], place[TRIALS];
    int choices[2];
    struct Points points;
};

/* The score of a trial: best where u[0] is `best` and u[1] is in the middle. */
typedef double scorer(const double *u, double best);

static double bowl(const double *u, double best) {
    return -pow(u[0] - best, 2) - 0.3 * pow(u[1] - 0.5, 2);
}

/* As an accuracy over the logarithm of a rate: chance, a slow rise, a fall off a cliff. */
static double cliff(const double *u, double best) {
    double x = u[0] - best;
    return x > 0 ? fmax(-1, -6 * x) : fmax(-1, 2 * x);
}

/* With noise of a twentieth of the range. */
static void plant(struct Planted *planted, int seed, scorer *score_of, double best) {
    double scores[TRIALS], noise[TRIALS];
    struct RandomStream stream = random_stream((uint64_t)seed, RANDOM_TEST, 0, 0, 0);
    random_normal(&stream, TRIALS, noise);
    *planted = (struct Planted){0};
    for (int i = 0; i < TRIALS; i++) {
        stream = random_stream((uint64_t)seed, RANDOM_TEST, 1, 0, (uint64_t)i);
        planted->position[2 * i] = random_uniform(random_word(&stream, 0));
        planted->position[2 * i + 1] = random_uniform(random_word(&stream, 1));
        scores[i] = score_of(planted->position + 2 * i, best) + 0.05 * noise[i];
    }
    analysis_places(scores, TRIALS, planted->place);
    planted->points = (struct Points){.count = TRIALS,
                                      .axes = 2,
                                      .position = planted->position,
                                      .place = planted->place,
                                      .choices = planted->choices};
}

/* In how many of the cases the first key, or the second one, has this edge. */
static int found(scorer *score_of, double best, int axis, enum Edge edge) {
    struct Planted planted;
    int count = 0;
    for (int seed = 1; seed <= CASES; seed++) {
        plant(&planted, seed, score_of, best);
        count += analysis_edge(&planted.points, axis) == edge;
    }
    return count;
}

static void edges_are_warned_of(void **state) {
    (void)state;
    assert_int_equal(found(bowl, 1, 0, EDGE_HIGH), CASES);
    assert_int_equal(found(bowl, 0, 0, EDGE_LOW), CASES);
    assert_int_equal(found(bowl, 1.4, 0, EDGE_HIGH), CASES); /* the best lies beyond the range */
    assert_int_equal(found(cliff, 1, 0, EDGE_HIGH), CASES);
}

static void centres_are_not(void **state) {
    (void)state;
    for (int axis = 0; axis < 2; axis++) {
        assert_int_equal(found(bowl, 0.5, axis, EDGE_NONE), CASES);
        assert_int_equal(found(bowl, 0.4, axis, EDGE_NONE), CASES);
        assert_int_equal(found(cliff, 0.5, axis, EDGE_NONE), CASES);
    }
    assert_int_equal(found(bowl, 1, 1, EDGE_NONE), CASES); /* the other key has no edge */
}

static void few_trials_say_nothing(void **state) {
    (void)state;
    struct Planted planted;
    plant(&planted, 1, bowl, 1);
    planted.points.count = ANALYSIS_LEAST - 1;
    assert_int_equal(analysis_edge(&planted.points, 0), EDGE_NONE);
    planted.points.count = TRIALS;
    planted.choices[0] = 3;
    assert_int_equal(analysis_edge(&planted.points, 0), EDGE_NONE);
}

static void the_key_that_matters_is_found(void **state) {
    (void)state;
    struct Planted planted;
    int found_first = 0, found_second = 0;
    for (int seed = 1; seed <= CASES; seed++) {
        plant(&planted, seed, cliff, 0.5);
        struct Importance first = analysis_importance(&planted.points, 0);
        struct Importance second = analysis_importance(&planted.points, 1);
        assert_true(first.share > second.share && first.error > 0 && first.share < 1);
        found_first += first.chance < 0.05;
        found_second += second.chance < 0.05;
    }
    assert_int_equal(found_first, CASES);
    assert_in_range(found_second, 0, 3); /* one in twenty is to be expected */
}

/* By hand: two values of a choice, places 0, 1/3 and 2/3, 1. Total 5/9, between 4/9, within 1/9. */
static void share_of_a_hand_computation(void **state) {
    (void)state;
    double position[16], place[16];
    const int choices[] = {2};
    for (int i = 0; i < 16; i++) {
        position[i] = i < 8 ? 0.25 : 0.75;
        place[i] = (i < 8 ? 0 : 2.0 / 3) + (i % 2) / 3.0;
    }
    struct Points points = {
        .count = 16, .axes = 1, .position = position, .place = place, .choices = choices};
    double total = 4 * 5.0 / 9, between = 4 * 4.0 / 9;
    double expected = (between - (total - between) / 14) / total;
    struct Importance importance = analysis_importance(&points, 0);
    assert_true(fabs(importance.share - expected) < 1e-12);
    assert_true(importance.chance < 0.01);
}

static void equal_scores_share_a_place(void **state) {
    (void)state;
    const double scores[] = {-INFINITY, 2, -INFINITY, 3, 2};
    double places[5];
    analysis_places(scores, 5, places);
    assert_true(places[0] == 0.125 && places[2] == 0.125);
    assert_true(places[1] == 0.625 && places[4] == 0.625 && places[3] == 1);
}

static void shares_that_overlap_are_told(void **state) {
    (void)state;
    struct Insight insights[] = {{.measured = true, .importance.share = 0.9},
                                 {.measured = true, .importance.share = 0.2},
                                 {.measured = true, .importance.share = -0.3}};
    assert_false(search_insights_overlap(insights, 3));
    insights[1].importance.share = 0.4;
    assert_true(search_insights_overlap(insights, 3));
    insights[0].measured = insights[1].measured = false;
    assert_false(search_insights_overlap(insights, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(edges_are_warned_of),
                                       cmocka_unit_test(centres_are_not),
                                       cmocka_unit_test(few_trials_say_nothing),
                                       cmocka_unit_test(the_key_that_matters_is_found),
                                       cmocka_unit_test(share_of_a_hand_computation),
                                       cmocka_unit_test(equal_scores_share_a_place),
                                       cmocka_unit_test(shares_that_overlap_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
