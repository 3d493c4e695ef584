/* Ranks that share processors. */
#include <sched.h>

#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "comm/placement.h"

#include <cmocka.h>

static struct Ranks *ranks;

/* mpirun may have bound the ranks. */
static void bind_to_all(void) {
    cpu_set_t all;
    for (int i = 0; i < CPU_SETSIZE; i++)
        CPU_SET(i, &all);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void bind_to_first(void) {
    cpu_set_t allowed, one;
    int first = 0;
    bind_to_all();
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    while (!CPU_ISSET(first, &allowed))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
}

static void test_one_processor_for_all(void **state) {
    (void)state;
    struct Crowd crowd;
    int size = ranks_size(ranks);
    bind_to_first();
    bool crowded = ranks_crowd(ranks, 1, &crowd);
    bool right = crowded == (size > 1) && crowd.rank == 0 && crowd.ranks == size &&
                 crowd.threads == size && crowd.processors == 1 && crowd.node_threads == size &&
                 crowd.node_processors >= 1;
    assert_int_equal(world_total(ranks, !right), 0);
    crowded = ranks_crowd(ranks, 3, &crowd);
    right = crowded && crowd.threads == 3 * size && crowd.processors == 1;
    assert_int_equal(world_total(ranks, !right), 0);
}

/* Only the last rank is bound: the others have the processors of the node. */
static void test_one_is_bound(void **state) {
    (void)state;
    struct Crowd crowd;
    int last = ranks_size(ranks) - 1;
    bind_to_all();
    if (ranks_rank(ranks) == last)
        bind_to_first();
    bool crowded = ranks_crowd(ranks, 1000, &crowd);
    bool right = crowded && crowd.rank == last && crowd.ranks == 1 && crowd.threads == 1000 &&
                 crowd.node_threads == 1000 * ranks_size(ranks);
    if (crowd.node_processors > ranks_size(ranks)) /* else all of them are as crowded */
        assert_int_equal(world_total(ranks, !right), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_is_bound),
        cmocka_unit_test(test_one_processor_for_all),
    };
    ranks = world_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_stop(ranks);
    return failed;
}
