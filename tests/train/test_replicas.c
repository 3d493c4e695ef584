/* A bit that changes on one rank, in each array that a replica holds, is found at the next
 * comparison, and the rank is named: by the majority of three ranks, or by a replay on two. */
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include "comm/world.h"
#include "data/made_dataset.h"
#include "store/scratch.h"
#include "train/trainer.h"

#include <cmocka.h>

#define LAST_STEP 20
#define CHECKED 5 /* train.check_every */

static struct Ranks *ranks;

/* ---- What goes wrong ---- */

enum Target { WEIGHT, STATISTIC, SLOT, SLOW_WEIGHT, AVERAGE, NONE };

static struct {
    enum Target target;
    int64_t step; /* after whose update */
    int rank;     /* −1: every rank */
    int bit;      /* −1: NaN */
    bool mended;  /* a step later all ranks have rank 0's bits again */
} plan;

static float *victim(struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    switch (plan.target) {
    case WEIGHT:
        return trainer->state + arena->rows[0].offset + 7;
    case STATISTIC:
        return trainer->state + arena->parameters + 1;
    case SLOT:
        return (float *)updater_slot(trainer->parts.updater, 0) + 3;
    case SLOW_WEIGHT:
        return (float *)updater_slot(trainer->parts.updater, 1) + 2;
    case AVERAGE:
        return (float *)(uintptr_t)callbacks__weights(trainer) + 5;
    default:
        return NULL;
    }
}

static void mend(struct Trainer *trainer) {
    const struct Arena *arena = model_arena(trainer->parts.model);
    int64_t bytes = arena_state_elements(arena) * (int64_t)sizeof(float);
    ranks_broadcast(ranks, trainer->state, bytes);
    for (int slot = 0; slot < updater_slot_count(trainer->parts.updater); slot++)
        ranks_broadcast(ranks, updater_slot(trainer->parts.updater, slot),
                        arena->parameters * (int64_t)sizeof(float));
    ranks_broadcast(ranks, (float *)(uintptr_t)callbacks__weights(trainer), bytes);
}

static bool done; /* a fault of the machine happens once, and not again in a replay */

static void disturb(struct Trainer *trainer, void *state) {
    (void)state;
    int64_t step = trainer->saved.progress.step;
    if (plan.mended && step == plan.step + 1 && !trainer->replicas.replaying)
        mend(trainer);
    if (plan.target == NONE || done || step != plan.step)
        return;
    done = true;
    if (plan.rank >= 0 && ranks_rank(ranks) != plan.rank)
        return;
    uint32_t bits;
    float *value = victim(trainer);
    if (plan.bit < 0) {
        *value = NAN;
        return;
    }
    memcpy(&bits, value, sizeof bits);
    bits ^= 1u << plan.bit;
    memcpy(value, &bits, sizeof bits);
}

static const struct Callback disturber = {.name = "disturber", .on_update = disturb};

/* ---- The run ---- */

extern const struct Callback callback_average, callback_replica_check;

static const struct Callback *const table[] = {&callback_average, &callback_replica_check,
                                               &disturber, NULL};

/* Nothing is saved but every eight steps. */
static void write_run(int shards) {
    made_write(scratch_path("d.h5"), (struct Made){0});
    FILE *file = fopen(scratch_path("run.yaml"), "w");
    assert_non_null(file);
    fprintf(file,
            "data: {file: \"%s\", validation: none}\n"
            "model: [flatten, linear: {out: 8}, batchnorm, relu, linear: {out: 4}]\n"
            "optimizer: {momentum: {rate: 0.01, momentum: 0.9}}\n"
            "lookahead: {every: 3}\n"
            "average: {ema: {decay: 0.9}}\n"
            "train: {batch: 12, shards: %d, length: %d steps, check_every: %d}\n"
            "checkpoint: {every: 8 steps, keep: 0}\n",
            scratch_path("d.h5"), shards, LAST_STEP, CHECKED);
    fclose(file);
}

