/* Which samples import_split_validation moves from split "train" to split "validation". The source
 * is made in memory: item i of a split stands for sample i of the source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "data/import.h"

#include <cmocka.h>

enum { CLASSES = 3, COUNT = 60 }; /* 30, 20 and 10 samples of the classes */

static struct Error error;

static void release_nothing(struct Source *source) {
    (void)source;
}
static const struct SourceFormat made_format = {.name = "made", .release = release_nothing};

static int32_t class_of(int64_t item) {
    return item % 6 < 3 ? 0 : item % 6 < 5 ? 1 : 2;
}

/* A source with split "train". `targets`: two values for each sample, no classes. */
static struct Source make_source(bool targets) {
    static const char *const classes[] = {"ant", "bee", "cat"}, *const columns[] = {"x", "y"};
    struct Source source = {.format = &made_format};
    if (targets)
        source_set_targets(&source, columns, 2);
    else
        source_set_classes(&source, classes, CLASSES);
    struct SourceSplit *train = source_add_split(&source, "train", COUNT);
    for (int64_t i = 0; i < COUNT; i++) {
        train->items[i] = i;
        if (targets) {
            train->targets[2 * i] = (float)i;
            train->targets[2 * i + 1] = (float)-i;
        } else {
            train->labels[i] = class_of(i);
        }
    }
    return source;
}

static void split(struct Source *source, double part, uint64_t seed) {
    if (import_split_validation(source, part, seed, &error) != OK)
        fail_msg("%s", error.text);
}

static const struct SourceSplit *part_of(const struct Source *source, const char *name) {
    const struct SourceSplit *found = source_find_split(source, name);
    assert_non_null(found);
    return found;
}

static int64_t count_of(const struct SourceSplit *split, int32_t label) {
    int64_t count = 0;
    for (int64_t i = 0; i < split->count; i++)
        count += split->labels[i] == label;
    return count;
}

static void every_class_gives_its_part(void **state) {
    (void)state;
    struct Source source = make_source(false);
    split(&source, 0.2, 1);
    const struct SourceSplit *validation = part_of(&source, "validation");
    assert_int_equal(validation->count, 12);
    assert_int_equal(count_of(validation, 0), 6);
    assert_int_equal(count_of(validation, 1), 4);
    assert_int_equal(count_of(validation, 2), 2);
    assert_int_equal(part_of(&source, "train")->count, COUNT - 12);
    source_release(&source);
}

/* Two classes of equal size do not give the same places among their members. */
static void classes_are_drawn_independently(void **state) {
    (void)state;
    struct Source source = make_source(false);
    struct SourceSplit *train = source_find_split(&source, "train");
    for (int i = 0; i < COUNT; i++)
        train->labels[i] = i % 2; /* member i / 2 of its class */
    split(&source, 0.3, 7);
    const struct SourceSplit *validation = part_of(&source, "validation");
    bool taken[2][COUNT / 2] = {{false}};
    for (int64_t i = 0; i < validation->count; i++)
        taken[validation->items[i] % 2][validation->items[i] / 2] = true;
    assert_memory_not_equal(taken[0], taken[1], sizeof taken[0]);
    source_release(&source);
}

static void a_part_is_rounded_class_by_class(void **state) {
    (void)state;
    struct Source source = make_source(false);
    split(&source, 0.16, 1); /* 4.8, 3.2 and 1.6 samples */
    const struct SourceSplit *validation = part_of(&source, "validation");
    assert_int_equal(count_of(validation, 0), 5);
    assert_int_equal(count_of(validation, 1), 3);
    assert_int_equal(count_of(validation, 2), 2);
    source_release(&source);
}

