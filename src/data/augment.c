#include "data/augment.h"

#include <inttypes.h>

#include "base/memory.h"

#define AUGMENTATION(name) extern const struct Augment augment_##name;
#include "data/augmentations.def"
#undef AUGMENTATION

#define AUGMENTATION(name) &augment_##name.kind,
static const struct Kind *const kinds[] = {
#include "data/augmentations.def"
    NULL};
#undef AUGMENTATION

const struct KindTable augment_kinds = {.what = "augmentation", .kinds = kinds};

static int describe_stage(const struct ChoiceList *list, enum AugmentStage stage, bool vector,
                          struct Image *image, struct Error *error) {
    int code = OK;
    for (int i = 0; i < list->count && code == OK; i++) {
        const struct Choice *choice = &list->items[i];
        const struct Augment *augment = (const struct Augment *)choice->kind; /* its first member */
        struct Image out = *image;
        if (augment->stage != stage)
            continue;
        if (vector)
            return augment_refuse_vector(choice, image->channels, error);
        if (augment->describe)
            code = augment->describe(choice, image, &out, error);
        if (code == OK)
            code = augment_check_memory(choice, &out, error);
        *image = out;
    }
    return code;
}

int augment_describe(const struct ChoiceList *list, const struct Image *in,
                     const struct Image *preprocessed, struct Image *out, struct Error *error) {
    bool vector = preprocessed->height != in->height || preprocessed->width != in->width;
    struct Image raw = *in;
    int code = describe_stage(list, AUGMENT_RAW, false, &raw, error);
    if (code != OK)
        return code;
    *out = *preprocessed;
    return describe_stage(list, AUGMENT_PREPROCESSED, vector, out, error);
}

int augment_refuse_vector(const struct Choice *choice, int64_t features, struct Error *error) {
    return schema_fail(error, choice, NULL,
                       "changes images after preprocessing, but preprocess.decorrelate turns them "
                       "into vectors of %" PRId64 " features; zca, or scope: pixel, keeps images",
                       features);
}

int augment_check_memory(const struct Choice *choice, const struct Image *out,
                         struct Error *error) {
    const int64_t sizes[] = {out->height, out->width, out->channels, 3 * (int64_t)sizeof(float)};
    int64_t bytes = memory_product(sizes, 4);
    if (bytes > 0 && memory_can_hold((uint64_t)bytes))
        return OK;
    char words[MEMORY_WORDS];
    return schema_fail(error, choice, NULL,
                       "makes images of %" PRId64 "x%" PRId64 "x%" PRId64
                       ", and working on one %s; expected smaller images",
                       out->height, out->width, out->channels, memory_too_large(bytes, words));
}

int augment_need_colour(const struct Choice *choice, const struct Image *in, struct Error *error) {
    if (in->channels == 3)
        return OK;
    return schema_fail(error, choice, NULL,
                       "images have %" PRId64 " channel%s, expected 3 (red, green, blue)",
                       in->channels, in->channels == 1 ? "" : "s");
}

int augment_need_range(const struct Choice *choice, const char *key, const struct Reals *values,
                       struct Error *error) {
    if (values->count != 2)
        return schema_fail(error, choice, key, "has %d number%s, expected two: [least, most]",
                           values->count, values->count == 1 ? "" : "s");
    if (values->values[0] <= 0 || values->values[1] < values->values[0])
        return schema_fail(error, choice, key, "is [%g, %g], expected 0 < least <= most",
                           values->values[0], values->values[1]);
    return OK;
}
