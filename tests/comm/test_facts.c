/* Ranks that do not know the same. */
#include <string.h>

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h" /* before cmocka.h, which makes a macro of fail */
#include "base/text.h"
#include "comm/facts.h"
#include "comm/roll_call.h"

#include <cmocka.h>

static struct Ranks *ranks;

/* What the line has to say; `%s` stands for the host. */
static bool says(const struct Error *error, const char *format) {
    char expected[300];
    const char *host = ranks_host(ranks, 0);
    snprintf(expected, sizeof expected, format, host, host);
    return !strcmp(error->text, expected);
}

static void test_the_same(void **state) {
    (void)state;
    struct Text facts = {0};
    struct Error error = {0};
    facts_add(&facts, ERROR_DATA, "the size", "%d", 7);
    int code = ranks_same(ranks, &facts, &error);
    text_release(&facts);
    assert_int_equal(world_total(ranks, code != OK || *error.text), 0);
}

static void test_one_differs(void **state) {
    (void)state;
    struct Text facts = {0};
    struct Error error = {0};
    int last = ranks_size(ranks) - 1;
    if (last == 0)
        return;
    facts_add(&facts, ERROR_RUN_FILE, "the rate", "%s", "0.1");
    facts_add(&facts, ERROR_DATA, "the size", "%d", ranks_rank(ranks) == last ? 8 : 7);
    facts_add(&facts, ERROR_SYSTEM, "the host", "%d", ranks_rank(ranks) == last);
    int code = ranks_same(ranks, &facts, &error);
    text_release(&facts);
    char line[200];
    snprintf(
        line, sizeof line,
        "rank %d on %%s differs from rank 0 on %%s in the size: 8 instead of 7; all ranks need "
        "the same",
        last);
    bool right = code == ERROR_DATA && error.code == code && says(&error, line);
    assert_int_equal(world_total(ranks, !right), 0);
}

static void test_rank_0_is_alone(void **state) {
    (void)state;
    struct Text facts = {0};
    struct Error error = {0};
    if (ranks_size(ranks) < 3)
        return;
    facts_add(&facts, ERROR_DATA, "the size", "%d", ranks_rank(ranks) == 0);
    int code = ranks_same(ranks, &facts, &error);
    text_release(&facts);
    bool right =
        code == ERROR_DATA && says(&error, "rank 0 on %s differs from rank 1 on %s in the size: "
                                           "1 instead of 0; all ranks need the same");
    assert_int_equal(world_total(ranks, !right), 0);
}

/* Only the words that differ are told; a flag stands with its argument. */
static void tell_words(const char *line, const char *other, const char *told) {
    struct Text facts = {0};
    struct Error error = {0};
    char copy[200], *words[20], expected[300];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", ranks_rank(ranks) == 1 ? other : line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    facts_add_words(&facts, ERROR_USAGE, "the words", count, words);
    int code = ranks_same(ranks, &facts, &error);
    text_release(&facts);
    snprintf(expected, sizeof expected,
             "rank 1 on %%s differs from rank 0 on %%s in the words: %s; all ranks need the same",
             told);
    bool right = code == ERROR_USAGE && says(&error, expected);
    assert_int_equal(world_total(ranks, !right), 0);
}

static void test_words(void **state) {
    (void)state;
    if (ranks_size(ranks) < 2)
        return;
    tell_words("train a --stop 3 -q", "train a --stop 5 -q", "--stop 5 instead of --stop 3");
    tell_words("train a", "train a --resume", "--resume instead of nothing");
    tell_words("train a --resume", "train a", "nothing instead of --resume");
    tell_words("train a -q", "eval b -q", "eval b instead of train a");
    tell_words("a", "", "nothing instead of a");
    tell_words("a b", "b a b", "b instead of nothing");
}

/* A fact that one rank alone has. */
static void test_a_missing_fact(void **state) {
    (void)state;
    if (ranks_size(ranks) < 2)
        return;
    for (int having = 0; having < 2; having++) {
        struct Text facts = {0};
        struct Error error = {0};
        facts_add(&facts, ERROR_RUN_FILE, "the rate", "0.1");
        if ((ranks_rank(ranks) == 1) == having)
            facts_add(&facts, ERROR_SYSTEM, "the library", "blas");
        int code = ranks_same(ranks, &facts, &error);
        text_release(&facts);
        bool right =
            code == ERROR_SYSTEM &&
            says(&error, having ? "rank 1 on %s differs from rank 0 on %s in the library: blas "
                                  "instead of nothing; all ranks need the same"
                                : "rank 1 on %s differs from rank 0 on %s in the library: nothing "
                                  "instead of blas; all ranks need the same");
        assert_int_equal(world_total(ranks, !right), 0);
    }
}

/* The same by messages that need nothing from the others but MPI. */
static void test_roll_call(void **state) {
    (void)state;
    if (ranks_size(ranks) < 2)
        return;
    for (int differs = 0; differs < 2; differs++) {
        struct Text facts = {0};
        struct Error error = {0};
        bool answered;
        facts_add(&facts, ERROR_DATA, "the size", "%d", differs && ranks_rank(ranks) == 1);
        int code = roll_call(MPI_COMM_WORLD, &facts, 20, &answered, &error);
        text_release(&facts);
        bool right = answered && code == (differs ? ERROR_DATA : OK);
        if (differs)
            right &= says(&error, "rank 1 on %s differs from rank 0 on %s in the size: 1 instead "
                                  "of 0; all ranks need the same");
        assert_int_equal(world_total(ranks, !right), 0);
    }
}

/* A rank that never speaks is named. */
static void test_silence(void **state) {
    (void)state;
    struct Text facts = {0};
    struct Error error = {0};
    bool answered = true;
    if (ranks_size(ranks) < 2)
        return;
    int code = ERROR_SYSTEM;
    MPI_Comm own;
    MPI_Comm_dup(ranks_communicator(ranks), &own);
    facts_add(&facts, ERROR_DATA, "the size", "1");
    if (ranks_rank(ranks) == 0)
        code = roll_call(own, &facts, 0.2, &answered, &error);
    text_release(&facts);
    bool right = code == ERROR_SYSTEM &&
                 (ranks_rank(ranks) != 0 ||
                  (!answered && !strncmp(error.text, "rank 1 has started MPI, but has said", 36)));
    assert_int_equal(world_total(ranks, !right), 0);
    MPI_Comm_free(&own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same),        cmocka_unit_test(test_one_differs),
        cmocka_unit_test(test_rank_0_is_alone), cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_missing_fact),  cmocka_unit_test(test_roll_call),
        cmocka_unit_test(test_silence),
    };
    ranks = world_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_stop(ranks);
    return failed;
}
