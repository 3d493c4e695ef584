/* What a process sees of the others on its node, with a clock that the test sets. */
#include "watch/observer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct Scene {
    struct Sharing own, other; /* seats 0 and 1 */
    struct Observer observer;
    double time;
};

static void begin(struct Scene *scene) {
    struct Error error;
    *scene = (struct Scene){.time = 100};
    assert_int_equal(sharing__create(&scene->own, 2, 1, 2, &error), OK);
    assert_int_equal(sharing__open(&scene->other, (int)getpid(), scene->own.file, 2, 1, 2, &error),
                     OK);
    assert_int_equal(sharing__take_seat(&scene->own, 0, &error), OK);
    assert_int_equal(sharing__take_seat(&scene->other, 1, &error), OK);
    observer__create(&scene->observer, &scene->own);
    observer__look(&scene->observer, scene->time);
}

static void end(struct Scene *scene) {
    observer__release(&scene->observer);
    sharing__release(&scene->other);
    sharing__release(&scene->own);
}

static void look_after(struct Scene *scene, double seconds) {
    observer__look(&scene->observer, scene->time += seconds);
}

/* Looks ten times a second; the other's watchdog ticks if it lives. */
static void pass(struct Scene *scene, double seconds, bool ticks) {
    for (int i = 0; i < (int)(seconds * 10 + 0.5); i++) {
        if (ticks)
            atomic_fetch_add(&scene->other.seat[1].ticks, 1);
        look_after(scene, 0.1);
    }
}

static struct Sight sight(const struct Scene *scene) {
    struct Sight seen;
    observer__sight(&scene->observer, 1, &seen);
    return seen;
}

static void what_a_beat_tells_is_seen(void **state) {
    struct Scene scene;
    (void)state;
    begin(&scene);
    beat_step(&scene.other.seat[1].beat, 17, false);
    beat_wait(&scene.other.seat[1].beat);
    look_after(&scene, 0.1);
    struct Sight seen = sight(&scene);
    assert_int_equal(seen.state, SIGHT_RUNS);
    assert_int_equal(seen.phase, BEAT_STEP);
    assert_int_equal(seen.step, 17);
    assert_true(seen.waits);
    assert_int_equal(seen.turn, 1);
    assert_int_equal(seen.pid, getpid());
    beat_go_on(&scene.other.seat[1].beat);
    look_after(&scene, 0.1);
    assert_false(sight(&scene).waits);
    end(&scene);
}

static void a_rank_that_does_not_move_is_still_not_silent(void **state) {
    struct Scene scene;
    (void)state;
    begin(&scene);
    pass(&scene, 20, true);
    assert_float_equal(sight(&scene).still, 20, 0.05);
    assert_float_equal(sight(&scene).silent, 0, 0.01);
    beat_move(&scene.other.seat[1].beat);
    look_after(&scene, 0.1);
    assert_float_equal(sight(&scene).still, 0, 0.01);
    end(&scene);
}

static void a_stopped_process_is_silent(void **state) {
    struct Scene scene;
    (void)state;
    begin(&scene);
    pass(&scene, 20, false);
    assert_float_equal(sight(&scene).silent, 20, 0.05);
    end(&scene);
}

/* The whole job was suspended for an hour. */
static void time_in_which_the_observer_was_stopped_does_not_count(void **state) {
    struct Scene scene;
    (void)state;
    begin(&scene);
    look_after(&scene, 3600);
    assert_in_range((int)(10 * sight(&scene).silent), 0, 10);
    look_after(&scene, -5); /* no clock that is used goes back, and nothing is lost if it does */
    assert_in_range((int)(10 * sight(&scene).silent), 0, 10);
    end(&scene);
}

