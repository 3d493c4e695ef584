#include "data/loader.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "compute/projection.h"
#include "data/ahead.h"
#include "data/drawing.h"
#include "store/h5.h"

struct Stage {
    const struct Augment *augment;
    const void *options;
    void *prepared;       /* owned; may be NULL */
    uint32_t place;       /* in the run file's list */
    struct Image in, out; /* sizes only */
};

struct Loader {
    const struct Dataset *dataset;
    const struct Split *split;
    const struct Preprocess *preprocess;
    const struct ChoiceList *mix;
    const struct TargetScale *targets;
    uint64_t seed;
    bool evaluate;
    int raw_count, stage_count; /* the raw stages come first */
    struct Stage *stages;
    struct Image out;
    float *scratch[2];
    int64_t block;                    /* images made together: 1, or PROJECTION_BLOCK */
    float *centred, *decorrelated;    /* a block of images, if preprocessing has a matrix */
    float *partners, *partner_target; /* for mixing: a block of images, one target */
    struct Drawing *drawing;
    struct Ahead *ahead;  /* NULL: nothing is made ahead */
    struct Error failure; /* of samples that loader_fill was to make */
};

static const struct ChoiceList empty_list;

/* Adds the list's augmentations of one stage. *image is the size of images before them, and the
 * size after them on return. */
static int add_stages(struct Loader *loader, const struct ChoiceList *list, enum AugmentStage kind,
                      struct Image *image, struct Error *error) {
    for (int i = 0; i < list->count; i++) {
        const struct Choice *choice = &list->items[i];
        const struct Augment *augment = (const struct Augment *)choice->kind; /* its first member */
        if (augment->stage != kind)
            continue;
        if (loader->evaluate && !augment->evaluate)
            continue;
        if (kind == AUGMENT_PREPROCESSED && preprocess_makes_vector(loader->preprocess))
            return augment_refuse_vector(choice, image->channels, error);
        struct Stage *stage = &loader->stages[loader->stage_count++];
        *stage = (struct Stage){.augment = augment,
                                .options = choice->options,
                                .place = (uint32_t)i,
                                .in = *image,
                                .out = *image};
        int code = OK;
        if (augment->describe)
            code = augment->describe(choice, &stage->in, &stage->out, error);
        if (code == OK)
            code = augment_check_memory(choice, &stage->out, error);
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
                "%s: has images of (%" PRId64 ",%" PRId64 ",%" PRId64
                "); the preprocessing expects (%" PRId64 ",%" PRId64 ",%" PRId64 ")",
                loader->dataset->path, image->height, image->width, image->channels,
                preprocess->height, preprocess->width, preprocess->channels);
}

static int plan_stages(struct Loader *loader, const struct ChoiceList *list, struct Error *error) {
    struct Image image = {.height = loader->dataset->height,
                          .width = loader->dataset->width,
                          .channels = loader->dataset->channels,
                          .white = loader->split->bytes ? 255 : 0};
    if (!list)
        list = &empty_list;
    loader->stages = memory_array(struct Stage, list->count, "augmentations");
    int code = add_stages(loader, list, AUGMENT_RAW, &image, error);
    loader->raw_count = loader->stage_count;
    if (code == OK)
        code = check_preprocess(loader, &image, error);
    if (code == OK) {
        image = preprocess_image(loader->preprocess);
        code = add_stages(loader, list, AUGMENT_PREPROCESSED, &image, error);
    }
    loader->out = image;
    return code;
}

static float *images_of(int64_t count, int64_t elements) {
    return memory_array(float, (count * elements), "images of the loader");
}

