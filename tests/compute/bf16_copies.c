/* Vectors of bf16 are converted to the same bits as single numbers, on every instruction set. */
#include "compute/bf16_copies.h"
#include "each.h"

#define ALL (1 << 16)
#define SLACK 3 /* numbers that fill no vector */

static void check_widening(struct Form form) {
    if (form.precision == PRECISION_FP32)
        return;
    bf16 *elements = memory_array(bf16, ALL + SLACK, "test");
    float *values = memory_array(float, ALL + SLACK, "test");
    for (int i = 0; i < ALL + SLACK; i++)
        elements[i].bits = (uint16_t)i;
    bf16_copies(form.variant)->widen(ALL + SLACK, elements, values);
    for (int i = 0; i < ALL + SLACK; i++) {
        float right = bf16_value(elements[i]);
        assert_memory_equal(&values[i], &right, sizeof right);
    }
    memory_release(elements);
    memory_release(values);
}

/* Around each number of bf16: itself, what is halfway to the next, and their neighbours. */
static void check_rounding(struct Form form) {
    static const uint32_t lower[] = {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
    enum { LOWER = sizeof lower / sizeof *lower, COUNT = ALL * LOWER + SLACK };
    if (form.precision == PRECISION_FP32)
        return;
    bf16 *elements = memory_array(bf16, COUNT, "test");
    float *values = memory_array(float, COUNT, "test");
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t bits = i / LOWER % ALL << 16 | lower[i % LOWER];
        memcpy(&values[i], &bits, sizeof bits);
    }
    bf16_copies(form.variant)->narrow(COUNT, values, elements);
    for (int i = 0; i < COUNT; i++)
        if (elements[i].bits != bf16_round(values[i]).bits)
            fail_msg("%s: %a gives %x, expected %x", variant_name(form.variant), (double)values[i],
                     elements[i].bits, bf16_round(values[i]).bits);
    memory_release(elements);
    memory_release(values);
}

static void widening(void **state) {
    (void)state;
    for_each_form(check_widening);
}

static void rounding(void **state) {
    (void)state;
    for_each_form(check_rounding);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(widening), cmocka_unit_test(rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
