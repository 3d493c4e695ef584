/* The preflight of a run whose backward is wrong, because this program breaks it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "check/preflight.h"
#include "data/made_dataset.h"
#include "nn/plan.h"
#include "store/scratch.h"

#include <cmocka.h>

/* The element of the double arena whose gradient is made wrong, and by what part of it; −1: none.
 */
static int64_t broken = -1;
static double by;

void __real_plan_backward(struct Plan *plan, const struct ShardCall *call);
void __wrap_plan_backward(struct Plan *plan, const struct ShardCall *call);

void __wrap_plan_backward(struct Plan *plan, const struct ShardCall *call) {
    __real_plan_backward(plan, call);
    if (broken >= 0)
        ((double *)call->gradient)[broken] *= 1 + by;
}

static int write_run(void **state) {
    FILE *file;
    scratch_make(state);
    made_write(scratch_path("d.h5"), (struct Made){0});
    file = fopen(scratch_path("run.yaml"), "w");
    fprintf(file,
            "data: {file: \"%s\", validation: none}\n"
            "model: [flatten, linear: {out: 2}, tanh, linear: {out: 4}]\n"
            "optimizer: {sgd: {rate: 0.1}}\n"
            "train: {batch: 4, shards: 2, length: 2 epochs}\n",
            scratch_path("d.h5"));
    fclose(file);
    return 0;
}

static enum CheckVerdict look(struct Findings *findings) {
    const struct TrainRequest train = {.run_path = scratch_path("run.yaml"), .folder = "."};
    const struct PreflightRequest request = {.train = &train,
                                             .items = CHECK_ITEM_BIT(CHECK_GRADIENTS)};
    struct Ranks *ranks = ranks_alone();
    enum CheckVerdict verdict;
    struct Error error = {0};
    if (preflight(ranks, &request, findings, &verdict, &error))
        fail_msg("%s", error.text);
    ranks_release(ranks);
    assert_int_equal(findings->count, 1);
    return verdict;
}

static void test_right(void **state) {
    (void)state;
    struct Findings findings = {0};
    broken = -1;
    assert_int_equal(look(&findings), CHECK_GOOD);
    assert_string_equal(findings.rows[0].cause, "");
    findings_release(&findings);
}

/* A thousandth is too much; a part of 1e-9 is rounding. The last bias has four elements, of which
 * the first is among those that are looked at. */
static void test_wrong(void **state) {
    (void)state;
    static const struct {
        double by;
        enum CheckVerdict verdict;
    } cases[] = {{1e-3, CHECK_BAD}, {1e-9, CHECK_GOOD}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct Findings findings = {0};
        broken = ARENA_ALIGNMENT * ((MADE_ELEMENTS * 2 + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT);
        by = cases[i].by;
        assert_int_equal(look(&findings), cases[i].verdict);
        bool named = strstr(findings.rows[0].found, "1.bias") != NULL;
        assert_int_equal(named, cases[i].verdict == CHECK_BAD);
        assert_int_equal(strstr(findings.rows[0].cause, "backward") != NULL, named);
        findings_release(&findings);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_right), cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, write_run, scratch_remove);
}
