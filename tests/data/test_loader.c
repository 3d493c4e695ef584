/* The loader: every sample of every epoch is a pure function of seed, epoch and position. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "base/clock.h"
#include "data/augmented.h"
#include "data/loader.h"
#include "data/made_dataset.h"
#include "store/scratch.h"

#include <cmocka.h>

static struct Error error;

struct Fixture {
    struct Dataset *dataset;
    struct Preprocess preprocess;
    struct Augmented augmented;
    struct LoaderRequest request;
};

static struct Fixture fixture(struct Made made, const char *augment) {
    struct Fixture made_fixture = {0}, *f = &made_fixture;
    made_write(scratch_path("d.h5"), made);
    struct PreprocessOptions options = {.center = CENTER_CHANNEL_MEAN, .scale = SCALE_CHANNEL_STD};
    if (dataset_open(&f->dataset, scratch_path("d.h5"), &error) != OK ||
        preprocess_create(&f->preprocess, &options, NULL, f->dataset, &error) != OK ||
        augmented_parse(&f->augmented, augment, &error) != OK)
        fail_msg("%s", error.text);
    return made_fixture;
}

static struct Loader *loader_of(struct Fixture *f, bool shuffle, uint64_t seed) {
    struct LoaderRequest request = {.dataset = f->dataset,
                                    .split = dataset_split(f->dataset, "train", &error),
                                    .preprocess = &f->preprocess,
                                    .augment = &f->augmented.list,
                                    .mix = &f->augmented.mix,
                                    .seed = seed,
                                    .shuffle = shuffle};
    struct Loader *loader;
    if (loader_create(&loader, &request, &error) != OK)
        fail_msg("%s", error.text);
    return loader;
}

static void release(struct Fixture *f) {
    preprocess_release(&f->preprocess);
    dataset_close(f->dataset);
    runfile_release(f->augmented.file);
    scratch_empty();
}

struct Epoch {
    float images[MADE_TRAIN][MADE_ELEMENTS], targets[MADE_TRAIN][MADE_CLASSES];
    int64_t samples[MADE_TRAIN];
};

/* Loads an epoch in chunks of `chunk` samples, from first to last or from last to first. */
static void load(struct Loader *loader, int64_t epoch, int64_t chunk, bool backwards,
                 struct Epoch *out) {
    memset(out, 0x55, sizeof *out);
    int64_t chunks = (MADE_TRAIN + chunk - 1) / chunk;
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = (backwards ? chunks - 1 - i : i) * chunk;
        int64_t count = first + chunk < MADE_TRAIN ? chunk : MADE_TRAIN - first;
        loader_fill(loader, epoch, first, count, out->images[first], out->targets[first],
                    &out->samples[first]);
    }
}

static const char moves[] = "augment: [flip, crop: {pad: 2}, flip: {probability: 0.3},"
                            " crop: {pad: 3, fill: reflect}]";
static const char everything[] =
    "augment: [flip: {alternate: true}, crop: {pad: 2}, resized_crop: {scale: [0.3, 1]}, translate,"
    " rotate, shear: {along: both}, brightness, contrast, saturation, hue: {amount: 0.5},"
    " greyscale: {probability: 0.3}, lighting, cutout: {size: 2, count: 2}]\n"
    "mix: [mixup: {alpha: 0.2, probability: 0.4}, cutmix: {probability: 0.4}]\n";

/* An epoch is the same, whatever the chunks, their order, and what was loaded before. */
static void independent_of_chunks(void **state) {
    (void)state;
    for (int floats = 0; floats < 2; floats++) {
        struct Fixture f = fixture((struct Made){.floats = floats}, everything);
        struct Loader *loader = loader_of(&f, true, 9), *other = loader_of(&f, true, 9);
        static struct Epoch whole, again;
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            load(loader, epoch, MADE_TRAIN, false, &whole);
            for (int64_t chunk = 1; chunk <= 17; chunk += 2) {
                load(other, epoch, chunk, chunk % 4 == 1, &again);
                assert_memory_equal(&again, &whole, sizeof whole);
                load(other, epoch + 7, 40, false, &again);
            }
        }
        loader_release(loader);
        loader_release(other);
        release(&f);
    }
}

