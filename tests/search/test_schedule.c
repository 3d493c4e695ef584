/* Successive halving, step by step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "search/schedule.h"

#include <cmocka.h>

#define MOST 64

struct Simulation {
    struct TrialState trials[MOST];
    double scores[MOST][8];
    struct Stage stage;
};

static void begin(struct Simulation *simulation, int count, int rungs, int factor) {
    memset(simulation, 0, sizeof *simulation);
    for (int i = 0; i < count; i++)
        simulation->trials[i].scores = simulation->scores[i];
    simulation->stage = (struct Stage){
        .trials = simulation->trials, .count = count, .rungs = rungs, .factor = factor};
}

static void take(struct Simulation *simulation, struct Next next) {
    simulation->trials[next.trial].status = TRIAL_OPEN;
    simulation->trials[next.trial].taken = true;
}

/* The trial reaches its rung; its score there is its number. */
static void reach(struct Simulation *simulation, int64_t trial) {
    struct TrialState *state = &simulation->trials[trial];
    simulation->scores[trial][state->rungs++] = (double)trial;
    state->status = state->rungs == simulation->stage.rungs ? TRIAL_FINISHED : TRIAL_PAUSED;
    state->taken = false;
}

static void expect(struct Simulation *simulation, enum NextKind kind, int64_t trial) {
    struct Next next = schedule_next(&simulation->stage, true);
    assert_int_equal(next.kind, kind);
    if (kind < NEXT_WAIT) {
        assert_int_equal(next.trial, trial);
        take(simulation, next);
    }
}

static void without_halving_all_are_trained(void **state) {
    (void)state;
    struct Simulation simulation;
    begin(&simulation, 3, 1, 3);
    expect(&simulation, NEXT_BEGIN, 0);
    expect(&simulation, NEXT_BEGIN, 1); /* another group's */
    reach(&simulation, 0);
    assert_int_equal(schedule_next(&simulation.stage, false).kind, NEXT_WAIT); /* the time is up */
    expect(&simulation, NEXT_BEGIN, 2);
    reach(&simulation, 2);
    expect(&simulation, NEXT_WAIT, 0);
    simulation.trials[1].taken = false; /* its group has died */
    expect(&simulation, NEXT_RESUME, 1);
    reach(&simulation, 1);
    expect(&simulation, NEXT_DONE, 0);
}

/* Nine trials, of which the later ones are better, and three rungs: 9, 3, 1. */
static void the_best_third_goes_on(void **state) {
    (void)state;
    struct Simulation simulation;
    begin(&simulation, 9, 3, 3);
    for (int i = 0; i < 3; i++) {
        expect(&simulation, NEXT_BEGIN, i);
        reach(&simulation, i);
    }
    expect(&simulation, NEXT_PROMOTE, 2); /* as soon as it is known */
    reach(&simulation, 2);
    for (int i = 3; i < 5; i++) {
        expect(&simulation, NEXT_BEGIN, i);
        reach(&simulation, i);
        expect(&simulation, NEXT_PROMOTE, i); /* it is better than the one that went on */
        simulation.trials[i].status = TRIAL_DIVERGED;
        simulation.trials[i].taken = false;
    }
    /* One of the three that were on their way to the second rung arrived: it is their best. */
    expect(&simulation, NEXT_PROMOTE, 2);
    reach(&simulation, 2);
    assert_int_equal(simulation.trials[2].status, TRIAL_FINISHED);
    expect(&simulation, NEXT_BEGIN, 5);
}

/* All trials in one go, by one group: the counts of the rungs. */
static void rungs_get_smaller(void **state) {
    (void)state;
    struct Simulation simulation;
    int reached[4] = {0}, steps = 0;
    begin(&simulation, 27, 4, 3);
    for (;;) {
        struct Next next = schedule_next(&simulation.stage, true);
        if (next.kind == NEXT_DONE)
            break;
        take(&simulation, next);
        reached[simulation.trials[next.trial].rungs]++;
        reach(&simulation, next.trial);
        assert_true(++steps < 200);
    }
    assert_int_equal(reached[0], 27);
    assert_true(reached[1] >= 9 && reached[1] > reached[2] && reached[2] > reached[3]);
    assert_true(reached[3] >= 1);
    assert_int_equal(simulation.trials[26].status, TRIAL_FINISHED); /* the best came to its end */
}

/* Too few for a promotion by rank: the best goes to its end all the same. */
static void one_always_gets_to_the_end(void **state) {
    (void)state;
    struct Simulation simulation;
    begin(&simulation, 2, 2, 3);
    for (int i = 0; i < 2; i++) {
        expect(&simulation, NEXT_BEGIN, i);
        reach(&simulation, i);
    }
    expect(&simulation, NEXT_PROMOTE, 1);
    reach(&simulation, 1);
    expect(&simulation, NEXT_DONE, 0);
}

static void bad_ends_are_the_worst(void **state) {
    (void)state;
    const double low[] = {-5}, none[] = {NAN}, two[] = {1, -9};
    struct TrialState bad = {.status = TRIAL_DIVERGED};
    struct TrialState paused = {.status = TRIAL_PAUSED, .rungs = 1, .scores = low};
    struct TrialState unknown = {.status = TRIAL_PAUSED, .rungs = 1, .scores = none};
    struct TrialState further = {.status = TRIAL_PAUSED, .rungs = 2, .scores = two};
    assert_true(schedule_is_better(&paused, &bad));
    assert_true(schedule_is_better(&paused, &unknown));
    assert_true(schedule_is_better(&further, &paused));
    assert_false(schedule_is_better(&bad, &unknown) || schedule_is_better(&unknown, &bad));
}

static void rungs_by_epochs(void **state) {
    (void)state;
    assert_int_equal(schedule_rungs(0, 3, 100), 1);
    assert_int_equal(schedule_rungs(1, 3, 9), 3);  /* 1, 3, 9 */
    assert_int_equal(schedule_rungs(1, 3, 10), 4); /* 1, 3, 9, 10 */
    assert_int_equal(schedule_rungs(5, 2, 5), 1);
    assert_int_equal(schedule_epochs(2, 4, 3), 128);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_halving_all_are_trained),
                                       cmocka_unit_test(the_best_third_goes_on),
                                       cmocka_unit_test(rungs_get_smaller),
                                       cmocka_unit_test(one_always_gets_to_the_end),
                                       cmocka_unit_test(bad_ends_are_the_worst),
                                       cmocka_unit_test(rungs_by_epochs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
