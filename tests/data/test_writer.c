/* The writer of data set files: what it writes is read back, whatever the batches; what it refuses;
 * and that nothing is left of a file that was given up. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include "data/dataset/dataset.h"
#include "data/dataset/writer.h"
#include "store/scratch.h"

#include <cmocka.h>

enum { COUNT = 11, HEIGHT = 3, WIDTH = 2, CHANNELS = 3, ELEMENTS = HEIGHT * WIDTH * CHANNELS };

static struct Error error;
static const char *const class_names[] = {"ant", "bee", "cat"};
static const char *const target_names[] = {"mass", "drift"};

static uint8_t pixels[COUNT * ELEMENTS];
static float float_pixels[COUNT * ELEMENTS];
static int32_t labels[COUNT];
static float values[COUNT * 2];

static int fill(void **state) {
    for (int i = 0; i < COUNT * ELEMENTS; i++) {
        pixels[i] = (uint8_t)(i * 37 + i / 5);
        float_pixels[i] = (float)pixels[i] / 4 - 10;
    }
    for (int i = 0; i < COUNT; i++) {
        labels[i] = i * 2 % 3;
        values[2 * i] = (float)i;
        values[2 * i + 1] = (float)(i * i % 7);
    }
    return scratch_make(state);
}

static struct DatasetDescription classes(void) {
    return (struct DatasetDescription){.height = HEIGHT,
                                       .width = WIDTH,
                                       .channels = CHANNELS,
                                       .target_count = 3,
                                       .target_names = class_names,
                                       .source = "a test"};
}

static struct DatasetDescription targets(void) {
    struct DatasetDescription description = classes();
    description.targets = TARGET_VALUES;
    description.target_count = 2;
    description.target_names = target_names;
    return description;
}

static struct DatasetWriter *create(const struct DatasetDescription *description) {
    struct DatasetWriter *writer;
    if (writer__create(&writer, scratch_path("w.h5"), description, &error) != OK)
        fail_msg("%s", error.text);
    return writer;
}

/* A split in batches of `batch` samples. */
static void append(struct DatasetWriter *writer, const struct DatasetDescription *description,
                   const char *name, int64_t batch) {
    assert_int_equal(writer__begin_split(writer, name, COUNT, &error), OK);
    for (int64_t first = 0; first < COUNT; first += batch) {
        int64_t count = COUNT - first < batch ? COUNT - first : batch;
        const void *images = description->floats ? (void *)(float_pixels + first * ELEMENTS)
                                                 : (void *)(pixels + first * ELEMENTS);
        const void *rows = description->targets == TARGET_VALUES ? (void *)(values + 2 * first)
                                                                 : (void *)(labels + first);
        assert_int_equal(writer__append(writer, images, rows, count, &error), OK);
    }
}

/* A file with the splits "train" and "test", opened; its digests and statistics are those of its
 * samples. */
static struct Dataset *write_file(const struct DatasetDescription *description, int64_t batch) {
    struct DatasetWriter *writer = create(description);
    append(writer, description, "train", batch);
    append(writer, description, "test", batch);
    assert_int_equal(writer__commit(writer, &error), OK);
    struct Dataset *dataset;
    if (dataset_open(&dataset, scratch_path("w.h5"), &error) != OK ||
        dataset_verify(dataset, NULL, &error) != OK)
        fail_msg("%s", error.text);
    return dataset;
}

static const struct Split *split_of(const struct Dataset *dataset, const char *name) {
    const struct Split *split = dataset_split(dataset, name, &error);
    assert_non_null(split);
    return split;
}

static void bytes_and_labels_are_read_back(void **state) {
    (void)state;
    const struct DatasetDescription description = classes();
    struct Dataset *dataset = write_file(&description, COUNT);
    const struct Split *test = split_of(dataset, "test");
    assert_true(test->bytes);
    assert_int_equal(test->count, COUNT);
    assert_memory_equal(test->images, pixels, sizeof pixels);
    assert_memory_equal(test->labels, labels, sizeof labels);
    assert_null(test->targets);
    assert_string_equal(dataset->targets.names[2], "cat");
    assert_string_equal(dataset->source, "a test");
    dataset_close(dataset);
}

static void floats_and_values_are_read_back(void **state) {
    (void)state;
    struct DatasetDescription description = targets();
    description.floats = true;
    struct Dataset *dataset = write_file(&description, COUNT);
    const struct Split *test = split_of(dataset, "test");
    assert_false(test->bytes);
    assert_memory_equal(test->images, float_pixels, sizeof float_pixels);
    assert_memory_equal(test->targets, values, sizeof values);
    assert_null(test->labels);
    assert_int_equal(targets_classes(&dataset->targets), 0);
    assert_string_equal(dataset->targets.names[1], "drift");
    dataset_close(dataset);
}

static void batches_change_nothing(void **state) {
    (void)state;
    const struct DatasetDescription description = classes();
    struct Dataset *whole = write_file(&description, COUNT);
    for (int64_t batch = 1; batch < COUNT; batch += 3) {
        struct Dataset *dataset = write_file(&description, batch);
        assert_string_equal(split_of(dataset, "train")->digest, split_of(whole, "train")->digest);
        assert_memory_equal(dataset->statistics.mean_image, whole->statistics.mean_image,
                            ELEMENTS * sizeof(float));
        assert_memory_equal(dataset->statistics.channel_std, whole->statistics.channel_std,
                            CHANNELS * sizeof(double));
        dataset_close(dataset);
    }
    dataset_close(whole);
}