/* Room for images between the stages, and for the partners of mixed samples. */
static void allocate_scratch(struct Loader *loader) {
    const struct Preprocess *preprocess = loader->preprocess;
    int64_t stored = preprocess->height * preprocess->width * preprocess->channels;
    struct Image image = preprocess_image(preprocess);
    int64_t made = image_elements(&image);
    int64_t most = stored > made ? stored : made;
    for (int i = 0; i < loader->stage_count; i++)
        if (image_elements(&loader->stages[i].out) > most)
            most = image_elements(&loader->stages[i].out);
    for (int i = 0; i < 2 && loader->stage_count; i++)
        loader->scratch[i] = images_of(1, most);
    loader->block = preprocess->matrix ? PROJECTION_BLOCK : 1;
    if (preprocess->matrix)
        loader->centred = images_of(loader->block, stored);
    if (preprocess->matrix && loader->stage_count > loader->raw_count)
        loader->decorrelated = images_of(loader->block, made);
    if (loader->mix->count == 0)
        return;
    loader->partners = images_of(loader->block, image_elements(&loader->out));
    loader->partner_target = memory_array(float, loader->dataset->targets.count, "a mixed target");
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
                        .seed = request->seed};
    int code = plan_stages(loader, request->augment, error);
    if (code == OK)
        code = mix_check(loader->mix, &loader->out, error);
    if (code != OK) {
        loader_release(loader);
        *out = NULL;
        return code;
    }
    allocate_scratch(loader);
    loader->drawing = drawing__create(&(struct DrawingRequest){.dataset = request->dataset,
                                                               .split = request->split,
                                                               .seed = request->seed,
                                                               .shuffle = request->shuffle,
                                                               .balanced = request->balanced,
                                                               .cut = request->cut});
    *out = loader;
    return OK;
}

void loader_release(struct Loader *loader) {
    if (!loader)
        return;
    ahead__release(loader->ahead); /* first: its thread uses all that follows */
    for (int i = 0; i < loader->stage_count; i++)
        memory_release(loader->stages[i].prepared);
    memory_release(loader->stages);
    memory_release(loader->scratch[0]);
    memory_release(loader->scratch[1]);
    memory_release(loader->centred);
    memory_release(loader->decorrelated);
    memory_release(loader->partners);
    memory_release(loader->partner_target);
    drawing__release(loader->drawing);
    memory_release(loader);
}

struct Image loader_image(const struct Loader *loader) {
    return loader->out;
}

/* Runs stages [first, end) on the pixels at `from` and returns where the result is. The last stage
 * writes to `out` unless that is NULL; all others read one scratch image and write the other. */
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

const struct Dataset *loader_dataset(const struct Loader *loader) {
    return loader->dataset;
}

const struct Split *loader_split(const struct Loader *loader) {
    return loader->split;
}

int loader_failed(const struct Loader *loader, struct Error *error) {
    if (loader->failure.code)
        *error = loader->failure;
    return loader->failure.code;
}

/* ---- Images and targets ---- */

/* The sample's pixels after the raw stages: as they were drawn if there are none, else in a scratch
 * image. *bytes says whether they are uint8. */
static const void *raw_image(struct Loader *loader, int64_t epoch, struct Drawn drawn,
                             bool *bytes) {
    int64_t elements = dataset_elements(loader->dataset);
    const void *source = drawn.pixels;
    *bytes = loader->split->bytes;
    if (!loader->raw_count)
        return source;
    float *raw = loader->scratch[0];
    if (*bytes)
        to_floats(elements, source, raw);
    else
        memcpy(raw, source, (size_t)elements * sizeof(float));
    *bytes = false;
    return run_stages(loader, 0, loader->raw_count, epoch, drawn.draw, raw, NULL);
}

static void make_image(struct Loader *loader, int64_t epoch, struct Drawn drawn, float *out) {
    bool bytes, more = loader->stage_count > loader->raw_count;
    const void *source = raw_image(loader, epoch, drawn, &bytes);
    float *ready = more ? loader->scratch[source == loader->scratch[0]] : out;
    preprocess_apply(loader->preprocess, bytes, source, ready);
    if (more)
        run_stages(loader, loader->raw_count, loader->stage_count, epoch, drawn.draw, ready, out);
}

/* Makes a block of images at once if preprocessing has a matrix,
 * which is then read once for all. */
