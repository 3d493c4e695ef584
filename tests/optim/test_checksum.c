/* Checksums: every single bit counts, wherever it is and however the numbers are cut into pieces;
 * what changed once stays visible; all variants agree. */
#include "optim/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 83 /* whole rows of lanes, and a rest */

static uint32_t words[COUNT + 1];

static bool same(struct Digest a, struct Digest b) {
    return a.high == b.high && a.low == b.low;
}

static struct Digest digest(enum Variant variant, const uint32_t *from) {
    struct Checksum sum;
    checksum_start(&sum, variant);
    checksum_add(&sum, from, 32 * 4);
    checksum_add(&sum, from + 32, (COUNT - 32) * 4);
    return checksum_link(&sum);
}

static void fill(void) {
    for (uint32_t i = 0; i < COUNT + 1; i++)
        words[i] = i * 2654435761u;
}

static void test_every_bit(void **state) {
    (void)state;
    fill();
    struct Digest right = digest(VARIANT_F32, words);
    for (int i = 0; i < COUNT; i++)
        for (int bit = 0; bit < 32; bit++) {
            words[i] ^= 1u << bit;
            assert_false(same(digest(VARIANT_F32, words), right));
            words[i] ^= 1u << bit;
        }
    assert_true(same(digest(VARIANT_F32, words), right));
}

/* Two bits that add up to nothing; two numbers that change places. */
static void test_pairs(void **state) {
    (void)state;
    fill();
    struct Digest right = digest(VARIANT_F32, words);
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < i; j++) {
            words[i] ^= 1u << 31;
            words[j] ^= 1u << 31;
            assert_false(same(digest(VARIANT_F32, words), right));
            words[i] ^= 1u << 31;
            words[j] ^= 1u << 31;
            uint32_t kept = words[i];
            words[i] = words[j];
            words[j] = kept;
            assert_false(same(digest(VARIANT_F32, words), right));
            words[j] = words[i];
            words[i] = kept;
        }
}

static void test_chain(void **state) {
    (void)state;
    struct Checksum a, b;
    checksum_start(&a, VARIANT_F32);
    checksum_start(&b, VARIANT_F32);
    fill();
    for (int link = 0; link < 4; link++) {
        words[5] ^= link == 1;
        checksum_add(&a, words, sizeof words);
        words[5] ^= link == 1;
        checksum_add(&b, words, sizeof words);
        assert_int_equal(same(checksum_link(&a), checksum_link(&b)), link == 0);
    }
    /* An empty link is a link. */
    struct Digest before = b.chain;
    assert_false(same(checksum_link(&b), before));
}

static void test_variants(void **state) {
    (void)state;
    fill();
    struct Digest right = digest(VARIANT_F32, words);
    for (int v = VARIANT_F64; v < VARIANT_COUNT; v++)
        if (variant_available((enum Variant)v))
            assert_true(same(digest((enum Variant)v, words), right));
    /* At another address of memory. */
    memmove(words + 1, words, COUNT * sizeof *words);
    assert_true(same(digest(variant_best(VARIANT_F32_V4), words + 1), right));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_variants),
    };
    return cmocka_run_group_tests_name("checksum", tests, NULL, NULL);
}
