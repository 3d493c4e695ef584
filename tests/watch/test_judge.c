/* Who is to blame, by what is seen of the ranks, and in which words it is said. */
#include "watch/sight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define RANKS 4
#define LIMIT 60

/* Four ranks on two hosts that wait for one another in step 128, and moved a second ago. */
static void at_work(struct Sight sights[RANKS]) {
    for (int rank = 0; rank < RANKS; rank++)
        sights[rank] = (struct Sight){.state = SIGHT_RUNS,
                                      .phase = BEAT_STEP,
                                      .waits = true,
                                      .node = rank / 2,
                                      .pid = 1000 + rank,
                                      .turn = 500,
                                      .step = 128,
                                      .still = 1,
                                      .silent = 0.1};
}

static void all_rest(struct Sight sights[RANKS], double seconds) {
    at_work(sights);
    for (int rank = 0; rank < RANKS; rank++)
        sights[rank].still = seconds;
}

static struct Judgement judged(const struct Sight *sights) {
    struct Limits limits = {.seconds = LIMIT};
    return judge__ranks(sights, RANKS, &limits);
}

static const char *words_for(const struct Sight *sights) {
    static char words[WORDS_LENGTH];
    static const char *const hosts[RANKS] = {"node1", "node1", "node2", "node2"};
    struct Judgement judgement = judged(sights);
    assert_int_not_equal(judgement.finding, FINDING_NONE);
    judgement__words(&judgement, sights, RANKS, hosts, words);
    return words;
}

#define ASSERT_BLAMES(sights, what, who)                                                           \
    do {                                                                                           \
        struct Judgement found = judged(sights);                                                   \
        assert_int_equal(found.finding, what);                                                     \
        assert_int_equal(found.count, 1);                                                          \
        assert_int_equal(found.ranks[0], who);                                                     \
    } while (0)

static void nobody_is_blamed_for_working(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    at_work(sights);
    assert_int_equal(judged(sights).finding, FINDING_NONE);
}

static void the_dead_are_named_at_once(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    at_work(sights);
    sights[3].state = SIGHT_DIED;
    sights[3].phase = BEAT_ENDING;
    assert_int_equal(judged(sights).finding, FINDING_NONE);
    sights[3].phase = BEAT_STEP;
    ASSERT_BLAMES(sights, FINDING_DIED, 3);
    assert_string_equal(words_for(sights),
                        "rank 3 on node2 died in step 128 (exchange), process 1003");
}

static void the_dead_are_named_without_a_limit(void **state) {
    struct Sight sights[RANKS];
    struct Limits none = {0};
    (void)state;
    all_rest(sights, 1e6);
    assert_int_equal(judge__ranks(sights, RANKS, &none).finding, FINDING_NONE);
    sights[0].state = SIGHT_DIED;
    assert_int_equal(judge__ranks(sights, RANKS, &none).finding, FINDING_DIED);
}

static void who_left_is_not_missed(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    at_work(sights);
    sights[2].state = SIGHT_LEFT;
    sights[2].still = sights[2].silent = sights[2].unheard = 1000;
    assert_int_equal(judged(sights).finding, FINDING_NONE);
}

static void a_stopped_rank_is_to_blame_not_those_that_wait(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 58);
    sights[1].silent = 58;
    sights[1].process = 'T';
    ASSERT_BLAMES(sights, FINDING_SILENT, 1);
    assert_string_equal(words_for(sights), "rank 1 on node1 hangs: stopped by a signal, no sign of "
                                           "life for 58 s in step 128 (exchange), process 1001");
}

/* Whether it was stopped while it computed or while it waited for the others. */
static void a_stopped_rank_is_judged_by_its_last_sign_of_life(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        all_rest(sights, 53);
        sights[0].turn = sights[1].turn = 499;
        sights[1].waits = waits;
        sights[1].process = 'T';
        sights[1].silent = 51;
        assert_int_equal(judged(sights).finding, FINDING_NONE);
        sights[1].silent = 53;
        ASSERT_BLAMES(sights, FINDING_SILENT, 1);
    }
}

