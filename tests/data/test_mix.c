/* mixup and CutMix through the loader. All pixels of image i are i and its class is i, so that a
 * mixed sample shows which images it was made of, and with what weights. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/augmented.h"
#include "data/loader.h"

#include <cmocka.h>

static struct Error error;
enum { COUNT = 40, HEIGHT = 10, WIDTH = 12, CHANNELS = 2, EPOCHS = 100 };
enum { AREA = HEIGHT * WIDTH, ELEMENTS = AREA * CHANNELS };

struct Fixture {
    struct Split split;
    struct Dataset dataset;
    struct Preprocess preprocess;
    struct Augmented augmented;
    struct Loader *loader;
};

static void start(struct Fixture *f, const char *text, bool shuffle, bool evaluate) {
    static char name[] = "made";
    static uint8_t pixels[COUNT * ELEMENTS];
    static int32_t labels[COUNT];
    static float factor[CHANNELS] = {1, 1};
    for (int i = 0; i < COUNT * ELEMENTS; i++)
        pixels[i] = (uint8_t)(i / ELEMENTS);
    for (int i = 0; i < COUNT; i++)
        labels[i] = i;
    *f = (struct Fixture){
        .split = {.name = name, .count = COUNT, .bytes = true, .images = pixels, .labels = labels},
        .dataset = {.path = name,
                    .height = HEIGHT,
                    .width = WIDTH,
                    .channels = CHANNELS,
                    .targets.count = COUNT,
                    .split_count = 1,
                    .splits = &f->split},
        .preprocess = {.height = HEIGHT, .width = WIDTH, .channels = CHANNELS, .factor = factor}};
    if (augmented_parse(&f->augmented, text, &error) != OK)
        fail_msg("%s", error.text);
    struct LoaderRequest request = {.dataset = &f->dataset,
                                    .split = &f->split,
                                    .preprocess = &f->preprocess,
                                    .augment = &f->augmented.list,
                                    .mix = &f->augmented.mix,
                                    .evaluate = evaluate,
                                    .seed = 4,
                                    .shuffle = shuffle};
    if (loader_create(&f->loader, &request, &error) != OK)
        fail_msg("%s", error.text);
}

static void end(struct Fixture *f) {
    loader_release(f->loader);
    runfile_release(f->augmented.file);
}

struct Mixed {
    float image[ELEMENTS], target[COUNT];
    int64_t sample;
};

static void load(struct Fixture *f, int64_t epoch, int64_t position, struct Mixed *mixed) {
    loader_fill(f->loader, epoch, position, 1, mixed->image, mixed->target, &mixed->sample);
}

/* The partner, as the target tells; the sample itself if there is no other class in the target. */
static int64_t partner_of(const struct Mixed *mixed) {
    int64_t partner = mixed->sample;
    double sum = 0;
    for (int64_t c = 0; c < COUNT; c++) {
        sum += (double)mixed->target[c];
        assert_true(mixed->target[c] >= 0 && mixed->target[c] <= 1);
        if (c != mixed->sample && mixed->target[c] > 0) {
            assert_int_equal(partner, mixed->sample);
            partner = c;
        }
    }
    assert_float_equal(sum, 1, 1e-6);
    return partner;
}

static void assert_mixup(const struct Mixed *mixed) {
    int64_t partner = partner_of(mixed);
    double own = mixed->target[mixed->sample];
    double expected = own * (double)mixed->sample + (1 - own) * (double)partner;
    for (int i = 0; i < ELEMENTS; i++)
        assert_float_equal(mixed->image[i], expected, 1e-4);
}

/* The partner shows in one rectangle, whose area is the partner's weight. */
/* Sample i weighs i / 4: weight times target is the mean of both weighted targets. */
static void weighted_mixups(void **state) {
    (void)state;
    struct Fixture f;
    float weights[COUNT];
    start(&f, "mix: [mixup: {alpha: 1}]", true, false);
    for (int i = 0; i < COUNT; i++)
        weights[i] = (float)i / 4;
    for (int64_t i = 0; i < COUNT; i++) {
        struct Mixed plain, mixed;
        float weight = -1, rest;
        load(&f, 1, i, &plain);
        f.split.weights = weights;
        loader_fill_weighted(f.loader, 1, i, 1, mixed.image, mixed.target, &weight);
        f.split.weights = NULL;
        assert_memory_equal(plain.image, mixed.image, sizeof mixed.image);
        for (int c = 0; c < COUNT; c++)
            assert_float_equal(weight * mixed.target[c], plain.target[c] * weights[c], 1e-5);
        loader_fill_weighted(f.loader, 1, i, 1, mixed.image, mixed.target, &rest);
        assert_float_equal(rest, 1, 1e-6); /* a split without weights */
        assert_memory_equal(plain.target, mixed.target, sizeof mixed.target);
    }
    end(&f);
}

