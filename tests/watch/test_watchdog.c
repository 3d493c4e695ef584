/* Watchdogs with their threads, for three ranks that are threads of this process. Also built with
 * the thread sanitizer (tests/sanitize/threads.sh). */
#include "base/clock.h"
#include "base/memory.h"
#include "watch/watchdog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RANKS 3

/* What the watchdogs of a job did. */
struct Events {
    pthread_mutex_t lock;
    int said, remarked, ended[RANKS];
    char words[WORDS_LENGTH], remark[WORDS_LENGTH];
    bool launcher_lives;
};

struct Rank {
    struct Events *events;
    int number;
    struct Watch *watch;
};

static void say(void *context, bool ends, const char *words) {
    struct Events *events = ((struct Rank *)context)->events;
    pthread_mutex_lock(&events->lock);
    *(ends ? &events->said : &events->remarked) += 1;
    snprintf(ends ? events->words : events->remark, WORDS_LENGTH, "%s", words);
    pthread_mutex_unlock(&events->lock);
}

static void end(void *context, const int *stuck, int count) {
    struct Rank *rank = context;
    (void)stuck;
    (void)count;
    pthread_mutex_lock(&rank->events->lock);
    rank->events->ended[rank->number]++;
    pthread_mutex_unlock(&rank->events->lock);
}

static bool launcher_lives(void *context) {
    struct Events *events = ((struct Rank *)context)->events;
    pthread_mutex_lock(&events->lock);
    bool lives = events->launcher_lives;
    pthread_mutex_unlock(&events->lock);
    return lives;
}

static struct Job job_for(int rank) {
    struct Job job = {.rank = rank, .ranks = RANKS, .nodes = 1, .seats = RANKS};
    job.node = memory_array(int, RANKS, "test");
    job.seated = memory_array(int, RANKS, "test");
    job.host = memory_array(char *, RANKS, "test");
    for (int r = 0; r < RANKS; r++) {
        job.seated[r] = r;
        job.host[r] = memory_copy_text("here");
    }
    return job;
}

static void start(struct Events *events, struct Rank ranks[RANKS], double limit) {
    struct Sharing sharing[RANKS];
    struct Error error;
    *events = (struct Events){.lock = PTHREAD_MUTEX_INITIALIZER, .launcher_lives = true};
    assert_int_equal(sharing__create(&sharing[0], RANKS, 1, RANKS, &error), OK);
    for (int r = 1; r < RANKS; r++)
        assert_int_equal(
            sharing__open(&sharing[r], (int)getpid(), sharing[0].file, RANKS, 1, RANKS, &error),
            OK);
    for (int r = 0; r < RANKS; r++)
        assert_int_equal(sharing__take_seat(&sharing[r], r, &error), OK);
    for (int r = 0; r < RANKS; r++) {
        struct WatchActions actions = {
            .context = &ranks[r], .say = say, .end = end, .launcher_lives = launcher_lives};
        ranks[r] = (struct Rank){.events = events, .number = r};
        ranks[r].watch = watchdog__start(job_for(r), sharing[r], NULL, &actions, limit);
    }
}

static void stop(struct Rank ranks[RANKS]) {
    for (int r = 0; r < RANKS; r++)
        watch_stop(ranks[r].watch);
}

static struct Beat *beat_of(const struct Rank *rank) {
    return &rank->watch->sharing.seat[rank->number].beat;
}

/* All ranks make steps for so long; rank `hangs` stops in the middle of one, the others wait. */
static void work(struct Rank ranks[RANKS], double seconds, int hangs) {
    double begin = clock_seconds();
    for (int64_t step = 1; clock_seconds() - begin < seconds; step++) {
        for (int r = 0; r < RANKS; r++)
            beat_step(beat_of(&ranks[r]), step, false);
        usleep(2000);
        for (int r = 0; r < RANKS; r++)
            if (r != hangs)
                beat_wait(beat_of(&ranks[r]));
        if (hangs >= 0)
            return;
        for (int r = 0; r < RANKS; r++)
            beat_go_on(beat_of(&ranks[r]));
    }
}

/* Waits until all watchdogs have ended their processes. */
static bool all_end(struct Events *events, double seconds) {
    double begin = clock_seconds();
    bool all = false;
    while (!all && clock_seconds() - begin < seconds) {
        usleep(10000);
        pthread_mutex_lock(&events->lock);
        all = true;
        for (int r = 0; r < RANKS; r++)
            all &= events->ended[r] > 0;
        pthread_mutex_unlock(&events->lock);
    }
    return all;
}

static void ranks_that_work_are_left_alone(void **state) {
    struct Events events;
    struct Rank ranks[RANKS];
    (void)state;
    start(&events, ranks, 0.5);
    work(ranks, 1.5, -1);
    stop(ranks);
    assert_int_equal(events.said, 0);
    for (int r = 0; r < RANKS; r++)
        assert_int_equal(events.ended[r], 0);
}

static void a_rank_that_hangs_is_named_once_and_all_end(void **state) {
    struct Events events;
    struct Rank ranks[RANKS];
    (void)state;
    start(&events, ranks, 0.8);
    work(ranks, 1, 1);
    assert_true(all_end(&events, 20));
    stop(ranks);
    assert_int_equal(events.said, 1);
    assert_memory_equal(events.words, "rank 1 on here hangs: no progress for ", 38);
    assert_non_null(strstr(events.words, "in step 1 (computing)"));
}

static void without_a_limit_nobody_is_named(void **state) {
    struct Events events;
    struct Rank ranks[RANKS];
    (void)state;
    start(&events, ranks, 0.5);
    for (int r = 0; r < RANKS; r++)
        watch_set_limit(ranks[r].watch, 0);
    work(ranks, 1, 1);
    assert_false(all_end(&events, 1.5));
    stop(ranks);
    assert_int_equal(events.said, 0);
}

static void all_end_with_what_started_them(void **state) {
    struct Events events;
    struct Rank ranks[RANKS];
    (void)state;
    start(&events, ranks, 60);
    work(ranks, 0.2, -1);
    pthread_mutex_lock(&events.lock);
    events.launcher_lives = false;
    pthread_mutex_unlock(&events.lock);
    assert_true(all_end(&events, 20));
    stop(ranks);
    assert_int_equal(events.said, 1);
    assert_string_equal(events.words, "what started the ranks (mpirun, srun) is gone");
}

static void who_leaves_is_not_missed(void **state) {
    struct Events events;
    struct Rank ranks[RANKS];
    (void)state;
    start(&events, ranks, 0.5);
    watch_stop(ranks[0].watch);
    watch_leave(ranks[1].watch);
    watch_stop(ranks[1].watch);
    for (int i = 0; i < 100; i++) {
        beat_move(beat_of(&ranks[2]));
        usleep(10000);
    }
    watch_stop(ranks[2].watch);
    assert_int_equal(events.said, 0);
}

static void nothing_is_watched_without_a_watch(void **state) {
    (void)state;
    watch_set_limit(NULL, 1);
    watch_leave(NULL);
    watch_stop(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_that_work_are_left_alone),
        cmocka_unit_test(a_rank_that_hangs_is_named_once_and_all_end),
        cmocka_unit_test(without_a_limit_nobody_is_named),
        cmocka_unit_test(all_end_with_what_started_them),
        cmocka_unit_test(who_leaves_is_not_missed),
        cmocka_unit_test(nothing_is_watched_without_a_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
