/* Imports of folders of images: order, validation split, files that are left out, and the
 * statistics in the file that is written. */
#include "pictures/made_pictures.h"

#include <math.h>
#include <omp.h>

#include "base/memory.h"
#include "data/dataset/dataset.h"
#include "data/import.h"
#include "store/h5.h"

static int notices;

static void count_notice(void *context, const char *line) {
    (void)context;
    (void)line;
    notices++;
}

static struct ImportOptions options_of(const char *format, const char *path) {
    static char copy[256];
    static const char *const paths[] = {copy};
    snprintf(copy, sizeof copy, "%s", path);
    return (struct ImportOptions){.source =
                                      {
                                          .format = format,
                                          .paths = paths,
                                          .path_count = 1,
                                      },
                                  .seed = 1,
                                  .origin = "a test"};
}

static int import_as(const struct ImportOptions *options, const char *out, struct Error *error) {
    int64_t skipped;
    const struct Ticker ticker = {.notice = count_notice};
    *error = (struct Error){0};
    notices = 0;
    return import_dataset(options, out, &ticker, &skipped, error);
}

/* Neither the file nor a temporary one beside it may be there. */
static void expect_no_debris(const char *name) {
    char command[256];
    snprintf(command, sizeof command, "! ls -A '%s' | grep -q '%s'", folder, name);
    assert_int_equal(system(command), 0);
}

#define refuse(options, expected, ...)                                                             \
    do {                                                                                           \
        struct Error refusal;                                                                      \
        int code = import_as(options, place(folder, "refused.h5"), &refusal);                      \
        expect_failure(&refusal, code, expected, __VA_ARGS__);                                     \
        expect_no_debris("refused.h5");                                                            \
    } while (0)

static void accept(const struct ImportOptions *options, const char *out) {
    struct Error error;
    if (import_as(options, out, &error) != OK)
        stop_test("%s", error.text);
}

static struct H5File *open_file(const char *path) {
    struct Error error;
    struct H5File *file;
    if (h5_open(&file, path, ERROR_DATA, &error) != OK)
        stop_test("%s", error.text);
    return file;
}

/* Reads a whole dataset of the file; its first size goes into *count. */
static void *read_array(struct H5File *file, const char *name, enum H5Type type, int64_t *count) {
    struct Error error;
    struct H5Info info;
    assert_int_equal(h5_info(file, name, &info, &error), OK);
    size_t bytes = type == H5_UINT8 ? 1 : type == H5_FLOAT64 ? 8 : 4;
    void *values =
        memory_allocate((size_t)memory_product(info.size, info.rank) * bytes, "test values");
    assert_int_equal(h5_read(file, name, type, info.rank, info.size, values, &error), OK);
    *count = info.size[0];
    return values;
}

/* The digest of a split, as the file says. */
static char *digest_of(const char *path, const char *group) {
    struct H5File *file = open_file(path);
    struct Error error;
    char *digest;
    assert_int_equal(h5_read_attribute(file, group, "digest", H5_TEXT, &digest, &error), OK);
    h5_close(file);
    return digest;
}

/* Makes `count` images for each class: image k of class c has the level 50 c + k. */
static void make_tree(const char *root, const char *split, int classes, int count) {
    for (int c = 0; c < classes; c++)
        for (int k = 0; k < count; k++) {
            char name[128];
            snprintf(name, sizeof name, "%s/%s/class%d/%03d.png", root, split, c, k);
            write_plain_png(place(folder, name), 8, 8, 50 * c + k);
        }
}

static void folders_in_order(void **state) {
    (void)state;
    make_tree("ordered", "train", 3, 4);
    make_tree("ordered", "test", 3, 2);
    write_bytes(place(folder, "ordered/logs/run.txt"), "no split", 8);
    struct ImportOptions options = options_of("image-folder", place(folder, "ordered"));
    const char *out = place(folder, "ordered.h5");
    accept(&options, out);
    assert_int_equal(notices, 1); /* about logs/ */
    struct H5File *file = open_file(out);
    int64_t count;
    uint8_t *images = read_array(file, "/train/images", H5_UINT8, &count);
    int32_t *labels = read_array(file, "/train/labels", H5_INT32, &count);
    assert_int_equal(count, 12);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(labels[i], i / 4);
        assert_int_equal(images[i * 8 * 8 * 3], 50 * (i / 4) + i % 4);
    }
    char **names;
    struct Error error;
    assert_int_equal(h5_read_texts(file, "/classes", &names, &count, &error), OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[2], "class2");
    for (int64_t i = 0; i < count; i++)
        memory_release(names[i]);
    memory_release(names);
    memory_release(images);
    memory_release(labels);
    h5_close(file);
}