static void assert_cutmix(const struct Mixed *mixed) {
    int64_t partner = partner_of(mixed), area = 0, top = HEIGHT, left = WIDTH, bottom = 0,
            right = 0;
    for (int64_t i = 0; i < AREA; i++) {
        assert_true(mixed->image[2 * i] == mixed->image[2 * i + 1]);
        if (mixed->image[2 * i] == (float)mixed->sample)
            continue;
        assert_true(mixed->image[2 * i] == (float)partner);
        int64_t y = i / WIDTH, x = i % WIDTH;
        area++;
        top = y < top ? y : top;
        left = x < left ? x : left;
        bottom = y + 1 > bottom ? y + 1 : bottom;
        right = x + 1 > right ? x + 1 : right;
    }
    assert_int_equal(area, area ? (bottom - top) * (right - left) : 0);
    if (partner != mixed->sample)
        assert_true(mixed->target[mixed->sample] == (float)(1 - (double)area / AREA));
}

static void mixups(void **state) {
    (void)state;
    struct Fixture f;
    start(&f, "mix: [mixup: {alpha: 1}]", true, false);
    int partners[COUNT] = {0}, weights[10] = {0}, mixes = 0;
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t i = 0; i < COUNT; i++) {
            struct Mixed mixed;
            load(&f, epoch, i, &mixed);
            assert_mixup(&mixed);
            partners[partner_of(&mixed)]++;
            if (partner_of(&mixed) == mixed.sample)
                continue;
            weights[(int)fmin(10 * (double)mixed.target[mixed.sample], 9)]++;
            mixes++;
        }
    for (int i = 0; i < COUNT; i++) /* 100 expected, deviation 10 */
        assert_in_range(partners[i], 50, 150);
    for (int i = 0; i < 10; i++) /* Beta(1, 1) is uniform: 390, deviation 19 */
        assert_in_range(weights[i], mixes / 10 - 95, mixes / 10 + 95);
    end(&f);
}

static void cutmixes(void **state) {
    (void)state;
    struct Fixture f;
    start(&f, "mix: [cutmix]", false, false);
    double own = 0;
    int whole = 0;
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t i = 0; i < COUNT; i++) {
            struct Mixed mixed;
            load(&f, epoch, i, &mixed);
            assert_cutmix(&mixed);
            own += (double)mixed.target[mixed.sample] / (EPOCHS * COUNT);
            whole += mixed.target[mixed.sample] == 1;
        }
    /* λ is 1/2 on average; rectangles cut off at the border leave more of the image. */
    assert_true(own > 0.55 && own < 0.75);
    assert_true(whole < EPOCHS * COUNT / 5);
    end(&f);
}

static void probabilities(void **state) {
    (void)state;
    struct Fixture f;
    start(&f, "mix: [mixup: {probability: 0.2}, cutmix: {probability: 0.5}]", true, false);
    int alone = 0, blended = 0, pasted = 0;
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t i = 0; i < COUNT; i++) {
            struct Mixed mixed;
            load(&f, epoch, i, &mixed);
            if (partner_of(&mixed) == mixed.sample) {
                alone++;
            } else if (mixed.image[0] == roundf(mixed.image[0])) {
                assert_cutmix(&mixed);
                pasted++;
            } else {
                assert_mixup(&mixed);
                blended++;
            }
        }
    /* Deviations 25, 32; one in forty partners is the sample itself. */
    assert_in_range(blended, 800 * 39 / 40 - 125, 800 + 125);
    assert_in_range(pasted, 2000 * 39 / 40 - 300, 2000 + 160); /* some rectangles are empty */
    assert_true(alone >= 1200 - 145);
    end(&f);
}