static void permutations(void **state) {
    (void)state;
    struct Fixture f = fixture((struct Made){0}, "augment: []");
    struct Loader *loader = loader_of(&f, true, 1), *other = loader_of(&f, true, 2);
    static struct Epoch first, second, third;
    load(loader, 0, 40, false, &first);
    load(loader, 1, 40, false, &second);
    load(other, 0, 40, false, &third);
    int seen[MADE_TRAIN] = {0}, fixed = 0;
    for (int i = 0; i < MADE_TRAIN; i++) {
        seen[first.samples[i]]++;
        fixed += first.samples[i] == i;
        for (int c = 0; c < MADE_CLASSES; c++)
            assert_true(first.targets[i][c] == (c == made_label(first.samples[i])));
    }
    for (int i = 0; i < MADE_TRAIN; i++)
        assert_int_equal(seen[i], 1);
    assert_true(fixed < 10);
    assert_memory_not_equal(first.samples, second.samples, sizeof first.samples);
    assert_memory_not_equal(first.samples, third.samples, sizeof first.samples);
    loader_release(loader);
    loader_release(other);
    release(&f);
}

/* A run that is resumed in the middle of an epoch relies on it:
 * the order of a seed never changes. */
static void the_order_of_a_seed_is_fixed(void **state) {
    (void)state;
    static const int64_t expected[2][8] = {{12, 25, 27, 23, 22, 15, 9, 24},
                                           {36, 27, 18, 7, 14, 23, 24, 32}};
    struct Fixture f = fixture((struct Made){0}, "augment: []");
    struct Loader *loader = loader_of(&f, true, 1);
    static struct Epoch epoch;
    for (int e = 0; e < 2; e++) {
        load(loader, e, 40, false, &epoch);
        assert_memory_equal(epoch.samples, expected[e], sizeof expected[e]);
    }
    loader_release(loader);
    release(&f);
}

static void unshuffled(void **state) {
    (void)state;
    for (int floats = 0; floats < 2; floats++) {
        struct Fixture f = fixture((struct Made){.floats = floats}, "augment: []");
        struct Loader *loader = loader_of(&f, false, 1);
        static struct Epoch epoch;
        load(loader, 5, 7, false, &epoch);
        for (int i = 0; i < MADE_TRAIN; i++) {
            assert_int_equal(epoch.samples[i], i);
            for (int e = 0; e < MADE_ELEMENTS; e++) {
                double value = made_pixel(i, e) / (floats ? 4.0 : 1.0);
                double expected = (value - f.dataset->statistics.channel_mean[e % MADE_CHANNELS]) /
                                  f.dataset->statistics.channel_std[e % MADE_CHANNELS];
                assert_float_equal(epoch.images[i][e], expected, 1e-5);
            }
        }
        loader_fill(loader, 0, 3, 0, epoch.images[0], epoch.targets[0], NULL);
        loader_fill(loader, 0, 39, 1, epoch.images[0], epoch.targets[0], NULL);
        loader_release(loader);
        release(&f);
    }
}

/* The loader gives what the augmentations make of the preprocessed image, one after another, each
 * keyed by its place in the list, the epoch and the sample. */
static void augmentations_in_order(void **state) {
    (void)state;
    struct Fixture f = fixture((struct Made){0}, moves);
    struct Loader *loader = loader_of(&f, true, 3);
    static struct Epoch epoch;
    load(loader, 4, 40, false, &epoch);
    const struct Split *split = dataset_split(f.dataset, "train", &error);
    int changed = 0;
    for (int i = 0; i < MADE_TRAIN; i++) {
        int64_t sample = epoch.samples[i];
        float pixels[2][MADE_ELEMENTS], plain[MADE_ELEMENTS];
        preprocess_apply(&f.preprocess, true,
                         (const uint8_t *)split->images + sample * MADE_ELEMENTS, pixels[0]);
        memcpy(plain, pixels[0], sizeof plain);
        for (int place = 0; place < 4; place++) {
            const struct Choice *choice = &f.augmented.list.items[place];
            struct Image in = {MADE_HEIGHT, MADE_WIDTH, MADE_CHANNELS, pixels[place % 2], 0};
            struct Image out = in;
            out.pixels = pixels[(place + 1) % 2];
            const struct AugmentPlace at = {3, (uint32_t)place, 4, (uint64_t)sample};
            ((const struct Augment *)choice->kind)->apply(choice->options, NULL, &at, &in, &out);
        }
        assert_memory_equal(epoch.images[i], pixels[0], sizeof plain);
        changed += memcmp(plain, pixels[0], sizeof plain) != 0;
    }
    assert_true(changed > 35);
    loader_release(loader);
    release(&f);
}

