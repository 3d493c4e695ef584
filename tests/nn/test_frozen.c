/* A plan with frozen rows: operations before the first trained row run no backward and give
 * gradients of 0; every other gradient, and the statistics, are bit for bit what they would be. */
#include "base/memory.h"
#include "base/pattern.h"
#include "net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static const char layers[] =
    "[{conv: {out: 7, kernel: 3, padding: 1}}, batchnorm, relu, {residual: {shortcut: projection, "
    "body: [{conv: {out: 9, kernel: 3, stride: 2, padding: 1}}, batchnorm]}}, relu, flatten, "
    "{linear: {out: 6}}, tanh, {dropout: {rate: 0.3}}, {linear: {out: 4}}]";

/* `idle`: rows whose gradient is 0 in the end. */
static void check(const char *pattern, const char *idle, enum Variant variant, bool no_fusion) {
    struct Net net = net_create(layers, (struct Shape){6, 5, 3, 1, 1});
    const struct Arena *arena = model_arena(net.model);
    bool *frozen = memory_allocate((size_t)arena->row_count, "test");
    for (int i = 0; i < arena->row_count; i++)
        frozen[i] = pattern_match(pattern, arena->rows[i].name);
    struct NetRun plain = {.variant = variant, .no_fusion = no_fusion, .samples = 3};
    struct NetRun run = plain;
    run.frozen = frozen;
    struct Result expected = net_run(&net, &plain), found = net_run(&net, &run);
    int idle_rows = 0;
    for (int i = 0; i < arena->row_count; i++) {
        const struct ArenaRow *row = &arena->rows[i];
        bool is_idle = row->role != ROLE_STATISTIC && pattern_match(idle, row->name);
        idle_rows += is_idle;
        for (int64_t e = row->offset; e < row->offset + row->count; e++)
            if (found.gradient[e] != (is_idle ? 0 : expected.gradient[e]))
                fail_msg("%s, %s: %s: %g, expected %g", pattern, variant_name(variant), row->name,
                         found.gradient[e], is_idle ? 0 : expected.gradient[e]);
    }
    assert_true((idle_rows > 0) == (*idle != '\0'));
    for (int64_t t = arena_state_elements(arena); t < arena_state_elements(arena) + 3; t++)
        assert_true(found.gradient[t] == expected.gradient[t]); /* tallies */
    memory_release(frozen);
    result_release(&expected);
    result_release(&found);
    net_release(&net);
}

static void test_frozen(void **unused) {
    (void)unused;
    static const char *const cases[][2] = {
        {"[0-8].*", "[0-8].*"}, /* only the head */
        {"[01].*", "[01].*"},   /* all but the first layers */
        {"0.weight", ""},       /* its bias is trained: the layer runs */
        {"[!0]*", ""},          /* only the first layer */
        {"3.*", ""},            /* in the middle */
        {"[013].*", "[013].*"}, /* a block with two branches */
        {"[013].body.*", ""},   /* one branch of it, after a trained layer */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int variant = 0; variant < VARIANT_COUNT; variant++)
            for (int no_fusion = 0; no_fusion < 2; no_fusion++)
                if (variant_available((enum Variant)variant))
                    check(cases[i][0], cases[i][1], (enum Variant)variant, no_fusion);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_frozen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