static void a_phase_remembers_the_longest_rest(void **state) {
    struct Scene scene;
    (void)state;
    begin(&scene);
    beat_enter(&scene.other.seat[1].beat, BEAT_SAVING);
    look_after(&scene, 0.1);
    pass(&scene, 30, true);
    beat_move(&scene.other.seat[1].beat);
    look_after(&scene, 0.1);
    assert_float_equal(scene.observer.longest[BEAT_SAVING], 30.1, 0.05);
    pass(&scene, 50, false); /* stopped: that is no measure of a phase */
    beat_move(&scene.other.seat[1].beat);
    look_after(&scene, 0.1);
    assert_float_equal(scene.observer.longest[BEAT_SAVING], 30.1, 0.05);
    end(&scene);
}

static void who_leaves_is_not_dead(void **state) {
    struct Scene scene;
    (void)state;
    begin(&scene);
    atomic_store(&scene.other.seat[1].state, SEAT_LEFT);
    sharing__release(&scene.other);
    pass(&scene, 1, false);
    assert_int_equal(sight(&scene).state, SIGHT_LEFT);
    end(&scene);
}

/* A process that takes a seat and is then killed. */
static pid_t start_process(struct Scene *scene) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    sharing__release(&scene->other);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        struct Error error;
        int file = scene->own.file;
        bool failed = sharing__open(&scene->other, (int)parent, file, 2, 1, 2, &error) ||
                      sharing__take_seat(&scene->other, 1, &error);
        (void)!write(ready[1], failed ? "n" : "y", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void a_killed_process_is_dead_and_a_stopped_one_is_not(void **state) {
    struct Scene scene;
    (void)state;
    begin(&scene);
    pid_t child = start_process(&scene);
    kill(child, SIGSTOP);
    waitpid(child, NULL, WUNTRACED);
    pass(&scene, 5, false);
    assert_int_equal(sight(&scene).state, SIGHT_RUNS);
    assert_int_equal(sight(&scene).process, 'T');
    kill(child, SIGKILL);
    while (observer__process_state((int)child) != 'Z') /* nobody has asked for its end yet */
        usleep(1000);
    pass(&scene, 0.1, false);
    assert_int_equal(sight(&scene).state, SIGHT_RUNS); /* it might be about to say something */
    pass(&scene, 0.3, false);
    assert_int_equal(sight(&scene).state, SIGHT_DIED);
    waitpid(child, NULL, 0);
    end(&scene);
}

static void the_next_rank_speaks_if_the_first_is_silent(void **state) {
    struct Scene scene;
    struct Observer second;
    (void)state;
    begin(&scene);
    assert_true(observer__leads(&scene.observer));
    observer__create(&second, &scene.other);
    observer__look(&second, 100);
    assert_false(observer__leads(&second));
    for (int i = 1; i <= 30; i++)
        observer__look(&second, 100 + 0.1 * i);
    assert_true(observer__leads(&second));
    observer__release(&second);
    end(&scene);
}

static void what_is_not_the_memory_is_not_opened(void **state) {
    struct Scene scene;
    struct Sharing third;
    struct Error error;
    (void)state;
    begin(&scene);
    assert_int_equal(sharing__open(&third, (int)getpid(), scene.own.file, 3, 1, 3, &error),
                     ERROR_SYSTEM);
    sharing__release(&third);
    assert_int_equal(sharing__open(&third, (int)getpid(), 9999, 2, 1, 2, &error), ERROR_SYSTEM);
    sharing__release(&third);
    end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_beat_tells_is_seen),
        cmocka_unit_test(a_rank_that_does_not_move_is_still_not_silent),
        cmocka_unit_test(a_stopped_process_is_silent),
        cmocka_unit_test(time_in_which_the_observer_was_stopped_does_not_count),
        cmocka_unit_test(a_phase_remembers_the_longest_rest),
        cmocka_unit_test(who_leaves_is_not_dead),
        cmocka_unit_test(a_killed_process_is_dead_and_a_stopped_one_is_not),
        cmocka_unit_test(the_next_rank_speaks_if_the_first_is_silent),
        cmocka_unit_test(what_is_not_the_memory_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
