#include "data/loader.h"

#include <string.h>

#include "base/memory.h"

struct Stage {
    const struct Augment *augment;
    const void *options;
    void *prepared;       /* owned; may be NULL */
    uint32_t place;       /* in the run file's list */
    struct Image in, out; /* sizes */
};

struct Loader {
    const struct Dataset *dataset;
    const struct Split *split;
    const struct Preprocess *preprocess;
    const struct ChoiceList *mix;
    const struct TargetScale *targets;
    uint64_t seed;
    bool shuffle, evaluate;
    int raw_count, stage_count; /* the raw stages come first */
    struct Stage *stages;
    struct Image out;
    float *scratch[2];
    float *partner, *partner_target; /* of a mixed sample */
    int64_t *order;                  /* of `epoch`; NULL without shuffling */
    int64_t epoch;                   /* −1: none yet */
};

static const struct ChoiceList empty_list;

/* Adds the list's augmentations of one stage; *image goes from the size in to the size out. */
static int add_stages(struct Loader *loader, const struct ChoiceList *list, enum AugmentStage kind,
                      struct Image *image, struct Error *error) {
    for (int i = 0; i < list->count; i++) {
        const struct Choice *choice = &list->items[i];
        const struct Augment *augment = (const struct Augment *)choice->kind; /* its head */
        if (augment->stage != kind)
            continue;
        if (loader->evaluate && !augment->evaluate)
            continue;
        struct Stage *stage = &loader->stages[loader->stage_count++];
        *stage = (struct Stage){.augment = augment,
                                .options = choice->options,
                                .place = (uint32_t)i,
                                .in = *image,
                                .out = *image};
        int code = OK;
        if (augment->describe)
            code = augment->describe(choice, &stage->in, &stage->out, error);
        if (code == OK && augment->prepare)
            code = augment->prepare(choice, loader->dataset, loader->split, &stage->in, &stage->out,
                                    &stage->prepared, error);
        if (code != OK)
            return code;
        *image = stage->out;
    }
    return OK;
}

static int check_preprocess(const struct Loader *loader, const struct Image *image,
                            struct Error *error) {
    const struct Preprocess *preprocess = loader->preprocess;
    if (image->height == preprocess->height && image->width == preprocess->width &&
        image->channels == preprocess->channels)
        return OK;
    return fail(error, ERROR_DATA,
                "%s: has images of (%lld,%lld,%lld), the preprocessing expects (%lld,%lld,%lld)",
                loader->dataset->path, (long long)image->height, (long long)image->width,
                (long long)image->channels, (long long)preprocess->height,
                (long long)preprocess->width, (long long)preprocess->channels);
}

static int plan_stages(struct Loader *loader, const struct ChoiceList *list, struct Error *error) {
    struct Image image = {.height = loader->dataset->height,
                          .width = loader->dataset->width,
                          .channels = loader->dataset->channels,
                          .white = loader->split->bytes ? 255 : 0};
    if (!list)
        list = &empty_list;
    loader->stages = memory_allocate((size_t)list->count * sizeof *loader->stages, "augmentations");
    int result = add_stages(loader, list, AUGMENT_RAW, &image, error);
    loader->raw_count = loader->stage_count;
    if (result == OK)
        result = check_preprocess(loader, &image, error);
    if (result == OK)
        result = add_stages(loader, list, AUGMENT_PREPROCESSED, &image, error);
    loader->out = image;
    return result;
}

/* Room for the images between the stages, and for the other half of a mixed sample. */
static void allocate_scratch(struct Loader *loader) {
    int64_t most = loader->dataset->height * loader->dataset->width * loader->dataset->channels;
    for (int i = 0; i < loader->stage_count; i++)
        if (image_elements(&loader->stages[i].out) > most)
            most = image_elements(&loader->stages[i].out);
    for (int i = 0; i < 2 && loader->stage_count; i++)
        loader->scratch[i] = memory_allocate((size_t)most * sizeof(float), "an augmented image");
    if (loader->mix->count == 0)
        return;
    loader->partner =
        memory_allocate((size_t)image_elements(&loader->out) * sizeof(float), "a mixed image");
    loader->partner_target =
        memory_allocate((size_t)dataset_outputs(loader->dataset) * sizeof(float), "a mixed target");
}

int loader_create(struct Loader **out, const struct LoaderRequest *request, struct Error *error) {
    struct Loader *loader = memory_allocate(sizeof *loader, "a loader");
    *loader =
        (struct Loader){.dataset = request->dataset,
                        .split = request->split,
                        .preprocess = request->preprocess,
                        .targets = request->targets,
                        .mix = request->mix && !request->evaluate ? request->mix : &empty_list,
                        .evaluate = request->evaluate,
                        .seed = request->seed,
                        .shuffle = request->shuffle,
                        .epoch = -1};
    int result = plan_stages(loader, request->augment, error);
    if (result == OK)
        result = mix_check(loader->mix, &loader->out, error);
    if (result != OK) {
        loader_release(loader);
        *out = NULL;
        return result;
    }
    allocate_scratch(loader);
    if (loader->shuffle)
        loader->order = memory_allocate((size_t)loader->split->count * sizeof *loader->order,
                                        "the order of an epoch");
    *out = loader;
    return OK;
}