static void make_decorrelated(struct Loader *loader, int64_t epoch, int64_t count,
                              const struct Drawn *draws, float *out) {
    const struct Preprocess *preprocess = loader->preprocess;
    int64_t stored = preprocess->height * preprocess->width * preprocess->channels;
    struct Image image = preprocess_image(preprocess);
    int64_t made = image_elements(&image);
    bool more = loader->stage_count > loader->raw_count;
    for (int64_t i = 0; i < count; i++) {
        bool bytes;
        const void *source = raw_image(loader, epoch, draws[i], &bytes);
        preprocess_apply(preprocess, bytes, source, loader->centred + i * stored);
    }
    preprocess_decorrelate(preprocess, count, loader->centred, more ? loader->decorrelated : out);
    for (int64_t i = 0; i < count && more; i++)
        run_stages(loader, loader->raw_count, loader->stage_count, epoch, draws[i].draw,
                   loader->decorrelated + i * made, out + i * image_elements(&loader->out));
}

/* Makes the images of `count` samples, at most a block. */
static void make_images(struct Loader *loader, int64_t epoch, int64_t count,
                        const struct Drawn *draws, float *out) {
    if (loader->preprocess->matrix)
        make_decorrelated(loader, epoch, count, draws, out);
    else
        for (int64_t i = 0; i < count; i++)
            make_image(loader, epoch, draws[i], out + i * image_elements(&loader->out));
}

/* The target of a sample: one-hot, a distribution, or values on the scale that
 * the network learns. */
static void make_target(const struct Loader *loader, int64_t sample, float *out) {
    const struct Split *split = loader->split;
    int64_t outputs = loader->dataset->targets.count;
    const float *row = split->targets ? split->targets + sample * outputs : NULL;
    if (row && loader->targets && loader->targets->count) {
        target_scale_apply(loader->targets, 1, row, out);
    } else if (row) {
        memcpy(out, row, (size_t)outputs * sizeof *out);
    } else {
        memset(out, 0, (size_t)outputs * sizeof *out);
        if (split->labels)
            out[split->labels[sample]] = 1;
    }
}

static float weight_of(const struct Loader *loader, int64_t sample) {
    return loader->split->weights ? loader->split->weights[sample] : 1;
}

/* Mixes the partner's target into a sample's own, which keeps the share `own`. */
static void mix_targets(struct Loader *loader, int64_t partner, float own, float *target,
                        float *weight) {
    const float *other = loader->partner_target;
    float share = own, rest = 1 - own;
    make_target(loader, partner, loader->partner_target);
    if (weight) {
        float mine = own * *weight, theirs = (1 - own) * weight_of(loader, partner);
        *weight = mine + theirs;
        if (*weight > 0 && loader->split->weights) {
            share = mine / *weight;
            rest = theirs / *weight;
        }
    }
    for (int64_t c = 0; c < loader->dataset->targets.count; c++)
        target[c] = share * target[c] + rest * other[c];
}

/* Mixes partners into those images and targets of a block that are drawn for mixing. */
static void mix_in(struct Loader *loader, int64_t epoch, int64_t first, int64_t count,
                   const struct Drawn *chosen, const struct MadeSamples *made) {
    int64_t elements = image_elements(&loader->out), outputs = loader->dataset->targets.count;
    int64_t mixed = 0, places[PROJECTION_BLOCK];
    struct Drawn partners[PROJECTION_BLOCK];
    struct MixDraw draws[PROJECTION_BLOCK];
    for (int64_t i = 0; i < count; i++) {
        draws[mixed] =
            mix_draw(loader->mix, loader->seed, epoch, chosen[i].draw, loader->split->count);
        if (draws[mixed].mix)
            partners[mixed] = drawing__partner(loader->drawing, first + i, draws[mixed].partner,
                                               draws[mixed].share);
        places[mixed] = i;
        mixed += draws[mixed].mix != NULL;
    }
    if (mixed)
        make_images(loader, epoch, mixed, partners, loader->partners);
    for (int64_t m = 0; m < mixed; m++) {
        struct Image image = loader->out, partner = loader->out;
        image.pixels = made->images + places[m] * elements;
        partner.pixels = loader->partners + m * elements;
        float own = draws[m].mix->apply(draws[m].options, &draws[m].stream, &image, &partner);
        mix_targets(loader, partners[m].sample, own, made->targets + places[m] * outputs,
                    made->weights ? made->weights + places[m] : NULL);
    }
}