static int begin(void **state) {
    (void)state;
    if (ranks_rank(ranks) == 0) {
        scratch_make(NULL);
        write_run(ranks_size(ranks));
    }
    ranks_broadcast(ranks, scratch, sizeof scratch);
    return 0;
}

static int remove_one(const char *path, const struct stat *what, int type, struct FTW *place) {
    (void)what, (void)type, (void)place;
    return remove(path);
}

static int end(void **state) {
    (void)state;
    return ranks_rank(ranks) == 0 ? nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

static int train_with(const char *const *overrides, int count, struct TrainResult *result,
                      struct Error *error) {
    static int runs;
    char name[16];
    snprintf(name, sizeof name, "run-%d", runs++);
    char *folder = memory_copy_text(scratch_path(name));
    struct TrainRequest request = {.run_path = scratch_path("run.yaml"),
                                   .overrides = overrides,
                                   .override_count = count,
                                   .folder = folder,
                                   .quiet = true,
                                   .callbacks = table};
    done = false;
    int code = train(ranks, &request, result, error);
    memory_release(result->checkpoint);
    memory_release(folder);
    return code;
}

static int train_once(struct TrainResult *result, struct Error *error) {
    return train_with(NULL, 0, result, error);
}

/* ---- Tests ---- */

/* The message has `words`, on every rank. */
static void has(const struct Error *error, const char *format, ...) {
    char words[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    bool found = strstr(error->text, words);
    if (!found)
        fprintf(stderr, "'%s' is not in: %s\n", words, error->text);
    assert_int_equal(world_total(ranks, found), ranks_size(ranks));
}

static void test_agreement(void **state) {
    (void)state;
    struct TrainResult result;
    struct Error error = {0};
    plan.target = NONE;
    assert_int_equal(train_once(&result, &error), OK);
    assert_int_equal(result.progress.step, LAST_STEP);
}

/* On one rank nobody can notice. */
static void check(int64_t step, int rank, int64_t noticed, int64_t checkpoint, const char *where) {
    struct TrainResult result;
    struct Error error = {0};
    plan.step = step;
    plan.rank = rank;
    int code = train_once(&result, &error);
    if (ranks_size(ranks) == 1) {
        assert_int_equal(code, noticed ? OK : ERROR_NUMERIC); /* an overflow shows */
        return;
    }
    assert_int_equal(code, ERROR_NUMERIC);
    has(&error, ": the ranks' replicas differ since ");
    if (noticed)
        has(&error, "step %d: ", (int)noticed);
    if (step == noticed)
        has(&error, "the end of step %d (", (int)step);
    else if (noticed)
        has(&error, "the beginning of step %d (", (int)step + 1);
    has(&error, ": rank %d on %s (", rank, ranks_host(ranks, rank));
    has(&error, "; the others: rank %d on ", rank == 0);
    has(&error, ") at fault, as %s shows",
        ranks_size(ranks) == 2 ? "a replay from the last checkpoint" : "the majority of the ranks");
    has(&error, "agreed, %s", scratch);
    has(&error, "/step-%09d.h5", (int)checkpoint);
    if (where)
        has(&error, "%s", where);
}

static void test_every_array(void **state) {
    (void)state;
    static const struct {
        enum Target target;
        int bit;
        int64_t noticed; /* 0: in the step in which a number overflows */
        const char *where;
    } cases[] = {{WEIGHT, 22, 15, "in 1.weight"},
                 {WEIGHT, 0, 15, NULL}, /* the last bit may be the same again */
                 {WEIGHT, 30, 0, "in 1.weight"},
                 {STATISTIC, 5, 15, "in 2.running_"},
                 {SLOT, 0, 15, NULL},
                 {SLOT, 14, 15, "the optimizer's momentum of 1.weight"},
                 {SLOW_WEIGHT, 0, 15, NULL},
                 {SLOW_WEIGHT, 20, 15, "in 1.weight"},
                 {AVERAGE, 31, 15, "the average's 1.weight"},
                 {AVERAGE, 0, 15, NULL}};
    int last = ranks_size(ranks) - 1;
    plan.mended = false;
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        plan.target = cases[i].target;
        plan.bit = cases[i].bit;
        check(11, i % 2 ? 0 : last, cases[i].noticed, 8, cases[i].where);
    }
    /* Between an update and the comparison after the same step. */
    plan.target = WEIGHT;
    plan.bit = 3;
    check(15, last, 15, 8, "in 1.weight");
}

/* Before it is saved. */
static void test_save(void **state) {
    (void)state;
    plan.target = AVERAGE;
    plan.bit = 12;
    plan.mended = false;
    check(16, 0, 16, 8, "the average's 1.weight");
    check(7, 0, 8, 0, "the average's 1.weight");
}

/* A validation measures the average's statistics, so that a replay has to repeat those that the
 * clock asked for. */
static void test_validations_by_the_clock(void **state) {
    (void)state;
    static const char *const overrides[] = {
        "data.validation=test", "validation.every=0.000000001 s", "optimizer.momentum.rate=0",
        "average={swa: {start: 1 steps, every: 1 step, batches: 1}}"};
    struct TrainResult result;
    struct Error error = {0};
    plan.target = WEIGHT;
    plan.bit = 22;
    plan.mended = false;
    plan.step = 13;
    plan.rank = 0;
    int code = train_with(overrides, 4, &result, &error);
    if (ranks_size(ranks) == 1)
        return;
    assert_int_equal(code, ERROR_NUMERIC);
    has(&error, ": rank 0 on %s (", ranks_host(ranks, 0));
    has(&error, ") at fault, as ");
    plan.target = NONE;
}

/* A difference that is gone when the ranks compare. */
static void test_healed(void **state) {
    (void)state;
    plan.mended = true;
    for (int target = WEIGHT; target < NONE; target++) {
        plan.target = (enum Target)target;
        plan.bit = 0;
        /* Slow weights are read, and replaced, in the steps 12 and 15. */
        check(target == SLOW_WEIGHT ? 14 : 12, ranks_size(ranks) - 1, 15, 8,
              "and are the same again");
    }
}

/* NaN in an array of every rank is not saved, and the array is named; on one rank the rank is, too.
 */
static void test_nan(void **state) {
    (void)state;
    static const struct {
        enum Target target;
        int64_t step;
        const char *where;
    } cases[] = {{WEIGHT, 12, "step 13: NaN or Inf on every rank in 1.weight, in layer 1 (linear)"},
                 {STATISTIC, 12, "in 2.running_"},
                 {SLOT, 12, "step 14: NaN or Inf on every rank in 1.weight, in layer 1 (linear)"},
                 {SLOW_WEIGHT, 13, "in 1.weight, in layer 1 (linear)"},
                 {AVERAGE, 12,
                  "step 16: NaN or Inf on every rank in the average's 1.weight, in "
                  "layer 1 (linear)"}};
    plan.bit = -1;
    plan.mended = false;
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        struct TrainResult result;
        struct Error error = {0};
        plan.target = cases[i].target;
        plan.step = cases[i].step;
        plan.rank = -1;
        assert_int_equal(train_once(&result, &error), ERROR_NUMERIC);
        has(&error, "%s", cases[i].where);
        has(&error, "no checkpoint was changed");
        if (ranks_size(ranks) > 1)
            check(plan.step, 0, 0, 8, NULL);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agreement), cmocka_unit_test(test_every_array),
        cmocka_unit_test(test_save),      cmocka_unit_test(test_healed),
        cmocka_unit_test(test_nan),       cmocka_unit_test(test_validations_by_the_clock),
    };
    ranks = world_start();
    int failures = cmocka_run_group_tests_name("replicas", tests, begin, end);
    world_stop(ranks);
    return failures;
}