static void who_fell_silent_a_moment_later_is_named_too(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 53);
    sights[1].process = sights[2].process = 'T';
    sights[1].silent = 52.1;
    sights[2].silent = 51.7;
    assert_int_equal(judged(sights).count, 2);
    sights[2].silent = 40;
    assert_int_equal(judged(sights).count, 1);
}

static void a_rank_that_computes_for_ever_is_to_blame(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 57);
    sights[2].waits = false;
    sights[2].process = 'D';
    ASSERT_BLAMES(sights, FINDING_HANGS, 2);
    assert_string_equal(words_for(sights),
                        "rank 2 on node2 hangs: no progress for 57 s in step 128 (computing), "
                        "process 1002, blocked in the kernel (a disk or a network file system)");
}

static void several_are_named(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 57);
    sights[1].waits = sights[2].waits = false;
    assert_int_equal(judged(sights).count, 2);
    assert_non_null(strstr(words_for(sights), "; the same holds for rank 2 on node2"));
}

/* The job has ended within the limit: the judgement comes a little before. */
static void judgement_comes_before_the_limit(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 51.9);
    sights[2].waits = false;
    assert_int_equal(judged(sights).finding, FINDING_NONE);
    sights[2].still = 52.1;
    assert_int_equal(judged(sights).finding, FINDING_HANGS);
}

static void saving_may_take_ten_times_as_long(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 500);
    for (int rank = 0; rank < RANKS; rank++)
        sights[rank].phase = BEAT_SAVING;
    sights[0].waits = false;
    assert_int_equal(judged(sights).finding, FINDING_NONE);
    sights[0].still = 600;
    ASSERT_BLAMES(sights, FINDING_HANGS, 0);
    assert_non_null(strstr(words_for(sights), "after step 128 (saving), process 1000"));
}

/* But not for a process that is stopped. */
static void a_stopped_rank_is_noticed_in_every_phase(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    for (int phase = 0; phase < BEAT_PHASES; phase++) {
        all_rest(sights, 56);
        sights[3].phase = (enum BeatPhase)phase;
        sights[3].silent = 56;
        ASSERT_BLAMES(sights, FINDING_SILENT, 3);
    }
}

static void what_took_long_before_may_take_three_times_as_long(void **state) {
    struct Sight sights[RANKS];
    struct Limits limits = {.seconds = LIMIT, .longest = {[BEAT_STEP] = 50}};
    (void)state;
    all_rest(sights, 140);
    sights[0].waits = false;
    assert_int_equal(judge__ranks(sights, RANKS, &limits).finding, FINDING_NONE);
    sights[0].still = 151;
    assert_int_equal(judge__ranks(sights, RANKS, &limits).finding, FINDING_HANGS);
}

static void if_all_wait_who_is_behind_is_named(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 56);
    sights[2].turn--;
    ASSERT_BLAMES(sights, FINDING_BEHIND, 2);
    assert_non_null(strstr(words_for(sights), "rank 2 on node2 hangs: behind all others for 56 s"));
}

static void if_all_wait_for_the_same_messages_are_lost(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 56);
    assert_int_equal(judged(sights).finding, FINDING_DEADLOCK);
    assert_non_null(strstr(words_for(sights), "all ranks wait for one another for 56 s in step 128 "
                                              "(exchange): messages between them are lost"));
}

static void a_host_that_is_not_heard_of_is_named(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 56);
    sights[2].unheard = sights[3].unheard = 56;
    struct Judgement found = judged(sights);
    assert_int_equal(found.finding, FINDING_UNREACHABLE);
    assert_int_equal(found.ranks[0], 2);
    assert_string_equal(words_for(sights), "host node2 (rank 2 and others) cannot be reached: "
                                           "nothing heard of it for 56 s, last in step 128 "
                                           "(exchange)");
}