/* Nothing depends on the order of the epoch or on the batch; a partner is augmented as in its own
 * place. */
static void keyed_by_sample(void **state) {
    (void)state;
    static const char text[] = "augment: [cutout: {size: 6}]\nmix: [mixup]";
    struct Fixture shuffled, in_order, alone;
    start(&in_order, text, false, false);
    start(&alone, "augment: [cutout: {size: 6}]", false, false);
    start(&shuffled, text, true, false);
    for (int64_t i = 0; i < COUNT; i++) {
        struct Mixed one, other, own, partner;
        load(&shuffled, 3, i, &one);
        load(&in_order, 3, one.sample, &other);
        assert_memory_equal(one.image, other.image, sizeof one.image);
        assert_memory_equal(one.target, other.target, sizeof one.target);
        load(&alone, 3, one.sample, &own);
        load(&alone, 3, partner_of(&one), &partner);
        float weight = one.target[one.sample];
        for (int e = 0; e < ELEMENTS && partner.sample != own.sample; e++)
            assert_float_equal(one.image[e],
                               weight * own.image[e] + (1 - weight) * partner.image[e], 1e-4);
    }
    end(&shuffled);
    end(&in_order);
    end(&alone);
}

static void not_at_test_time(void **state) {
    (void)state;
    struct Fixture f;
    start(&f, "augment: [cutout: {size: 20, count: 50}, brightness]\nmix: [mixup]", false, true);
    for (int64_t i = 0; i < COUNT; i++) {
        struct Mixed mixed;
        load(&f, 0, i, &mixed);
        assert_true(mixed.target[i] == 1);
        for (int e = 0; e < ELEMENTS; e++)
            assert_true(mixed.image[e] == (float)i);
    }
    end(&f);
}

/* Targets that are values are mixed as pixels are; here the first target equals
 * the image's pixels. */
static void values(void **state) {
    (void)state;
    struct Fixture f;
    start(&f, "mix: [mixup]", true, false);
    static float rows[COUNT][2];
    for (int i = 0; i < COUNT; i++) {
        rows[i][0] = (float)i;
        rows[i][1] = (float)(-2 * i);
    }
    f.split.labels = NULL;
    f.split.targets = rows[0];
    f.dataset.targets = (struct Targets){.kind = TARGET_VALUES, .count = 2};
    int between = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        struct Mixed mixed;
        load(&f, 2, i, &mixed);
        assert_float_equal(mixed.target[0], mixed.image[0], 1e-4);
        assert_float_equal(mixed.target[1], -2 * mixed.image[0], 1e-4);
        between += mixed.image[0] != roundf(mixed.image[0]);
    }
    assert_true(between > COUNT / 2);
    end(&f);
}

static void refusals(void **state) {
    (void)state;
    static const char *const texts[] = {"mix: [mixup, cutmix]", "mix: [mixup: {alpha: 0}]",
                                        "mix: [cutmx]", "mix: [mixup: {probability: 1.1}]",
                                        "mix: [mixup: {probability: 0}, cutmix]"};
    static const char *const words[] = {"add up to 2, expected at most 1", "alpha",
                                        "did you mean 'cutmix'?", "probability",
                                        "images are 1x1 pixels, expected at least 2x2"};
    for (int i = 0; i < 5; i++) {
        struct Augmented augmented;
        const struct Image size = {i == 4 ? 1 : 9, i == 4 ? 1 : 9, 3, NULL, 0};
        int code = augmented_parse(&augmented, texts[i], &error);
        if (code == OK)
            code = mix_check(&augmented.mix, &size, &error);
        assert_int_equal(code, ERROR_RUN_FILE);
        if (!strstr(error.text, words[i]) || !strstr(error.text, "test.yaml:1"))
            fail_msg("\"%s\" does not say \"%s\"", error.text, words[i]);
        runfile_release(augmented.file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixups),          cmocka_unit_test(weighted_mixups),
        cmocka_unit_test(cutmixes),        cmocka_unit_test(probabilities),
        cmocka_unit_test(keyed_by_sample), cmocka_unit_test(not_at_test_time),
        cmocka_unit_test(values),          cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
