/* Memory order to file order and back, against loops written out; names. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"

#define OFFSET 7
#define AROUND 5 /* elements after the row that must stay as they are */

static struct ArenaRow make_row(int rank, const int64_t *size, const int *order) {
    struct ArenaRow row = {.offset = OFFSET, .count = 1, .rank = rank};
    for (int i = 0; i < rank; i++) {
        row.size[i] = size[i];
        row.order[i] = order[i];
        row.count *= size[i];
    }
    return row;
}

/* To the file, compared with `expected`, and back: only the row's elements are touched. */
static void round_trip(const struct ArenaRow *row, const float *state, const float *expected) {
    int64_t all = OFFSET + row->count + AROUND;
    float *file = malloc((size_t)row->count * sizeof *file);
    float *back = malloc((size_t)all * sizeof *back);
    arena_to_file(row, state, file);
    assert_memory_equal(file, expected, (size_t)row->count * sizeof *file);
    for (int64_t i = 0; i < all; i++)
        back[i] = i < OFFSET || i >= OFFSET + row->count ? state[i] : -1;
    arena_from_file(row, file, back);
    assert_memory_equal(back, state, (size_t)all * sizeof *back);
    free(file);
    free(back);
}

static float *numbered(int64_t count) {
    float *values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)i + 0.5f;
    return values;
}

static void test_convolution(void **unused) {
    (void)unused;
    enum { O = 4, H = 3, W = 2, I = 5 };
    struct ArenaRow row =
        make_row(4, (const int64_t[]){O, H, W, I}, (const int[]){0, 3, 1, 2}); /* OHWI to OIHW */
    float *state = numbered(OFFSET + row.count + AROUND), expected[O][I][H][W];
    for (int o = 0; o < O; o++)
        for (int i = 0; i < I; i++)
            for (int h = 0; h < H; h++)
                for (int w = 0; w < W; w++)
                    expected[o][i][h][w] = state[OFFSET + ((o * H + h) * W + w) * I + i];
    round_trip(&row, state, &expected[0][0][0][0]);
    free(state);
}

/* Every permutation of four dimensions, one of them of size 1. */
static void test_all_permutations(void **unused) {
    (void)unused;
    const int64_t size[4] = {3, 1, 4, 2};
    for (int code = 0; code < 256; code++) {
        int order[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
        int seen = 0;
        for (int i = 0; i < 4; i++)
            seen |= 1 << order[i];
        if (seen != 15)
            continue;
        struct ArenaRow row = make_row(4, size, order);
        float *state = numbered(OFFSET + row.count + AROUND), expected[24];
        int64_t at = 0, place[4];
        for (place[0] = 0; place[0] < size[order[0]]; place[0]++)
            for (place[1] = 0; place[1] < size[order[1]]; place[1]++)
                for (place[2] = 0; place[2] < size[order[2]]; place[2]++)
                    for (place[3] = 0; place[3] < size[order[3]]; place[3]++) {
                        int64_t index[4];
                        for (int i = 0; i < 4; i++)
                            index[order[i]] = place[i];
                        int64_t memory =
                            ((index[0] * size[1] + index[1]) * size[2] + index[2]) * size[3] +
                            index[3];
                        expected[at++] = state[OFFSET + memory];
                    }
        round_trip(&row, state, expected);
        free(state);
    }
}

static void test_plain_rows(void **unused) {
    (void)unused;
    struct ArenaRow vector = make_row(1, (const int64_t[]){13}, (const int[]){0});
    float *state = numbered(OFFSET + 13 + AROUND);
    round_trip(&vector, state, state + OFFSET);
    free(state);
}

static void test_names(void **unused) {
    (void)unused;
    struct Arena arena = {.rows = memory_allocate(2 * sizeof *arena.rows, "test"), .row_count = 2};
    arena.rows[0].name = memory_copy_text("0.weight");
    arena.rows[1].name = memory_copy_text("0.bias");
    assert_int_equal(arena_find(&arena, "0.bias"), 1);
    assert_int_equal(arena_find(&arena, "0.weight"), 0);
    assert_int_equal(arena_find(&arena, "0.weigh"), -1);
    arena_release(&arena);
    assert_int_equal(arena.row_count, 0);
    assert_int_equal(arena_find(&arena, "0.bias"), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_all_permutations),
        cmocka_unit_test(test_plain_rows),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