static void a_host_that_hears_of_no_other_is_cut_off(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 56);
    sights[3].node = 2;
    sights[2].unheard = sights[3].unheard = 56;
    struct Judgement found = judged(sights);
    assert_int_equal(found.finding, FINDING_CUT_OFF);
    assert_int_equal(found.ranks[0], 0);
    assert_int_equal(found.count, 2);
    assert_string_equal(words_for(sights), "host node1 (rank 0 and others) is cut off: nothing "
                                           "heard of any other host for 56 s, in step 128 "
                                           "(exchange)");
    sights[3].unheard = 1;
    assert_int_equal(judged(sights).finding, FINDING_UNREACHABLE);
}

static void of_a_host_with_one_rank_the_rank_is_named(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 56);
    for (int rank = 0; rank < RANKS; rank++)
        sights[rank].node = rank;
    sights[3].unheard = 56;
    ASSERT_BLAMES(sights, FINDING_UNREACHABLE, 3);
    assert_string_equal(words_for(sights), "rank 3 on node2 hangs, or its host cannot be reached: "
                                           "nothing heard of it for 56 s, last in step 128 "
                                           "(exchange)");
}

/* The network loses the watchdog's messages, but not MPI's. */
static void a_run_that_goes_on_needs_no_messages(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    at_work(sights);
    sights[2].unheard = sights[3].unheard = 500;
    assert_int_equal(judged(sights).finding, FINDING_NONE);
}

/* Nothing can be heard of the other host, and those of this one wait for it. */
static void a_node_on_its_own_waits_longer(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 60);
    sights[2].state = sights[3].state = SIGHT_FAR;
    assert_int_equal(judged(sights).finding, FINDING_NONE);
    all_rest(sights, 66);
    sights[2].state = sights[3].state = SIGHT_FAR;
    assert_int_equal(judged(sights).finding, FINDING_DEADLOCK);
}

static void places_have_words(void **state) {
    struct Sight sights[RANKS];
    (void)state;
    all_rest(sights, 1000);
    sights[0].waits = false;
    sights[0].step = 0;
    sights[0].phase = BEAT_PREPARING;
    assert_non_null(strstr(words_for(sights),
                           "before the first step (opening the data and compiling the model)"));
    sights[0].phase = BEAT_EVALUATING;
    assert_non_null(strstr(words_for(sights), "no progress for 1000 s in the evaluation, process"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_blamed_for_working),
        cmocka_unit_test(the_dead_are_named_at_once),
        cmocka_unit_test(the_dead_are_named_without_a_limit),
        cmocka_unit_test(who_left_is_not_missed),
        cmocka_unit_test(a_stopped_rank_is_to_blame_not_those_that_wait),
        cmocka_unit_test(a_stopped_rank_is_judged_by_its_last_sign_of_life),
        cmocka_unit_test(who_fell_silent_a_moment_later_is_named_too),
        cmocka_unit_test(a_rank_that_computes_for_ever_is_to_blame),
        cmocka_unit_test(several_are_named),
        cmocka_unit_test(judgement_comes_before_the_limit),
        cmocka_unit_test(saving_may_take_ten_times_as_long),
        cmocka_unit_test(a_stopped_rank_is_noticed_in_every_phase),
        cmocka_unit_test(what_took_long_before_may_take_three_times_as_long),
        cmocka_unit_test(if_all_wait_who_is_behind_is_named),
        cmocka_unit_test(if_all_wait_for_the_same_messages_are_lost),
        cmocka_unit_test(a_host_that_is_not_heard_of_is_named),
        cmocka_unit_test(a_host_that_hears_of_no_other_is_cut_off),
        cmocka_unit_test(of_a_host_with_one_rank_the_rank_is_named),
        cmocka_unit_test(a_run_that_goes_on_needs_no_messages),
        cmocka_unit_test(a_node_on_its_own_waits_longer),
        cmocka_unit_test(places_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