/* The file keeps what each sample was called, and the data set tells it. */
static void samples_keep_their_names(void **state) {
    (void)state;
    make_tree("named", "train", 2, 10);
    struct ImportOptions options = options_of("image-folder", place(folder, "named"));
    options.validation = 0.2;
    const char *out = place(folder, "named.h5");
    accept(&options, out);
    struct Dataset *dataset;
    struct Error error;
    assert_int_equal(dataset_open(&dataset, out, &error), OK);
    for (int s = 0; s < 2; s++) {
        const struct Split *split = dataset_split(dataset, s ? "validation" : "train", &error);
        for (int64_t i = 0; i < split->count; i++) { /* levels are 50 c + k */
            int level = *(const uint8_t *)dataset_image(dataset, split, i);
            struct Text name = {0};
            char expected[32];
            snprintf(expected, sizeof expected, "class%d/%03d.png", level / 50, level % 50);
            assert_int_equal(dataset_name_sample(dataset, split, i, &name, &error), OK);
            assert_string_equal(name.data, expected);
            text_release(&name);
        }
    }
    dataset_close(dataset);
}

/* A split whose pictures lie in no folders of classes has no labels. */
static void a_split_without_labels(void **state) {
    (void)state;
    make_tree("unknown", "train", 2, 2);
    write_plain_png(place(folder, "unknown/test/b.png"), 8, 8, 9);
    write_plain_png(place(folder, "unknown/test/a.png"), 8, 8, 8);
    struct ImportOptions options = options_of("image-folder", place(folder, "unknown"));
    const char *out = place(folder, "unknown.h5");
    accept(&options, out);
    struct H5File *file = open_file(out);
    int64_t count;
    uint8_t *images = read_array(file, "/test/images", H5_UINT8, &count);
    assert_int_equal(count, 2);
    assert_int_equal(images[0], 8);
    assert_false(h5_exists(file, "/test/labels"));
    memory_release(images);
    h5_close(file);
    struct Dataset *dataset;
    struct Error error;
    assert_int_equal(dataset_open(&dataset, out, &error), OK);
    assert_int_equal(dataset->split_count, 1);
    bool listed = false;
    assert_int_equal(dataset_verify(dataset, &listed, &error), OK);
    assert_true(listed);
    dataset_close(dataset);
}

/* 30 pictures of noise of 16x16; 6 of them become the validation split. The file, opened. */
static struct H5File *import_noise(void) {
    static uint8_t pixels[16 * 16 * 3];
    for (int k = 0; k < 30; k++) {
        char name[64];
        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)((i * 7919 + (size_t)k * 104729) >> (i % 3));
        snprintf(name, sizeof name, "noise/train/%c/%d.png", 'a' + k % 2, k);
        write_png(place(folder, name), 16, 16, PNG_COLOR_TYPE_RGB, 8, pixels, 48);
    }
    struct ImportOptions options = options_of("image-folder", place(folder, "noise"));
    options.validation = 0.2;
    const char *out = place(folder, "noise.h5");
    accept(&options, out);
    return open_file(out);
}

/* The mean over all pixels of (channel c − mean c)·(channel d − mean d), summed one by one. */
static double covariance_by_definition(const uint8_t *images, int64_t pixels, const double *mean,
                                       int64_t c, int64_t d) {
    double sum = 0;
    for (int64_t i = 0; i < pixels; i++)
        sum += (images[i * 3 + c] - mean[c]) * (images[i * 3 + d] - mean[d]);
    return sum / (double)pixels;
}

