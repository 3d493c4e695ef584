#include "data/mix.h"

/* One row for each mix: mix_NAME, defined in mixes/NAME.c. */
#define MIXES(ROW)                                                                                 \
    ROW(mixup)                                                                                     \
    ROW(cutmix)

#define DECLARE(name) extern const struct Mix mix_##name;
MIXES(DECLARE)

#define KIND(name) &mix_##name.kind,
static const struct Kind *const kinds[] = {MIXES(KIND) NULL};

const struct KindTable mix_kinds = {.what = "mix", .kinds = kinds};

const struct Key mix_keys[] = {
    {.name = "alpha",
     .type = KEY_REAL,
     .offset = offsetof(struct MixOptions, alpha),
     .fallback = "1",
     .minimum = 0,
     .maximum = 1000,
     .above_minimum = true,
     .help = "the weight of the first image is drawn from Beta(alpha, alpha): at 1 it is uniform, "
             "below 1 mostly near 0 or 1"},
    {.name = "probability",
     .type = KEY_REAL,
     .offset = offsetof(struct MixOptions, probability),
     .fallback = "1",
     .minimum = 0,
     .maximum = 1,
     .help = "probability that a sample is mixed in this way; those of a list add up to at most 1"},
    KEY_END};

int mix_check(const struct ChoiceList *list, const struct Image *image, struct Error *error) {
    double sum = 0;
    for (int i = 0; i < list->count; i++) {
        sum += ((const struct MixOptions *)list->items[i].options)->probability;
        if (sum > 1 + 1e-9)
            return schema_fail(error, &list->items[i], "probability",
                               "the probabilities of the list add up to %g, expected at most 1: "
                               "one way of mixing at a time",
                               sum);
        const struct Mix *mix = (const struct Mix *)list->items[i].kind; /* its first member */
        int code = mix->check ? mix->check(&list->items[i], image, error) : OK;
        if (code != OK)
            return code;
    }
    return OK;
}

struct MixDraw mix_draw(const struct ChoiceList *list, uint64_t seed, int64_t epoch, int64_t sample,
                        int64_t count) {
    struct MixDraw draw = {0};
    if (list->count == 0)
        return draw;
    struct RandomStream stream =
        random_stream(seed, RANDOM_MIXING, 0, (uint64_t)epoch, (uint64_t)sample);
    uint32_t words[4];
    random_block(&stream, 0, words);
    double place = (double)random_uniform(words[0]);
    for (int i = 0; i < list->count && !draw.mix; i++) {
        const struct MixOptions *options = list->items[i].options;
        if (place < options->probability) {
            draw.mix = (const struct Mix *)list->items[i].kind; /* its first member */
            draw.options = options;
            draw.stream = random_stream(seed, RANDOM_MIXING, (uint32_t)i + 1, (uint64_t)epoch,
                                        (uint64_t)sample);
        }
        place -= options->probability;
    }
    uint64_t wide = (uint64_t)words[1] << 32 | words[2];
    draw.share = wide;
    draw.partner = (int64_t)(((unsigned __int128)wide * (uint64_t)count) >> 64);
    return draw;
}

double mix_weight(const struct MixOptions *options, const struct RandomStream *stream) {
    return random_beta(stream, 1, options->alpha, options->alpha);
}
