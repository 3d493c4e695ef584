/* Values that their owners describe, here by an owner of the test's: a row in its table is all that
 * a new field takes. */
#include <math.h>

#include "checkpoint/sample.h"
#include "store/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h> /* last: it takes the name of fail() */

#include "checkpoint/fixture.h"

struct Owner {
    int64_t count;
    uint64_t bits;
    double ratio;
    bool ready;
    char *name;
    double added; /* by a later version */
};

static bool is_valid(const void *value) {
    return ((const struct Owner *)value)->count >= 0;
}

#define FIRST_FIELDS                                                                               \
    SAVED_FIELD(struct Owner, "count", count, .start = 3),                                         \
        SAVED_FIELD(struct Owner, "bits", bits), SAVED_FIELD(struct Owner, "ratio", ratio),        \
        SAVED_FIELD(struct Owner, "ready", ready, .start = 1),                                     \
        SAVED_FIELD(struct Owner, "name", name)
static const struct SavedField first_fields[] = {FIRST_FIELDS, SAVED_END};
static const struct SavedField later_fields[] = {
    FIRST_FIELDS, SAVED_FIELD(struct Owner, "added", added, .start = 0.5, .optional = true),
    SAVED_END};
static const struct SavedTable first_table = {
    .what = "an owner", .fields = first_fields, .is_valid = is_valid};
static const struct SavedTable later_table = {
    .what = "an owner", .fields = later_fields, .is_valid = is_valid};

static struct Owner sample_owner(void) {
    return (struct Owner){.count = INT64_MAX,
                          .bits = UINT64_MAX - 1,
                          .ratio = -0.1,
                          .ready = true,
                          .name = memory_copy_text("Käfer"),
                          .added = 1e-300};
}

/* A file with a model and that part. */
static void write_part(const struct CheckpointPart *part) {
    struct Error error = {0};
    float *state = sample_values(&arena, arena_state_elements(&arena), 1);
    struct CheckpointWriter *writer = checkpoint_create(scratch_path("o.h5"), "train: {}\n");
    checkpoint_put_part(writer, part);
    checkpoint_put_state(writer, &arena, state);
    sample_commit(writer, &error);
    assert_string_equal(error.text, "");
    memory_release(state);
}

static void write_owner(const struct SavedTable *table, struct Owner *owner) {
    write_part(&(struct CheckpointPart){.value = owner, .table = table, .prefix = "owner_"});
}

static int read_owner(const struct SavedTable *table, struct Owner *owner, struct Error *error) {
    const struct CheckpointPart part = {.value = owner, .table = table, .prefix = "owner_"};
    struct Checkpoint *checkpoint = read_good(scratch_path("o.h5"));
    int code = checkpoint_get_parts(checkpoint, &part, 1, error);
    checkpoint_close(checkpoint);
    return code;
}

static void assert_same(const struct Owner *a, const struct Owner *b) {
    assert_true(a->count == b->count && a->bits == b->bits && a->ratio == b->ratio);
    assert_true(a->ready == b->ready);
    assert_string_equal(a->name, b->name);
}

static void every_type(void **state) {
    (void)state;
    struct Error error = {0};
    struct Owner want = sample_owner(), have = {.name = memory_copy_text("replaced")};
    write_owner(&first_table, &want);
    assert_int_equal(read_owner(&first_table, &have, &error), OK);
    assert_same(&have, &want);
    saved_release(&first_table, &want);
    saved_release(&first_table, &have);
    assert_null(have.name);
}

static void a_field_more(void **state) {
    (void)state;
    struct Error error = {0};
    struct Owner want = sample_owner(), have = {0};
    write_owner(&later_table, &want);
    assert_int_equal(read_owner(&later_table, &have, &error), OK);
    assert_same(&have, &want);
    assert_true(have.added == 1e-300);
    /* The program before reads the file too, and this one reads that program's. */
    assert_int_equal(read_owner(&first_table, &have, &error), OK);
    assert_same(&have, &want);
    write_owner(&first_table, &want);
    assert_int_equal(read_owner(&later_table, &have, &error), OK);
    assert_true(have.added == 0.5);
    saved_release(&later_table, &want);
    saved_release(&later_table, &have);
}

/* A file from before a figure existed: that figure is not measured, the others are. */
static void a_figure_more(void **state) {
    (void)state;
    struct Error error = {0};
    static const struct SavedField fields[] = {SAVED_FIELD(struct Owner, "loss", ratio), SAVED_END};
    static const struct SavedTable table = {.what = "figures", .fields = fields};
    struct Owner owner = {.ratio = 0.25};
    struct Figures have = {0};
    const struct CheckpointPart parts[] = {
        {.value = &owner, .table = &table, .prefix = "validation_"},
        {.value = &have, .group = &validation_saved}};
    write_part(&parts[0]);
    struct Checkpoint *checkpoint = read_good(scratch_path("o.h5"));
    assert_int_equal(checkpoint_get_parts(checkpoint, &parts[1], 1, &error), OK);
    assert_true(have.measured[FIGURE_LOSS] && have.value[FIGURE_LOSS] == 0.25);
    assert_false(have.measured[FIGURE_ACCURACY]);
    checkpoint_close(checkpoint);
}

static void what_is_missing(void **state) {
    (void)state;
    static const struct SavedField fields[] = {SAVED_FIELD(struct Owner, "strange", ratio),
                                               SAVED_END};
    static const struct SavedTable table = {.what = "an owner", .fields = fields};
    struct Error error = {0};
    struct Owner owner = sample_owner(), have = {0};
    write_owner(&first_table, &owner);
    assert_int_equal(read_owner(&table, &have, &error), ERROR_CHECKPOINT);
    assert_non_null(strstr(error.text, "o.h5:/run, attribute owner_strange: is missing"));
    saved_release(&first_table, &owner);
}

static void what_is_not_valid(void **state) {
    (void)state;
    struct Error error = {0};
    struct Owner owner = sample_owner(), have = {0};
    owner.count = -1;
    write_owner(&first_table, &owner);
    assert_int_equal(read_owner(&first_table, &have, &error), ERROR_CHECKPOINT);
    assert_non_null(strstr(error.text,
                           "o.h5:/run: owner_count -1, owner_bits -2, owner_ratio -0.1, "
                           "owner_ready true, owner_name 'Käfer' are not those of an "
                           "owner"));
    assert_null(have.name); /* nothing is left of what was read */
    saved_release(&first_table, &owner);
}

static void at_the_start(void **state) {
    (void)state;
    struct Owner owner = sample_owner();
    saved_start(&later_table, &owner);
    assert_true(owner.count == 3 && owner.bits == 0 && owner.ratio == 0 && owner.ready);
    assert_true(owner.added == 0.5);
    assert_null(owner.name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type),        cmocka_unit_test(a_field_more),
        cmocka_unit_test(a_figure_more),     cmocka_unit_test(what_is_missing),
        cmocka_unit_test(what_is_not_valid), cmocka_unit_test(at_the_start),
    };
    return cmocka_run_group_tests_name("parts", tests, start, stop);
}