static void channel_statistics_by_definition(void **state) {
    (void)state;
    struct H5File *file = import_noise();
    int64_t count, three;
    uint8_t *images = read_array(file, "/train/images", H5_UINT8, &count);
    double *mean = read_array(file, "/statistics/channel_mean", H5_FLOAT64, &three);
    double *deviation = read_array(file, "/statistics/channel_std", H5_FLOAT64, &three);
    double *covariance = read_array(file, "/statistics/channel_covariance", H5_FLOAT64, &three);
    int64_t pixels = count * 256;
    assert_int_equal(count, 24); /* the samples of validation do not count */
    for (int64_t c = 0; c < 3; c++) {
        double sum = 0;
        for (int64_t i = 0; i < pixels; i++)
            sum += images[i * 3 + c];
        assert_float_equal(mean[c], sum / (double)pixels, 1e-10);
        double variance = covariance_by_definition(images, pixels, mean, c, c);
        assert_float_equal(deviation[c], sqrt(variance), 1e-10);
        for (int64_t d = 0; d < 3; d++)
            assert_float_equal(covariance[c * 3 + d],
                               covariance_by_definition(images, pixels, mean, c, d), 1e-9);
    }
    memory_release(images);
    memory_release(mean);
    memory_release(deviation);
    memory_release(covariance);
    h5_close(file);
}

static void pixel_statistics_by_definition(void **state) {
    (void)state;
    struct H5File *file = import_noise();
    int64_t count, rows;
    uint8_t *images = read_array(file, "/train/images", H5_UINT8, &count);
    float *mean_image = read_array(file, "/statistics/mean_image", H5_FLOAT32, &rows);
    float *pixel_std = read_array(file, "/statistics/pixel_std", H5_FLOAT32, &rows);
    for (int64_t i = 0; i < 768; i++) {
        double sum = 0, square = 0;
        for (int64_t k = 0; k < count; k++)
            sum += images[k * 768 + i];
        for (int64_t k = 0; k < count; k++)
            square += pow(images[k * 768 + i] - sum / (double)count, 2);
        assert_float_equal(mean_image[i], sum / (double)count, 1e-5);
        assert_float_equal(pixel_std[i], sqrt(square / (double)count), 1e-5);
    }
    memory_release(images);
    memory_release(mean_image);
    memory_release(pixel_std);
    h5_close(file);
}

/* test_split_validation.c tests the choice; here, that it reaches the file. */
static void the_seed_chooses_validation(void **state) {
    (void)state;
    make_tree("strata", "train", 2, 40);
    struct ImportOptions options = options_of("image-folder", place(folder, "strata"));
    const char *out = place(folder, "strata.h5");
    char *digests[3];
    static const uint64_t seeds[] = {1, 1, 2};
    options.validation = 0.25;
    for (int i = 0; i < 3; i++) {
        options.seed = seeds[i];
        accept(&options, out);
        digests[i] = digest_of(out, "/validation");
    }
    assert_string_equal(digests[0], digests[1]);
    assert_string_not_equal(digests[0], digests[2]);
    for (int i = 0; i < 3; i++)
        memory_release(digests[i]);
}

static void a_class_too_small_for_validation(void **state) {
    (void)state;
    make_tree("strata", "train", 2, 40);
    struct ImportOptions options = options_of("image-folder", place(folder, "strata"));
    options.validation = 0.001;
    refuse(&options, ERROR_DATA, "class0", "left for validation");
}

static void classes_must_agree(void **state) {
    (void)state;
    make_tree("extra", "train", 2, 1);
    make_tree("extra", "test", 3, 1);
    struct ImportOptions options = options_of("image-folder", place(folder, "extra"));
    refuse(&options, ERROR_DATA, "/extra/test", "class 'class2'", "/extra/train");
    make_tree("hollow", "train", 2, 1);
    place(folder, "hollow/train/nothing/x");
    options = options_of("image-folder", place(folder, "hollow"));
    refuse(&options, ERROR_DATA, "hollow/train/nothing", "holds no images");
    write_plain_png(place(folder, "hollow/train/class0/b.png"), 8, 8, 1);
    options = options_of("image-folder", place(folder, "hollow/train"));
    refuse(&options, ERROR_DATA, "hollow/train:", "they are classes such as 'class0'");
    options = options_of("image-folder", place(folder, "absent"));
    refuse(&options, ERROR_SYSTEM, "absent", "No such file");
    options = options_of("imagefolder", place(folder, "hollow"));
    refuse(&options, ERROR_USAGE, "imagefolder", "did you mean 'image-folder'");
}