static void no_sample_is_lost_or_doubled(void **state) {
    (void)state;
    struct Source source = make_source(false);
    split(&source, 0.3, 7);
    int seen[COUNT] = {0};
    static const char *const names[] = {"train", "validation"};
    for (int s = 0; s < 2; s++) {
        const struct SourceSplit *found = part_of(&source, names[s]);
        for (int64_t i = 0; i < found->count; i++)
            seen[found->items[i]]++;
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(seen[i], 1);
    source_release(&source);
}

static void labels_go_with_their_samples(void **state) {
    (void)state;
    struct Source source = make_source(false);
    split(&source, 0.3, 7);
    static const char *const names[] = {"train", "validation"};
    for (int s = 0; s < 2; s++) {
        const struct SourceSplit *found = part_of(&source, names[s]);
        for (int64_t i = 0; i < found->count; i++)
            assert_int_equal(found->labels[i], class_of(found->items[i]));
    }
    source_release(&source);
}

static void the_order_of_the_source_stays(void **state) {
    (void)state;
    struct Source source = make_source(false);
    split(&source, 0.5, 3);
    static const char *const names[] = {"train", "validation"};
    for (int s = 0; s < 2; s++) {
        const struct SourceSplit *found = part_of(&source, names[s]);
        for (int64_t i = 1; i < found->count; i++)
            assert_true(found->items[i - 1] < found->items[i]);
    }
    source_release(&source);
}

static void the_seed_chooses(void **state) {
    (void)state;
    struct Source sources[3];
    static const uint64_t seeds[] = {1, 1, 2};
    for (int i = 0; i < 3; i++) {
        sources[i] = make_source(false);
        split(&sources[i], 0.3, seeds[i]);
    }
    const struct SourceSplit *first = part_of(&sources[0], "validation");
    size_t bytes = (size_t)first->count * sizeof *first->items;
    assert_memory_equal(first->items, part_of(&sources[1], "validation")->items, bytes);
    assert_memory_not_equal(first->items, part_of(&sources[2], "validation")->items, bytes);
    for (int i = 0; i < 3; i++)
        source_release(&sources[i]);
}

/* A data set that is imported again must be the same, so the choice of a seed never changes. */
static void the_choice_of_a_seed_is_fixed(void **state) {
    (void)state;
    struct Source source = make_source(false);
    split(&source, 0.1, 1);
    static const int64_t expected[] = {10, 17, 18, 46, 54, 55};
    const struct SourceSplit *validation = part_of(&source, "validation");
    assert_int_equal(validation->count, sizeof expected / sizeof *expected);
    for (int64_t i = 0; i < validation->count; i++)
        assert_int_equal(validation->items[i], expected[i]);
    source_release(&source);
}

static void values_count_as_one_class(void **state) {
    (void)state;
    struct Source source = make_source(true);
    split(&source, 0.25, 1);
    assert_int_equal(part_of(&source, "validation")->count, 15);
    static const char *const names[] = {"train", "validation"};
    for (int s = 0; s < 2; s++) {
        const struct SourceSplit *found = part_of(&source, names[s]);
        assert_null(found->labels);
        for (int64_t i = 0; i < found->count; i++) {
            assert_true(found->targets[2 * i] == (float)found->items[i]);
            assert_true(found->targets[2 * i + 1] == (float)-found->items[i]);
        }
    }
    source_release(&source);
}

static void expect_refusal(struct Source *source, double part, const char *words) {
    assert_int_equal(import_split_validation(source, part, 1, &error), ERROR_DATA);
    if (!strstr(error.text, words))
        fail_msg("\"%s\" does not say \"%s\"", error.text, words);
    source_release(source);
}

static void a_class_without_validation_samples(void **state) {
    (void)state;
    struct Source source = make_source(false);
    expect_refusal(&source, 0.04,
                   "class 'cat' has 10 training images, so none would be left for "
                   "validation");
}

static void a_class_without_training_samples(void **state) {
    (void)state;
    struct Source source = make_source(false);
    expect_refusal(&source, 0.96,
                   "class 'cat' has 10 training images, so none would be left for "
                   "training");
}

static void a_source_without_training_split(void **state) {
    (void)state;
    struct Source source = make_source(false);
    memcpy(source.splits[0].name, "t_ain", 5);
    expect_refusal(&source, 0.2, "there is no split 'train'");
}

static void a_source_with_validation_split(void **state) {
    (void)state;
    struct Source source = make_source(false);
    source_add_split(&source, "validation", 1);
    expect_refusal(&source, 0.2, "already has a split 'validation'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_gives_its_part),
        cmocka_unit_test(classes_are_drawn_independently),
        cmocka_unit_test(a_part_is_rounded_class_by_class),
        cmocka_unit_test(no_sample_is_lost_or_doubled),
        cmocka_unit_test(labels_go_with_their_samples),
        cmocka_unit_test(the_order_of_the_source_stays),
        cmocka_unit_test(the_seed_chooses),
        cmocka_unit_test(the_choice_of_a_seed_is_fixed),
        cmocka_unit_test(values_count_as_one_class),
        cmocka_unit_test(a_class_without_validation_samples),
        cmocka_unit_test(a_class_without_training_samples),
        cmocka_unit_test(a_source_without_training_split),
        cmocka_unit_test(a_source_with_validation_split),
    };
    return cmocka_run_group_tests_name("split_validation", tests, NULL, NULL);
}
