/* Runs one augmentation on one image, as the loader does. */
#ifndef TESTS_DATA_TRANSFORM_H
#define TESTS_DATA_TRANSFORM_H

#include "base/memory.h"
#include "data/augmented.h"

struct Transform {
    struct Augmented augmented;
    const struct Augment *augment;
    struct Image in, out; /* the test fills `in`, transform_run fills `out` */
    void *prepared;
};

enum { TRANSFORM_SEED = 5, TRANSFORM_EPOCH = 1 };

/* The random numbers for image `sample`: block 0 of its stream. */
static inline void transform_words(int64_t sample, uint32_t words[4]) {
    struct RandomStream stream =
        random_stream(TRANSFORM_SEED, RANDOM_AUGMENTATION, 0, TRANSFORM_EPOCH, (uint64_t)sample);
    random_block(&stream, 0, words);
}

static inline double transform_uniform(int64_t sample) {
    uint32_t words[4];
    transform_words(sample, words);
    return (double)random_uniform(words[0]);
}

static inline int transform_describe(struct Transform *transform, const char *text,
                                     struct Image size, struct Error *error) {
    memset(transform, 0, sizeof *transform);
    int code = augmented_parse(&transform->augmented, text, error);
    transform->in = size;
    if (code == OK)
        code = augment_describe(&transform->augmented.list, &size, &size, &transform->out, error);
    return code;
}

/* `dataset` is for augmentations that depend on the training split, its first split; or NULL. */
static inline void transform_start(struct Transform *transform, const char *text, struct Image size,
                                   const struct Dataset *dataset) {
    struct Error error;
    if (transform_describe(transform, text, size, &error) != OK) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    const struct Choice *choice = &transform->augmented.list.items[0];
    transform->augment = (const struct Augment *)choice->kind;
    transform->in.pixels = memory_array(float, image_elements(&transform->in), "test");
    transform->out.pixels = memory_array(float, image_elements(&transform->out), "test");
    if (transform->augment->prepare &&
        transform->augment->prepare(choice, dataset, dataset ? dataset->splits : NULL,
                                    &transform->in, &transform->out, &transform->prepared,
                                    &error) != OK)
        abort();
}

static inline void transform_run(struct Transform *transform, int64_t sample) {
    const struct AugmentPlace at = {TRANSFORM_SEED, 0, TRANSFORM_EPOCH, (uint64_t)sample};
    for (int64_t i = 0; i < image_elements(&transform->out); i++)
        transform->out.pixels[i] = -7777;
    transform->augment->apply(transform->augmented.list.items[0].options, transform->prepared, &at,
                              &transform->in, &transform->out);
}

static inline void transform_evaluate(struct Transform *transform) {
    transform->augment->evaluate(transform->augmented.list.items[0].options, transform->prepared,
                                 &transform->in, &transform->out);
}

static inline void transform_end(struct Transform *transform) {
    memory_release(transform->in.pixels);
    memory_release(transform->out.pixels);
    memory_release(transform->prepared);
    runfile_release(transform->augmented.file);
}

#endif
