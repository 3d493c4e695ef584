#include <string.h>
#include <unistd.h>

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h" /* before cmocka.h, which makes a macro of fail */

static int report(struct Error *error, int code, const char *text) {
    return fail(error, code, "%s", text);
}

#include <cmocka.h>

static struct Ranks *ranks;

static void test_places(void **state) {
    (void)state;
    int size = ranks_size(ranks), rank = ranks_rank(ranks);
    assert_in_range(rank, 0, size - 1);
    int64_t sum = world_total(ranks, rank);
    assert_int_equal(sum, (int64_t)size * (size - 1) / 2);
}

/* mpirun started all of them here, unless tests/hosts says otherwise. */
static void test_hosts(void **state) {
    (void)state;
    const char *expected = getenv("TRAINER_TEST_HOSTS");
    int64_t size = ranks_size(ranks), hosts = expected ? atoi(expected) : 1, wrong = 0;
    char own[256] = "";
    gethostname(own, sizeof own - 1);
    wrong += ranks_nodes(ranks) != hosts;
    wrong += strcmp(ranks_host(ranks, ranks_rank(ranks)), own) != 0;
    for (int rank = 0; rank < size; rank++) /* as many ranks on each, one host after the other */
        wrong += (strcmp(ranks_host(ranks, rank), own) == 0) !=
                 (rank * hosts / size == ranks_rank(ranks) * hosts / size);
    assert_int_equal(world_total(ranks, wrong), 0);
}

static void test_broadcast(void **state) {
    (void)state;
    int64_t sizes[] = {0, 1, 1000, 3000001};
    for (int i = 0; i < 4; i++) {
        unsigned char *data = malloc((size_t)sizes[i] + 1);
        int64_t wrong = 0;
        for (int64_t j = 0; j <= sizes[i]; j++)
            data[j] = ranks_rank(ranks) == 0 ? (unsigned char)(j * 7 + i) : 0xEE;
        if (ranks_rank(ranks))
            data[sizes[i]] = 0xEE;
        ranks_broadcast(ranks, data, sizes[i]);
        for (int64_t j = 0; j < sizes[i]; j++)
            wrong += data[j] != (unsigned char)(j * 7 + i);
        if (ranks_rank(ranks))
            wrong += data[sizes[i]] != 0xEE; /* nothing is written after the end */
        assert_int_equal(world_total(ranks, wrong), 0);
        free(data);
    }
}

static void test_extremes(void **state) {
    (void)state;
    int64_t rank = ranks_rank(ranks), last = ranks_size(ranks) - 1;
    int64_t low[] = {rank, -rank, INT64_MAX - rank}, high[] = {rank, -rank, INT64_MIN + rank};
    ranks_minimum(ranks, low, 3);
    ranks_maximum(ranks, high, 3);
    bool right = low[0] == 0 && low[1] == -last && low[2] == INT64_MAX - last && high[0] == last &&
                 high[1] == 0 && high[2] == INT64_MIN + last;
    assert_int_equal(world_total(ranks, !right), 0);
}

static void test_gather(void **state) {
    (void)state;
    int size = ranks_size(ranks);
    int mine[3], *all = calloc((size_t)size * 3 + 1, sizeof *all);
    int64_t wrong = 0;
    for (int i = 0; i < 3; i++)
        mine[i] = 100 * ranks_rank(ranks) + i;
    ranks_gather(ranks, mine, sizeof mine, ranks_rank(ranks) == 0 ? all : NULL);
    for (int i = 0; i < 3 * size && ranks_rank(ranks) == 0; i++)
        wrong += all[i] != 100 * (i / 3) + i % 3;
    memset(all, 0, ((size_t)size * 3 + 1) * sizeof *all);
    ranks_gather_all(ranks, mine, sizeof mine, all);
    for (int i = 0; i < 3 * size; i++)
        wrong += all[i] != 100 * (i / 3) + i % 3;
    wrong += all[3 * size] != 0;
    ranks_gather_all(ranks, mine, 0, all);
    free(all);
    assert_int_equal(world_total(ranks, wrong), 0);
}

static void test_agree_on_success(void **state) {
    (void)state;
    struct Error error = {0};
    int code = ranks_agree(ranks, OK, &error);
    assert_int_equal(world_total(ranks, code != OK), 0);
    assert_string_equal(error.text, "");
}

/* Ranks from `first` on fail, each with a line of its own. */
static void agree_from(int first, const char *expected) {
    struct Error error = {0};
    char line[40];
    int code = OK;
    if (ranks_rank(ranks) >= first) {
        snprintf(line, sizeof line, "file of rank %d", ranks_rank(ranks));
        code = report(&error, ERROR_DATA, line);
    }
    code = ranks_agree(ranks, code, &error);
    bool right = code == ERROR_DATA && error.code == ERROR_DATA && !strcmp(error.text, expected);
    assert_int_equal(world_total(ranks, !right), 0);
}

static void test_agree_on_failure(void **state) {
    (void)state;
    agree_from(0, "file of rank 0"); /* all: whose line it is does not matter */
    if (ranks_size(ranks) > 1) {
        char line[120];
        snprintf(line, sizeof line, "rank 1 on %s: file of rank 1", ranks_host(ranks, 1));
        agree_from(1, line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),           cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_broadcast),        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_gather),           cmocka_unit_test(test_agree_on_success),
        cmocka_unit_test(test_agree_on_failure),
    };
    ranks = world_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_stop(ranks);
    return failed;
}
