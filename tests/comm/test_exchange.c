/* The exchange against the definition of its tree, bit for bit: all numbers of shards that the
 * number of ranks divides, every algorithm that promises the bits. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "comm/exchange.h"
#include "comm/ranks_link.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MOST_SHARDS 24

static struct Ranks *ranks;

/* Numbers of both signs from 2^-10 to 2^10: the order of their additions shows. */
static float value(int64_t step, int64_t shard, int64_t element) {
    uint64_t x = (uint64_t)(step * 1000003 + shard) * 0x9E3779B97F4A7C15u + (uint64_t)element;
    x = (x ^ x >> 31) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    x ^= x >> 31;
    uint32_t bits = (uint32_t)(x & 0x807FFFFF) | (uint32_t)(127 - 10 + (x >> 32) % 21) << 23;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Node (index, level) of the tree over `shards` leaves, straight from its definition. */
static float node(int64_t step, int64_t shards, int64_t index, int level, int64_t element) {
    if (level == 0)
        return value(step, index, element);
    float left = node(step, shards, 2 * index, level - 1, element);
    if ((2 * index + 1) << (level - 1) >= shards)
        return left;
    return left + node(step, shards, 2 * index + 1, level - 1, element);
}

static void reference(int64_t step, int64_t shards, int64_t elements, float *sum) {
    int level = 0;
    while ((int64_t)1 << level < shards)
        level++;
    for (int64_t i = 0; i < elements; i++)
        sum[i] = node(step, shards, 0, level, i);
}

static struct Exchange *create(int64_t shards, int64_t elements, enum ExchangeAlgorithm algorithm) {
    struct Error error = {0};
    struct Exchange *exchange = NULL;
    int code = exchange_create(&exchange, ranks, shards, elements, algorithm,
                               variant_best(VARIANT_F32_V4), &error);
    if (code)
        fail_msg("%s", error.text);
    return exchange;
}

static const float *run_step(struct Exchange *exchange, int64_t step, int64_t elements) {
    for (int64_t i = 0; i < exchange_shard_count(exchange); i++) {
        float *buffer = exchange_shard_buffer(exchange);
        for (int64_t j = 0; j < elements; j++)
            buffer[j] = value(step, exchange_first_shard(exchange) + i, j);
        exchange_shard_done(exchange);
    }
    return exchange_finish(exchange);
}

/* The same, as backward does it: what is complete is told in between. `each`: elements at a time;
 * rank 1 never tells. */
static const float *run_step_early(struct Exchange *exchange, int64_t step, int64_t elements,
                                   int64_t early, int64_t each) {
    for (int64_t i = 0; i < exchange_shard_count(exchange); i++) {
        float *buffer = exchange_shard_buffer(exchange);
        int64_t shard = exchange_first_shard(exchange) + i;
        for (int64_t j = early; j < elements; j++)
            buffer[j] = value(step, shard, j);
        for (int64_t end = early; end > 0; end -= each) {
            int64_t first = end > each ? end - each : 0;
            for (int64_t j = first; j < end; j++)
                buffer[j] = value(step, shard, j);
            if (ranks_rank(ranks) != 1)
                exchange_ready(exchange, first);
        }
        exchange_shard_done(exchange);
    }
    return exchange_finish(exchange);
}

/* The same with shards in pairs, whose first `early` elements are added here; in the second buffer
 * they are NaN. */
static const float *run_step_in_pairs(struct Exchange *exchange, int64_t step, int64_t elements,
                                      int64_t early, int64_t each) {
    for (int64_t i = 0; i < exchange_shard_count(exchange); i += 2) {
        float *first = exchange_shard_buffer(exchange), *second = exchange_second_buffer(exchange);
        int64_t shard = exchange_first_shard(exchange) + i;
        for (int64_t j = 0; j < elements; j++) {
            first[j] = value(step, shard, j) + (j < early ? value(step, shard + 1, j) : 0);
            second[j] = j < early ? NAN : value(step, shard + 1, j);
        }
        for (int64_t end = early; end > 0 && ranks_rank(ranks) != 1; end -= each)
            exchange_ready(exchange, end > each ? end - each : 0);
        exchange_shard_done(exchange);
    }
    return exchange_finish(exchange);
}

static bool power_of_two(int64_t number) {
    return (number & (number - 1)) == 0;
}

static bool can_halve(int64_t shards) {
    return power_of_two(ranks_size(ranks)) && power_of_two(shards / ranks_size(ranks));
}

/* Whether these ranks can run the algorithm: a window needs one host. */
static bool can_use(int algorithm, int64_t shards) {
    return algorithm == EXCHANGE_HALVING  ? can_halve(shards)
           : algorithm == EXCHANGE_WINDOW ? ranks_nodes(ranks) == 1
                                          : true;
}

static void check_bits(int64_t shards, int64_t elements) {
    size_t bytes = (size_t)elements * sizeof(float);
    float *expected = memory_allocate(bytes, "expected sum");
    int64_t wrong = 0;
    reference(5, shards, elements, expected);
    for (int algorithm = EXCHANGE_AUTO; algorithm <= EXCHANGE_DIRECT; algorithm++) {
        if (!can_use(algorithm, shards))
            continue;
        struct Exchange *exchange = create(shards, elements, (enum ExchangeAlgorithm)algorithm);
        const float *sum = run_step(exchange, 5, elements);
        wrong += memcmp(sum, expected, bytes) != 0;
        wrong += (uintptr_t)sum % MEMORY_ALIGNMENT != 0;
        wrong += (uintptr_t)exchange_shard_buffer(exchange) % MEMORY_ALIGNMENT != 0;
        exchange_release(exchange);
    }
    memory_release(expected);
    assert_int_equal(world_total(ranks, wrong), 0);
}

static void test_bits_of_all_trees(void **state) {
    (void)state;
    for (int64_t shards = ranks_size(ranks); shards <= MOST_SHARDS; shards += ranks_size(ranks)) {
        check_bits(shards, 1);
        check_bits(shards, 17);
        check_bits(shards, 3001); /* more than a block, not a multiple of anything */
    }
}

static void test_bits_of_long_arenas(void **state) {
    (void)state;
    check_bits(ranks_size(ranks), 1000003);
    check_bits(12, 1000003);
}

/* The tree matters: with these numbers another order gives other bits. */
static void test_order_shows(void **state) {
    (void)state;
    int different = 0;
    for (int64_t i = 0; i < 1000; i++) {
        float tree, line = 0;
        for (int64_t shard = 0; shard < 4; shard++)
            line += value(5, shard, i);
        tree = node(5, 4, 0, 2, i);
        different += tree != line;
    }
    assert_in_range(different, 50, 1000);
}

static void test_mpi_is_near(void **state) {
    (void)state;
    enum { ELEMENTS = 5000 };
    int64_t wrong = 0, shards = 6 * ranks_size(ranks);
    struct Exchange *exchange = create(shards, ELEMENTS, EXCHANGE_MPI);
    const float *sum = run_step(exchange, 1, ELEMENTS);
    for (int64_t i = 0; i < ELEMENTS; i++) {
        double exact = 0, size = 0;
        for (int64_t shard = 0; shard < shards; shard++) {
            exact += (double)value(1, shard, i);
            size += fabs((double)value(1, shard, i));
        }
        wrong += !(fabs((double)sum[i] - exact) <= 1e-5 * size);
    }
    exchange_release(exchange);
    assert_int_equal(world_total(ranks, wrong), 0);
}

/* Ranks out of step with one another: nobody may see a sum before it is complete, nor lose one. */
static void test_many_steps(void **state) {
    (void)state;
    enum { ELEMENTS = 3001, STEPS = 150 };
    static float expected[ELEMENTS];
    int64_t wrong = 0, shards = 2 * ranks_size(ranks);
    for (int algorithm = EXCHANGE_WINDOW; algorithm <= EXCHANGE_DIRECT; algorithm++) {
        if (!can_use(algorithm, shards))
            continue;
        struct Exchange *exchange = create(shards, ELEMENTS, (enum ExchangeAlgorithm)algorithm);
        for (int64_t step = 0; step < STEPS; step++) {
            if ((step + ranks_rank(ranks)) % 7 == 0)
                usleep(300);
            const float *sum = run_step(exchange, step, ELEMENTS);
            if ((step + ranks_rank(ranks)) % 5 == 0)
                usleep(300);
            reference(step, shards, ELEMENTS, expected);
            wrong += memcmp(sum, expected, sizeof expected) != 0;
        }
        exchange_release(exchange);
    }
    assert_int_equal(world_total(ranks, wrong), 0);
}

/* Whether `nodes` nodes with equal numbers of ranks could hold these ranks. */
static bool can_be_on(int nodes) {
    return ranks_size(ranks) % nodes == 0;
}

/* As if the ranks were on so many nodes: neighbours on one, or in turn. */
static void pretend_nodes(int nodes, bool in_turn) {
    ranks->nodes = nodes;
    for (int rank = 0; rank < ranks_size(ranks); rank++)
        ranks->node[rank] = in_turn ? rank % nodes : rank / (ranks_size(ranks) / nodes);
}

static void check_levels(int64_t shards, int64_t elements, int64_t early, int64_t each) {
    size_t bytes = (size_t)elements * sizeof(float);
    float *expected = memory_allocate(bytes, "expected sum");
    int64_t wrong = 0;
    struct Exchange *exchange = create(shards, elements, EXCHANGE_LEVELS);
    exchange_expect_early(exchange, early);
    for (int64_t step = 0; step < 3; step++) {
        exchange_own_notes(exchange)[0] = (float)step;
        const float *sum = step == 1 ? run_step(exchange, step, elements)
                                     : run_step_early(exchange, step, elements, early, each);
        reference(step, shards, elements, expected);
        wrong += memcmp(sum, expected, bytes) != 0;
        wrong += (uintptr_t)sum % MEMORY_ALIGNMENT != 0;
        wrong += (uintptr_t)exchange_shard_buffer(exchange) % MEMORY_ALIGNMENT != 0;
        wrong += exchange_notes(exchange)[0] != (float)(step * ranks_size(ranks));
    }
    exchange_release(exchange);
    memory_release(expected);
    assert_int_equal(world_total(ranks, wrong), 0);
}

static void test_levels(void **state) {
    (void)state;
    int size = ranks_size(ranks), before = ranks_nodes(ranks);
    if (size == 1)
        return;
    for (int nodes = 1; nodes <= size; nodes++)
        for (int in_turn = 0; can_be_on(nodes) && in_turn < 2; in_turn++) {
            pretend_nodes(nodes, in_turn);
            for (int64_t shards = size; shards <= 4 * size; shards += size)
                check_levels(shards, 3001, 2500, 777);
            check_levels(2 * size, 300007, 290001, 20011); /* several buckets */
            check_levels(size, 17, 17, 5);
        }
    pretend_nodes(before, false);
}

static void check_pairs(enum ExchangeAlgorithm algorithm, int64_t shards, int64_t elements,
                        int64_t early) {
    float *expected = memory_array(float, elements, "expected sum");
    int64_t wrong = 0;
    struct Exchange *exchange = create(shards, elements, algorithm);
    exchange_expect_pairs(exchange, early);
    exchange_expect_early(exchange, early);
    for (int64_t step = 0; step < 3; step++) {
        exchange_own_notes(exchange)[0] = (float)step;
        const float *sum = run_step_in_pairs(exchange, step, elements, early, early / 9);
        reference(step, shards, elements, expected);
        wrong += memcmp(sum, expected, (size_t)elements * sizeof(float)) != 0;
        wrong += exchange_notes(exchange)[0] != (float)(step * ranks_size(ranks));
    }
    exchange_release(exchange);
    memory_release(expected);
    assert_int_equal(world_total(ranks, wrong), 0);
}

static void test_pairs(void **state) {
    (void)state;
    for (int64_t shards = 2 * ranks_size(ranks); shards <= 6 * ranks_size(ranks);
         shards += 2 * ranks_size(ranks))
        for (int algorithm = EXCHANGE_AUTO; algorithm <= EXCHANGE_LEVELS; algorithm++)
            if (algorithm != EXCHANGE_MPI && can_use(algorithm, shards))
                check_pairs((enum ExchangeAlgorithm)algorithm, shards, 3001, 2500);
    int before = ranks_nodes(ranks);
    if (can_be_on(2)) {
        pretend_nodes(2, false);
        check_pairs(EXCHANGE_LEVELS, 4 * ranks_size(ranks), 300007, 290001);
        pretend_nodes(before, false);
    }
}

static void test_levels_refusals(void **state) {
    (void)state;
    int size = ranks_size(ranks), before = ranks_nodes(ranks);
    if (size < 3)
        return;
    pretend_nodes(1, false);
    ranks->nodes = 2;
    ranks->node[size - 1] = 1;
    struct Error error = {0};
    struct Exchange *exchange = NULL;
    int code = exchange_create(&exchange, ranks, size, 100, EXCHANGE_LEVELS, VARIANT_F32, &error);
    pretend_nodes(before, false);
    assert_int_equal(world_total(ranks, code != ERROR_RUN_FILE || exchange), 0);
    assert_non_null(strstr(error.text, "the same number of ranks on each node"));
}

static void test_own_nonfinite(void **state) {
    (void)state;
    enum { ELEMENTS = 2000, WHERE = 1234 };
    int last = ranks_size(ranks) - 1;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    int64_t wrong = 0, shards = 3 * ranks_size(ranks);
    for (int algorithm = EXCHANGE_AUTO; algorithm <= EXCHANGE_MPI; algorithm++) {
        if (!can_use(algorithm, shards))
            continue;
        struct Exchange *exchange = create(shards, ELEMENTS, (enum ExchangeAlgorithm)algorithm);
        for (int which = 0; which < 3; which++) {
            for (int64_t i = 0; i < exchange_shard_count(exchange); i++) {
                float *buffer = exchange_shard_buffer(exchange);
                for (int64_t j = 0; j < ELEMENTS; j++)
                    buffer[j] = value(0, exchange_first_shard(exchange) + i, j);
                if (ranks_rank(ranks) == last && i == which)
                    buffer[WHERE] = bad[which];
                exchange_shard_done(exchange);
            }
            const float *sum = exchange_finish(exchange);
            wrong += isfinite(sum[WHERE]) || !isfinite(sum[WHERE - 1]);
            int64_t found = exchange_own_nonfinite(exchange, 0, ELEMENTS);
            wrong += found != (ranks_rank(ranks) == last ? WHERE : -1);
            wrong += exchange_own_nonfinite(exchange, 0, WHERE) != -1;
            wrong += exchange_own_nonfinite(exchange, WHERE + 1, ELEMENTS) != -1;
        }
        exchange_release(exchange);
    }
    assert_int_equal(world_total(ranks, wrong), 0);
}

/* One rank and one shard: the sum is the buffer, nothing moves. */
static void test_single_shard_is_not_copied(void **state) {
    (void)state;
    struct Ranks *alone = ranks_alone();
    struct Error error = {0};
    struct Exchange *exchange;
    assert_int_equal(
        exchange_create(&exchange, alone, 1, 100, EXCHANGE_WINDOW, VARIANT_F32, &error), OK);
    float *buffer = exchange_shard_buffer(exchange);
    memset(buffer, 0, 100 * sizeof(float));
    exchange_shard_done(exchange);
    assert_ptr_equal(exchange_finish(exchange), buffer);
    exchange_release(exchange);
    ranks_release(alone);
}

static void expect_refusal(struct Ranks *who, int64_t shards, enum ExchangeAlgorithm algorithm,
                           const char *part) {
    struct Error error = {0};
    struct Exchange *exchange = NULL;
    int code = exchange_create(&exchange, who, shards, 100, algorithm, VARIANT_F32, &error);
    bool right = code == ERROR_RUN_FILE && !exchange && strstr(error.text, part);
    assert_int_equal(world_total(ranks, !right), 0);
}

/* What EXCHANGE_AUTO chooses for one shard a rank. */
static void expect_auto(const char *name) {
    struct Exchange *exchange = create(ranks_size(ranks), 100, EXCHANGE_AUTO);
    bool right = strcmp(exchange_name(exchange), name) == 0;
    exchange_release(exchange);
    assert_int_equal(world_total(ranks, !right), 0);
}

static void test_refusals(void **state) {
    (void)state;
    int size = ranks_size(ranks);
    expect_refusal(ranks, 0, EXCHANGE_AUTO, "shards cannot be distributed");
    if (size == 1)
        return;
    expect_refusal(ranks, size + 1, EXCHANGE_AUTO, "shards cannot be distributed");
    expect_refusal(ranks, 3 * size, EXCHANGE_HALVING, "powers of two");
    expect_auto(ranks_nodes(ranks) == 1 ? "window" : "levels");
    if (ranks_nodes(ranks) > 1)
        return;
    ranks->nodes = 2; /* as if mpirun had used two hosts, the other one for other ranks */
    expect_refusal(ranks, size, EXCHANGE_WINDOW, "one host");
    expect_auto(can_halve(size) ? "halving" : "direct");
    if (size % 2 == 0) {
        pretend_nodes(2, false);
        expect_auto("levels");
    }
    pretend_nodes(1, false);
}

/* Each rank's notes arrive once, whatever the number of its shards, and stay until they change. */
static void check_notes(enum ExchangeAlgorithm algorithm, int64_t shards) {
    struct Exchange *exchange = create(shards, 100, algorithm);
    int64_t size = ranks_size(ranks), wrong = 0;
    for (int64_t step = 0; step < 3; step++) {
        float *own = exchange_own_notes(exchange);
        own[0] = 1;
        own[1] = step < 2 ? (float)ranks_rank(ranks) : 0;
        run_step(exchange, step, 100);
        const float *notes = exchange_notes(exchange);
        wrong += notes[0] != (float)size;
        wrong += notes[1] != (step < 2 ? (float)(size * (size - 1) / 2) : 0);
        for (int i = 2; i < EXCHANGE_NOTES; i++)
            wrong += notes[i] != 0;
    }
    exchange_release(exchange);
    assert_int_equal(world_total(ranks, wrong), 0);
}

static void test_notes(void **state) {
    (void)state;
    for (int algorithm = EXCHANGE_AUTO; algorithm <= EXCHANGE_MPI; algorithm++)
        for (int64_t each = 1; each <= 3; each++)
            if (can_use(algorithm, each * ranks_size(ranks)))
                check_notes((enum ExchangeAlgorithm)algorithm, each * ranks_size(ranks));
}

/* A rank's shards need as many buffers as the binary counter holds digits at most. */
static void test_memory(void **state) {
    (void)state;
    int64_t buffer = 1024 * (int64_t)sizeof(float);
    assert_int_equal(exchange_memory(1, 1, 1000), buffer);
    assert_int_equal(exchange_memory(4, 1, 1000), 3 * buffer);
    assert_int_equal(exchange_memory(8, 1, 1000), 4 * buffer);
    assert_int_equal(exchange_memory(4, 4, 1000), 2 * buffer);
    assert_int_equal(exchange_memory(8, 2, 1025), 8 * buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_shows),
        cmocka_unit_test(test_bits_of_all_trees),
        cmocka_unit_test(test_bits_of_long_arenas),
        cmocka_unit_test(test_mpi_is_near),
        cmocka_unit_test(test_many_steps),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_levels_refusals),
        cmocka_unit_test(test_own_nonfinite),
        cmocka_unit_test(test_single_shard_is_not_copied),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_memory),
    };
    ranks = world_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    world_stop(ranks);
    return failed;
}