static void labels_are_part_of_the_digest(void **state) {
    (void)state;
    const struct DatasetDescription description = classes();
    struct Dataset *dataset = write_file(&description, COUNT);
    labels[4] = (labels[4] + 1) % 3;
    struct Dataset *other = write_file(&description, COUNT);
    labels[4] = (labels[4] + 2) % 3;
    assert_string_not_equal(split_of(dataset, "train")->digest, split_of(other, "train")->digest);
    dataset_close(dataset);
    dataset_close(other);
}

static void targets_have_statistics(void **state) {
    (void)state;
    const struct DatasetDescription description = targets();
    struct Dataset *dataset = write_file(&description, 4);
    assert_float_equal(dataset->target_mean[0], 5, 1e-12);                 /* of 0 … 10 */
    assert_float_equal(dataset->target_std[0], 3.1622776601683795, 1e-12); /* √10 */
    dataset_close(dataset);
}

static void a_file_without_training_split_has_no_statistics(void **state) {
    (void)state;
    const struct DatasetDescription description = classes();
    struct DatasetWriter *writer = create(&description);
    append(writer, &description, "test", COUNT);
    assert_int_equal(writer__commit(writer, &error), OK);
    struct Dataset *dataset;
    assert_int_equal(dataset_open(&dataset, scratch_path("w.h5"), &error), OK);
    assert_null(dataset->statistics.channel_mean);
    assert_null(dataset->statistics.mean_image);
    dataset_close(dataset);
}

static void names_alike(void **state) {
    (void)state;
    static const char *const alike[] = {"ant", "bee", "ant"};
    struct DatasetDescription description = classes();
    description.target_names = alike;
    struct DatasetWriter *writer;
    assert_int_equal(writer__create(&writer, scratch_path("w.h5"), &description, &error),
                     ERROR_DATA);
    assert_null(writer);
    assert_non_null(strstr(error.text, "classes 0 and 2 have the same name 'ant'"));
}

static void an_empty_split(void **state) {
    (void)state;
    const struct DatasetDescription description = classes();
    struct DatasetWriter *writer = create(&description);
    assert_int_equal(writer__begin_split(writer, "train", 0, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "split 'train' holds no images"));
    writer__abandon(writer);
}

static void a_split_beyond_64_bits(void **state) {
    (void)state;
    struct DatasetDescription description = classes();
    struct DatasetWriter *writer = create(&description);
    assert_int_equal(writer__begin_split(writer, "train", INT64_MAX / 4, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "is too large"));
    writer__abandon(writer);
}

static void nothing_is_left_of_a_file_given_up(void **state) {
    (void)state;
    const struct DatasetDescription description = classes();
    scratch_empty();
    struct DatasetWriter *writer = create(&description);
    append(writer, &description, "train", 2);
    assert_int_equal(writer__begin_split(writer, "test", COUNT, &error), OK);
    writer__abandon(writer);
    assert_int_equal(scratch_count(), 0);
}

/* Appends samples in another process, with `bad` as one label or value: a bug of the caller, which
 * ends that process. */
static bool ends_the_process(const struct DatasetDescription *description, double bad) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        check_set_handler(_exit, -1);
        labels[COUNT - 1] = (int32_t)(description->targets == TARGET_VALUES ? 0 : bad);
        values[2 * COUNT - 1] = (float)bad;
        append(create(description), description, "train", COUNT);
        _exit(0);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    return !WIFEXITED(code) || WEXITSTATUS(code) != 0;
}

static void a_wrong_label_is_a_bug(void **state) {
    (void)state;
    const struct DatasetDescription description = classes();
    assert_false(ends_the_process(&description, 2));
    assert_true(ends_the_process(&description, 3));
    assert_true(ends_the_process(&description, -1));
}

static void a_value_that_is_not_finite_is_a_bug(void **state) {
    (void)state;
    const struct DatasetDescription description = targets();
    assert_false(ends_the_process(&description, -1e30));
    assert_true(ends_the_process(&description, (double)__builtin_nanf("")));
    assert_true(ends_the_process(&description, __builtin_inf()));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_labels_are_read_back),
        cmocka_unit_test(floats_and_values_are_read_back),
        cmocka_unit_test(batches_change_nothing),
        cmocka_unit_test(labels_are_part_of_the_digest),
        cmocka_unit_test(targets_have_statistics),
        cmocka_unit_test(a_file_without_training_split_has_no_statistics),
        cmocka_unit_test(names_alike),
        cmocka_unit_test(an_empty_split),
        cmocka_unit_test(a_split_beyond_64_bits),
        cmocka_unit_test(nothing_is_left_of_a_file_given_up),
        cmocka_unit_test(a_wrong_label_is_a_bug),
        cmocka_unit_test(a_value_that_is_not_finite_is_a_bug),
    };
    return cmocka_run_group_tests_name("writer", tests, fill, scratch_remove);
}