/* Augmentations made for the tests below: one cuts two columns off, one inverts. */
static int describe_cut(const struct Choice *choice, const struct Image *in, struct Image *out,
                        struct Error *unused) {
    (void)choice, (void)unused;
    *out = *in;
    out->width -= 2;
    return OK;
}
static void apply_cut(const void *options, void *prepared, const struct AugmentPlace *place,
                      const struct Image *in, struct Image *out) {
    (void)options, (void)prepared, (void)place;
    for (int64_t y = 0; y < out->height; y++)
        memcpy(out->pixels + y * out->width * out->channels,
               in->pixels + y * in->width * in->channels,
               (size_t)(out->width * out->channels) * sizeof(float));
}
static void apply_invert(const void *options, void *prepared, const struct AugmentPlace *place,
                         const struct Image *in, struct Image *out) {
    (void)options, (void)prepared, (void)place;
    for (int64_t i = 0; i < in->height * in->width * in->channels; i++)
        out->pixels[i] = in->white - in->pixels[i];
}

static const struct Augment cut = {.kind = {.name = "cut"},
                                   .stage = AUGMENT_PREPROCESSED,
                                   .describe = describe_cut,
                                   .apply = apply_cut};
static const struct Augment raw_cut = {.kind = {.name = "raw_cut"},
                                       .stage = AUGMENT_RAW,
                                       .describe = describe_cut,
                                       .apply = apply_cut};
static const struct Augment invert = {
    .kind = {.name = "invert"}, .stage = AUGMENT_RAW, .apply = apply_invert};

/* Pixel `element` of stored sample 7, centred and scaled; inverted before that, if asked for. */
static double expected_value(const struct Fixture *f, int element, bool inverted) {
    double value = made_pixel(7, element);
    int c = element % MADE_CHANNELS;
    value = inverted ? 255 - value : value;
    return (value - f->dataset->statistics.channel_mean[c]) / f->dataset->statistics.channel_std[c];
}

/* Inversions see the pixels as they are stored; the cut, first in the list, comes after
 * preprocessing. */
static void raw_stages_come_before_preprocessing(void **state) {
    (void)state;
    struct Choice items[3] = {{.kind = &cut.kind}, {.kind = &invert.kind}, {.kind = &invert.kind}};
    struct Fixture f = fixture((struct Made){0}, "augment: []");
    for (int inversions = 0; inversions < 3; inversions++) {
        f.augmented.list = (struct ChoiceList){1 + inversions, items};
        struct Loader *loader = loader_of(&f, false, 1);
        assert_int_equal(loader_image(loader).width, MADE_WIDTH - 2);
        float image[MADE_ELEMENTS], target[MADE_CLASSES];
        loader_fill(loader, 0, 7, 1, image, target, NULL);
        for (int y = 0, at = 0; y < MADE_HEIGHT; y++)
            for (int i = 0; i < (MADE_WIDTH - 2) * MADE_CHANNELS; i++) {
                int element = y * MADE_WIDTH * MADE_CHANNELS + i;
                assert_float_equal(image[at++], expected_value(&f, element, inversions == 1), 1e-5);
            }
        loader_release(loader);
    }
    f.augmented.list = (struct ChoiceList){0};
    release(&f);
}

static void a_raw_stage_must_keep_the_size_of_preprocessing(void **state) {
    (void)state;
    struct Choice items[1] = {{.kind = &raw_cut.kind}};
    struct Fixture f = fixture((struct Made){0}, "augment: []");
    f.augmented.list = (struct ChoiceList){1, items};
    struct Loader *loader;
    struct LoaderRequest request = {.dataset = f.dataset,
                                    .split = &f.dataset->splits[0],
                                    .preprocess = &f.preprocess,
                                    .augment = &f.augmented.list};
    assert_int_equal(loader_create(&loader, &request, &error), ERROR_DATA);
    assert_non_null(strstr(error.text, "has images of (6,3,3); the preprocessing expects (6,5,3)"));
    assert_null(loader);
    f.augmented.list = (struct ChoiceList){0};
    release(&f);
}

/* Samples [first, first + count) with their weights. */
static void load_weighted(struct Loader *loader, int64_t epoch, int64_t first, int64_t count,
                          struct Epoch *out, float *weights) {
    memset(out, 0x55, sizeof *out);
    loader_fill_weighted(loader, epoch, first, count, out->images[0], out->targets[0], weights);
}

