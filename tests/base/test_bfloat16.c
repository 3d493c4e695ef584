/* bfloat16 against its definition: the nearest of all its numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bfloat16.h"

#include <cmocka.h>

static float value_of(uint32_t bits) {
    return bf16_value((bf16){(uint16_t)bits});
}

static void its_numbers_stay(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 1 << 16; bits++)
        if (!isnan(value_of(bits)))
            assert_int_equal(bf16_round(value_of(bits)).bits, bits);
}

/* Every pair of neighbours, denormal numbers included, of both signs. */
static void others_go_to_the_nearest(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 0x7F80; bits++) {
        double low = (double)value_of(bits);
        double gap = bits < 0x7F7F ? (double)value_of(bits + 1) - low : ldexp(1, 120);
        float middle = (float)(low + gap / 2);
        uint32_t even = bits + (bits & 1);
        assert_int_equal(bf16_round(middle).bits, even);
        assert_int_equal(bf16_round(-middle).bits, even | 0x8000);
        assert_int_equal(bf16_round(nextafterf(middle, 0)).bits, bits);
        assert_int_equal(bf16_round(nextafterf(middle, INFINITY)).bits, bits + 1);
    }
}

static void a_nan_stays_one(void **state) {
    (void)state;
    for (uint32_t low = 1; low < 1 << 23; low = low * 2 + 1)
        for (uint32_t sign = 0; sign < 2; sign++) {
            uint32_t bits = sign << 31 | 0x7F800000 | low;
            float nan;
            memcpy(&nan, &bits, sizeof nan);
            assert_true(isnan(bf16_value(bf16_round(nan))));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_numbers_stay),
        cmocka_unit_test(others_go_to_the_nearest),
        cmocka_unit_test(a_nan_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