void loader_release(struct Loader *loader) {
    if (!loader)
        return;
    for (int i = 0; i < loader->stage_count; i++)
        memory_release(loader->stages[i].prepared);
    memory_release(loader->stages);
    memory_release(loader->scratch[0]);
    memory_release(loader->scratch[1]);
    memory_release(loader->partner);
    memory_release(loader->partner_target);
    memory_release(loader->order);
    memory_release(loader);
}

struct Image loader_image(const struct Loader *loader) {
    return loader->out;
}

/* Runs stages [first, end) over the pixels at `from`, the last one into `out`. A stage reads one
 * scratch image and writes the other. */
static float *run_stages(struct Loader *loader, int first, int end, int64_t epoch, int64_t sample,
                         float *from, float *out) {
    for (int i = first; i < end; i++) {
        const struct Stage *stage = &loader->stages[i];
        const struct AugmentPlace at = {loader->seed, stage->place, (uint64_t)epoch,
                                        (uint64_t)sample};
        struct Image in = stage->in, made = stage->out;
        in.pixels = from;
        made.pixels = i == end - 1 && out ? out : loader->scratch[from == loader->scratch[0]];
        if (loader->evaluate)
            stage->augment->evaluate(stage->options, stage->prepared, &in, &made);
        else
            stage->augment->apply(stage->options, stage->prepared, &at, &in, &made);
        from = made.pixels;
    }
    return from;
}

static void to_floats(int64_t count, const uint8_t *restrict bytes, float *restrict out) {
    for (int64_t i = 0; i < count; i++)
        out[i] = bytes[i];
}

static void make_image(struct Loader *loader, int64_t epoch, int64_t sample, float *out) {
    const struct Dataset *dataset = loader->dataset;
    int64_t elements = dataset->height * dataset->width * dataset->channels;
    bool bytes = loader->split->bytes;
    const void *source =
        (const char *)loader->split->images + (size_t)(sample * elements) * (bytes ? 1 : 4);
    if (loader->raw_count) {
        float *raw = loader->scratch[0];
        if (bytes)
            to_floats(elements, source, raw);
        else
            memcpy(raw, source, (size_t)elements * sizeof(float));
        source = run_stages(loader, 0, loader->raw_count, epoch, sample, raw, NULL);
        bytes = false;
    }
    bool more = loader->stage_count > loader->raw_count;
    float *ready = more ? loader->scratch[source == loader->scratch[0]] : out;
    preprocess_apply(loader->preprocess, bytes, source, ready);
    if (more)
        run_stages(loader, loader->raw_count, loader->stage_count, epoch, sample, ready, out);
}

/* What the network is to say of a sample. */
static void make_target(const struct Loader *loader, int64_t sample, float *out) {
    const struct Split *split = loader->split;
    int64_t outputs = dataset_outputs(loader->dataset);
    const float *row = split->targets ? split->targets + sample * outputs : NULL;
    if (row && loader->targets && loader->targets->count) {
        target_scale_apply(loader->targets, 1, row, out);
    } else if (row) {
        memcpy(out, row, (size_t)outputs * sizeof *out);
    } else {
        memset(out, 0, (size_t)outputs * sizeof *out);
        out[split->labels[sample]] = 1;
    }
}

static void make_order(struct Loader *loader, int64_t epoch) {
    if (!loader->shuffle || loader->epoch == epoch)
        return;
    struct RandomStream stream = random_stream(loader->seed, RANDOM_SHUFFLE, 0, (uint64_t)epoch, 0);
    random_permutation(&stream, loader->split->count, loader->order);
    loader->epoch = epoch;
}

/* Mixes the sample's partner, if it has one, into its image and target. */
static void mix_in(struct Loader *loader, int64_t epoch, int64_t sample, float *image,
                   float *target) {
    struct MixDraw draw = mix_draw(loader->mix, loader->seed, epoch, sample, loader->split->count);
    if (!draw.mix)
        return;
    struct Image mixed = loader->out, partner = loader->out;
    mixed.pixels = image;
    partner.pixels = loader->partner;
    make_image(loader, epoch, draw.partner, loader->partner);
    make_target(loader, draw.partner, loader->partner_target);
    float own = draw.mix->apply(draw.options, &draw.stream, &mixed, &partner);
    for (int64_t c = 0; c < dataset_outputs(loader->dataset); c++)
        target[c] = own * target[c] + (1 - own) * loader->partner_target[c];
}

void loader_fill(struct Loader *loader, int64_t epoch, int64_t first, int64_t count, float *images,
                 float *targets, int64_t *samples) {
    CHECK(epoch >= 0 && first >= 0 && count >= 0 && first + count <= loader->split->count);
    make_order(loader, epoch);
    int64_t elements = image_elements(&loader->out), outputs = dataset_outputs(loader->dataset);
    for (int64_t i = 0; i < count; i++) {
        int64_t sample = loader->shuffle ? loader->order[first + i] : first + i;
        make_image(loader, epoch, sample, images + i * elements);
        make_target(loader, sample, targets + i * outputs);
        mix_in(loader, epoch, sample, images + i * elements, targets + i * outputs);
        if (samples)
            samples[i] = sample;
    }
}
