/* A worker does its work once each time that it is asked to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/worker.h"

#include <cmocka.h>

struct Count {
    long nanoseconds; /* that the work takes */
    int begun, done;
};

static void count(void *context) {
    struct Count *of = context;
    of->begun++;
    nanosleep(&(struct timespec){.tv_nsec = of->nanoseconds}, NULL);
    of->done++;
}

static void the_work_is_done_once_each_time(void **state) {
    (void)state;
    struct Count of = {0};
    struct Worker *worker = worker_create(count, &of);
    assert_non_null(worker);
    worker_wait(worker); /* nothing was begun */
    for (int i = 1; i <= 1000; i++) {
        worker_begin(worker);
        worker_wait(worker);
        worker_wait(worker);
        assert_int_equal(of.done, i);
    }
    worker_release(worker);
    assert_int_equal(of.begun, 1000);
}

static void begin_and_release_wait_for_the_work_before(void **state) {
    (void)state;
    struct Count of = {.nanoseconds = 5000000};
    struct Worker *worker = worker_create(count, &of);
    for (int i = 0; i < 4; i++) {
        worker_begin(worker);
        assert_true(of.done >= i);
    }
    worker_release(worker);
    assert_int_equal(of.done, 4);
    assert_int_equal(of.begun, 4);
}

static void a_worker_without_work(void **state) {
    (void)state;
    struct Count of = {0};
    worker_release(worker_create(count, &of));
    worker_release(NULL);
    assert_int_equal(of.begun, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_work_is_done_once_each_time),
        cmocka_unit_test(begin_and_release_wait_for_the_work_before),
        cmocka_unit_test(a_worker_without_work),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