static void bad_images(void **state) {
    (void)state;
    make_tree("bad", "train", 2, 3);
    write_bytes(place(folder, "bad/train/class1/001.png"), "no picture", 10);
    write_bytes(place(folder, "bad/train/class1/002.png"), "nor this", 8);
    struct ImportOptions options = options_of("image-folder", place(folder, "bad"));
    refuse(&options, ERROR_DATA, "bad/train/class1/001.png", "is not a picture");
    options.source.pictures.skip_bad = true;
    const char *out = place(folder, "bad.h5");
    accept(&options, out);
    assert_int_equal(notices, 2);
    struct H5File *file = open_file(out);
    int64_t count;
    int32_t *labels = read_array(file, "/train/labels", H5_INT32, &count);
    assert_int_equal(count, 4);
    assert_int_equal(labels[3], 1);
    memory_release(labels);
    h5_close(file);
    write_bytes(place(folder, "bad/train/class1/000.png"), "gone too", 8);
    refuse(&options, ERROR_DATA, "no image of class 'class1'");
    write_bytes(place(folder, "bad/train/class0/000.txt"), "words", 5);
    options.source.pictures.skip_bad = false;
    refuse(&options, ERROR_DATA, "000.txt", "is not a picture");
}

static void sizes(void **state) {
    (void)state;
    make_tree("sizes", "train", 2, 1);
    write_plain_png(place(folder, "sizes/train/class1/zz.png"), 20, 30, 9);
    struct ImportOptions options = options_of("image-folder", place(folder, "sizes"));
    refuse(&options, ERROR_DATA, "zz.png", "30x20", "8x8", "images of one size");
    options.source.pictures.width = 12;
    options.source.pictures.height = 10;
    options.source.pictures.channels = 1;
    const char *out = place(folder, "sizes.h5");
    accept(&options, out);
    struct H5File *file = open_file(out);
    struct H5Info info;
    struct Error error;
    assert_int_equal(h5_info(file, "/train/images", &info, &error), OK);
    const int64_t expected[] = {3, 10, 12, 1};
    assert_memory_equal(info.size, expected, sizeof expected);
    assert_true(info.contiguous);
    h5_close(file);
}

/* One thread and several write the same file. */
static void threads_change_nothing(void **state) {
    (void)state;
    struct ImportOptions options = options_of("image-folder", place(folder, "strata"));
    options.source.pictures.width = options.source.pictures.height = 11;
    const char *out = place(folder, "threads.h5");
    omp_set_num_threads(1);
    accept(&options, out);
    char *one = digest_of(out, "/train");
    omp_set_num_threads(3);
    accept(&options, out);
    char *three = digest_of(out, "/train");
    assert_string_equal(one, three);
    memory_release(one);
    memory_release(three);
    write_bytes(place(folder, "strata/train/class0/007.png"), "bad", 3);
    write_bytes(place(folder, "strata/train/class1/001.png"), "bad", 3);
    for (int i = 0; i < 10; i++)
        refuse(&options, ERROR_DATA, "class0/007.png"); /* always the first one */
    omp_set_num_threads(1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_in_order),
        cmocka_unit_test(samples_keep_their_names),
        cmocka_unit_test(a_split_without_labels),
        cmocka_unit_test(channel_statistics_by_definition),
        cmocka_unit_test(pixel_statistics_by_definition),
        cmocka_unit_test(the_seed_chooses_validation),
        cmocka_unit_test(a_class_too_small_for_validation),
        cmocka_unit_test(classes_must_agree),
        cmocka_unit_test(bad_images),
        cmocka_unit_test(sizes),
        cmocka_unit_test(threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, set_up_folder, tear_down_folder);
}
