/* The ranks of a host before MPI has started: as threads of this process, and a process that is
 * stopped or killed. Also built with the thread sanitizer (tests/sanitize/threads.sh). */
#include "base/clock.h"
#include "watch/early.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What the watchdogs did. */
struct Events {
    pthread_mutex_t lock;
    int said, ended;
    char words[400];
};

static void say(void *context, bool ends, const char *words) {
    struct Events *events = context;
    (void)ends;
    pthread_mutex_lock(&events->lock);
    events->said++;
    snprintf(events->words, sizeof events->words, "%s", words);
    pthread_mutex_unlock(&events->lock);
}

static void end(void *context, const int *stuck, int count) {
    struct Events *events = context;
    (void)stuck;
    (void)count;
    pthread_mutex_lock(&events->lock);
    events->ended++;
    pthread_mutex_unlock(&events->lock);
}

static char job[40];

static struct EarlyWatch *start(struct Events *events, int local_rank, double seconds) {
    struct WatchActions actions = {.context = events, .say = say, .end = end};
    struct EarlyRank own = {
        .job = job, .host = "here", .rank = 10 + local_rank, .local_rank = local_rank};
    return early_watch_start(&own, &actions, seconds);
}

/* A process that is local rank `local_rank`, and no more. */
static pid_t start_process(int local_rank) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        static struct Events events = {.lock = PTHREAD_MUTEX_INITIALIZER};
        start(&events, local_rank, 60);
        (void)!write(ready[1], "y", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    usleep(500000); /* its signs of life arrive */
    return child;
}

static bool ends(struct Events *events, int how_many, double seconds) {
    double begin = clock_seconds();
    bool enough = false;
    while (!enough && clock_seconds() - begin < seconds) {
        usleep(10000);
        pthread_mutex_lock(&events->lock);
        enough = events->ended >= how_many;
        pthread_mutex_unlock(&events->lock);
    }
    return enough;
}

static void assert_begins(const char *text, const char *beginning) {
    assert_int_equal(strncmp(text, beginning, strlen(beginning)), 0);
}

static int name_job(void **state) {
    static int number;
    (void)state;
    snprintf(job, sizeof job, "test.%d.%d", (int)getpid(), number++);
    return 0;
}

static void a_process_that_dies_is_named_and_all_end(void **state) {
    struct Events events = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char expected[200];
    (void)state;
    pid_t child = start_process(2);
    struct EarlyWatch *first = start(&events, 0, 60), *second = start(&events, 1, 60);
    usleep(600000);
    assert_int_equal(events.said, 0);
    kill(child, SIGKILL);
    assert_true(ends(&events, 2, 20));
    early_watch_stop(first);
    early_watch_stop(second);
    waitpid(child, NULL, 0);
    snprintf(expected, sizeof expected, "rank 12 on here died before MPI had started, process %d",
             (int)child);
    assert_string_equal(events.words, expected);
    assert_int_equal(events.said, 1);
}

static void a_stopped_process_is_named(void **state) {
    struct Events events = {.lock = PTHREAD_MUTEX_INITIALIZER};
    (void)state;
    pid_t child = start_process(1);
    struct EarlyWatch *first = start(&events, 0, 1.5);
    usleep(600000);
    kill(child, SIGSTOP);
    assert_true(ends(&events, 1, 20));
    early_watch_stop(first);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_begins(events.words, "rank 11 on here hangs: stopped by a signal, no sign of life for ");
    assert_non_null(strstr(events.words, " s before MPI had started, process "));
}

static void the_second_speaks_if_the_first_dies(void **state) {
    struct Events events = {.lock = PTHREAD_MUTEX_INITIALIZER};
    (void)state;
    pid_t child = start_process(0);
    struct EarlyWatch *second = start(&events, 1, 60), *third = start(&events, 2, 60);
    usleep(600000);
    kill(child, SIGKILL);
    assert_true(ends(&events, 2, 20));
    early_watch_stop(second);
    early_watch_stop(third);
    waitpid(child, NULL, 0);
    assert_begins(events.words, "rank 10 on here died");
}

static bool find(void *context, int local_rank, int *rank, int *pid) {
    (void)context;
    *rank = 10 + local_rank;
    *pid = (int)getpid();
    return local_rank == 1;
}

static void a_rank_that_is_never_heard_of_is_named(void **state) {
    struct Events events = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct WatchActions actions = {.context = &events, .say = say, .end = end};
    struct EarlyRank own = {.job = job, .host = "here", .rank = 10, .local_ranks = 2, .find = find};
    (void)state;
    struct EarlyWatch *first = early_watch_start(&own, &actions, 1);
    assert_true(ends(&events, 1, 20));
    early_watch_stop(first);
    assert_begins(events.words, "rank 11 on here hangs: no sign of life for 1 s before MPI");
}

static void who_leaves_is_not_missed(void **state) {
    struct Events events = {.lock = PTHREAD_MUTEX_INITIALIZER};
    (void)state;
    struct EarlyWatch *ranks[3];
    for (int local = 0; local < 3; local++)
        ranks[local] = start(&events, local, 1);
    usleep(700000);
    early_watch_stop(ranks[2]);
    early_watch_stop(ranks[0]);
    usleep(1500000);
    early_watch_stop(ranks[1]);
    assert_int_equal(events.said + events.ended, 0);
}

static void a_name_that_is_taken_is_no_watch(void **state) {
    struct Events events = {.lock = PTHREAD_MUTEX_INITIALIZER};
    (void)state;
    struct EarlyWatch *first = start(&events, 0, 60);
    assert_non_null(first);
    assert_null(start(&events, 0, 60));
    early_watch_leave(NULL);
    early_watch_stop(NULL);
    early_watch_stop(first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_process_that_dies_is_named_and_all_end, name_job),
        cmocka_unit_test_setup(a_stopped_process_is_named, name_job),
        cmocka_unit_test_setup(the_second_speaks_if_the_first_dies, name_job),
        cmocka_unit_test_setup(a_rank_that_is_never_heard_of_is_named, name_job),
        cmocka_unit_test_setup(who_leaves_is_not_missed, name_job),
        cmocka_unit_test_setup(a_name_that_is_taken_is_no_watch, name_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