/* `samples`: where their numbers in the split go; or NULL. Fails if some could not be read. */
static int make(struct Loader *loader, const struct SampleRange *range,
                const struct MadeSamples *made, int64_t *samples, struct Error *error) {
    int64_t elements = image_elements(&loader->out), outputs = loader->dataset->targets.count;
    int64_t count = range->count;
    if (drawing__set_epoch(loader->drawing, range->epoch, error) != OK) {
        memset(made->images, 0, (size_t)(count * elements) * sizeof *made->images);
        memset(made->targets, 0, (size_t)(count * outputs) * sizeof *made->targets);
        return error->code;
    }
    for (int64_t at = 0, block; at < count; at += block) {
        struct Drawn chosen[PROJECTION_BLOCK];
        int64_t first = range->first + at;
        struct MadeSamples to = {made->images + at * elements, made->targets + at * outputs,
                                 made->weights ? made->weights + at : NULL};
        block = count - at < loader->block ? count - at : loader->block;
        block = drawing__run(loader->drawing, range->epoch, first, block);
        for (int64_t i = 0; i < block; i++) {
            chosen[i] = drawing__draw(loader->drawing, first + i);
            make_target(loader, chosen[i].sample, to.targets + i * outputs);
            if (samples)
                samples[at + i] = chosen[i].sample;
            if (to.weights)
                to.weights[i] = weight_of(loader, chosen[i].sample);
        }
        drawing__prefetch(loader->drawing, first + block);
        make_images(loader, range->epoch, block, chosen, to.images);
        if (loader->mix->count)
            mix_in(loader, range->epoch, first, block, chosen, &to);
    }
    return drawing__failed(loader->drawing, error);
}

static int make_ahead(void *context, const struct SampleRange *range,
                      const struct MadeSamples *made, struct Error *error) {
    return make(context, range, made, NULL, error);
}

/* Nothing can be made ahead of a stream if all of HDF5 has to be used by one thread. */
void loader_work_ahead(struct Loader *loader, int64_t most) {
    struct AheadRequest request = {.most = most,
                                   .elements = image_elements(&loader->out),
                                   .outputs = loader->dataset->targets.count,
                                   .make = make_ahead,
                                   .context = loader};
    if (!loader->ahead && (!drawing__streams(loader->drawing) || h5_allows_threads()))
        loader->ahead = ahead__create(&request);
}

static void check_range(const struct Loader *loader, const struct SampleRange *range) {
    CHECK(range->epoch >= 0 && range->first >= 0 && range->count >= 0 &&
          range->first + range->count <= loader->split->count);
}

void loader_expect(struct Loader *loader, int64_t epoch, int64_t first, int64_t count,
                   bool weighted) {
    const struct SampleRange range = {epoch, first, count, weighted};
    check_range(loader, &range);
    if (loader->ahead && count)
        ahead__begin(loader->ahead, &range);
}

static void fill(struct Loader *loader, const struct SampleRange *range,
                 const struct MadeSamples *out, int64_t *samples) {
    struct Error failure;
    check_range(loader, range);
    if (!loader->ahead || samples || !ahead__take(loader->ahead, range, out, &failure)) {
        if (loader->ahead)
            ahead__wait(loader->ahead);
        failure.code = make(loader, range, out, samples, &failure);
    }
    if (failure.code)
        loader->failure = failure;
}

void loader_fill(struct Loader *loader, int64_t epoch, int64_t first, int64_t count, float *images,
                 float *targets, int64_t *samples) {
    fill(loader, &(struct SampleRange){epoch, first, count, false},
         &(struct MadeSamples){images, targets, NULL}, samples);
}

void loader_fill_weighted(struct Loader *loader, int64_t epoch, int64_t first, int64_t count,
                          float *images, float *targets, float *weights) {
    fill(loader, &(struct SampleRange){epoch, first, count, true},
         &(struct MadeSamples){images, targets, weights}, NULL);
}