/* What is expected and what is not, all of it and parts, in any order: the samples are the same. */
static void samples_that_are_made_ahead(void **state) {
    (void)state;
    struct Fixture f = fixture((struct Made){0}, everything);
    struct Loader *ahead = loader_of(&f, true, 9), *plain = loader_of(&f, true, 9);
    static struct Epoch mine, theirs;
    float weights[2][MADE_TRAIN];
    static const struct {
        int64_t epoch, first, count;
        bool weighted;
    } expected = {3, 8, 16, true},
      asked[] = {{3, 8, 16, true}, {3, 8, 4, true},  {3, 20, 4, true}, {3, 8, 16, false},
                 {3, 4, 8, true},  {3, 16, 9, true}, {2, 8, 16, true}, {3, 24, 16, true}};
    loader_expect(ahead, 3, 8, 16, true); /* no thread: nothing */
    loader_work_ahead(ahead, 16);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        for (int times = 1; times <= 2; times++) {
            struct Loader *loaders[] = {ahead, plain};
            struct Epoch *made[] = {&mine, &theirs};
            loader_expect(ahead, expected.epoch, expected.first, expected.count, times == 2);
            loader_expect(ahead, expected.epoch, expected.first, expected.count, expected.weighted);
            for (int k = 0; k < 2; k++)
                if (asked[i].weighted)
                    load_weighted(loaders[k], asked[i].epoch, asked[i].first, asked[i].count,
                                  made[k], weights[k]);
                else
                    load(loaders[k], asked[i].epoch, 7, times == 2, made[k]);
            assert_memory_equal(&mine, &theirs, sizeof mine);
            if (asked[i].weighted)
                assert_memory_equal(weights[0], weights[1],
                                    (size_t)asked[i].count * sizeof weights[0][0]);
        }
    loader_expect(ahead, 5, 0, 16, false); /* is released while it is made */
    loader_release(ahead);
    loader_release(plain);
    release(&f);
}

/* A loose bound, so that a busy machine does not fail it; only a blunder does. */
static void cost(void **state) {
    (void)state;
    enum { COUNT = 256, ELEMENTS = 32 * 32 * 3 };
    static uint8_t pixels[COUNT * ELEMENTS];
    static int32_t labels[COUNT];
    static float images[COUNT * ELEMENTS], targets[COUNT * 10];
    static char name[] = "made";
    float mean[3] = {120, 110, 100}, factor[3] = {0.01f, 0.02f, 0.03f};
    struct Split split = {
        .name = name, .count = COUNT, .bytes = true, .images = pixels, .labels = labels};
    struct Dataset dataset = {.path = name,
                              .height = 32,
                              .width = 32,
                              .channels = 3,
                              .targets.count = 10,
                              .split_count = 1,
                              .splits = &split};
    struct Preprocess preprocess = {.height = 32,
                                    .width = 32,
                                    .channels = 3,
                                    .mean_count = 3,
                                    .mean = mean,
                                    .factor_count = 3,
                                    .factor = factor};
    struct Augmented augmented;
    assert_int_equal(augmented_parse(&augmented, "augment: [flip, crop]", &error), OK);
    struct LoaderRequest request = {.dataset = &dataset,
                                    .split = &split,
                                    .preprocess = &preprocess,
                                    .augment = &augmented.list,
                                    .seed = 1,
                                    .shuffle = true};
    struct Loader *loader;
    assert_int_equal(loader_create(&loader, &request, &error), OK);
    double best = 1;
    for (int epoch = 0; epoch < 20; epoch++) {
        double start = clock_seconds();
        loader_fill(loader, epoch, 0, COUNT, images, targets, NULL);
        best = fmin(best, (clock_seconds() - start) / COUNT);
    }
    print_message("flip and crop of 32x32x3: %.2f us an image\n", best * 1e6);
    assert_true(best < 200e-6);
    loader_release(loader);
    runfile_release(augmented.file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(independent_of_chunks),
        cmocka_unit_test(permutations),
        cmocka_unit_test(the_order_of_a_seed_is_fixed),
        cmocka_unit_test(unshuffled),
        cmocka_unit_test(augmentations_in_order),
        cmocka_unit_test(raw_stages_come_before_preprocessing),
        cmocka_unit_test(a_raw_stage_must_keep_the_size_of_preprocessing),
        cmocka_unit_test(samples_that_are_made_ahead),
        cmocka_unit_test(cost),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
