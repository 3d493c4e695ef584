#include "data/loader.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "compute/projection.h"
#include "data/dataset/stream.h"
#include "data/order.h"

struct Stage {
    const struct Augment *augment;
    const void *options;
    void *prepared;       /* owned; may be NULL */
    uint32_t place;       /* in the run file's list */
    struct Image in, out; /* sizes only */
};

/* Which samples come, and from where. */
struct Drawing {
    struct Order *order; /* NULL: that of the split, or of a stream */
    bool balanced;
    bool streams;
    struct StreamCut cut;
    struct Stream *stream; /* NULL: not needed yet */
    struct Error failure;  /* of making the stream */
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
    struct Drawing drawing;
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

static struct Order *create_order(const struct LoaderRequest *request) {
    CHECK(!request->balanced || request->split->labels);
    const struct OrderRequest ordering = {.seed = request->seed,
                                          .count = request->split->count,
                                          .labels =
                                              request->balanced ? request->split->labels : NULL,
                                          .classes = request->dataset->targets.count};
    return order__create(&ordering);
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
                        .drawing = {.balanced = request->balanced,
                                    .streams = request->split->in_blocks || request->cut.window > 0,
                                    .cut = request->cut}};
    loader->drawing.cut.seed = request->seed;
    loader->drawing.cut.shuffle = request->shuffle;
    loader->drawing.cut.classes = request->balanced ? request->dataset->targets.count : 0;
    int code = plan_stages(loader, request->augment, error);
    if (code == OK)
        code = mix_check(loader->mix, &loader->out, error);
    if (code != OK) {
        loader_release(loader);
        *out = NULL;
        return code;
    }
    allocate_scratch(loader);
    if (request->shuffle && !loader->drawing.streams)
        loader->drawing.order = create_order(request);
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
    memory_release(loader->centred);
    memory_release(loader->decorrelated);
    memory_release(loader->partners);
    memory_release(loader->partner_target);
    order__release(loader->drawing.order);
    stream__release(loader->drawing.stream);
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

/* ---- Which samples ---- */

static struct Drawn draw_sample(const struct Loader *loader, int64_t draw) {
    int64_t sample = loader->drawing.order ? order__sample(loader->drawing.order, draw) : draw;
    return (struct Drawn){draw, sample, dataset_image(loader->dataset, loader->split, sample)};
}

static struct Drawn draw(const struct Loader *loader, int64_t place) {
    if (loader->drawing.streams)
        return stream__draw(loader->drawing.stream, place);
    return draw_sample(loader,
                       loader->drawing.order ? order__draw(loader->drawing.order, place) : place);
}

#define CACHE_LINE 64
/* Bytes: a small image. In a large one the processor itself reads ahead. */
#define PREFETCHED 8192

/* Asks for the pixels of the sample at a place, which come from anywhere in memory, while the one
 * before it is made. */
static void prefetch(const struct Loader *loader, int64_t place) {
    const struct Split *split = loader->split;
    if (loader->drawing.streams || !split_is_direct(split) || place >= split->count)
        return;
    const char *pixels = draw(loader, place).pixels;
    size_t bytes = dataset_image_bytes(loader->dataset, split);
    for (size_t at = 0; at < bytes && at < PREFETCHED; at += CACHE_LINE)
        __builtin_prefetch(pixels + at);
}

/* How many of the samples from `place` on can be drawn together. */
static int64_t drawable(struct Loader *loader, int64_t epoch, int64_t place, int64_t count) {
    return loader->drawing.streams ? stream__run(loader->drawing.stream, epoch, place, count)
                                   : count;
}

/* The partner of the sample at a place: from all of the split, or from the window of a stream. */
static struct Drawn draw_partner(const struct Loader *loader, const struct MixDraw *mixed,
                                 int64_t place) {
    if (loader->drawing.streams)
        return stream__partner(loader->drawing.stream, place, mixed->share);
    /* If balanced: a place of the epoch, so that partners are balanced too. */
    return draw_sample(loader, loader->drawing.balanced
                                   ? order__draw(loader->drawing.order, mixed->partner)
                                   : mixed->partner);
}

static int start_stream(struct Loader *loader) {
    if (!loader->drawing.streams || loader->drawing.stream || loader->drawing.failure.code)
        return loader->drawing.failure.code;
    return stream__create(&loader->drawing.stream, loader->split,
                          dataset_image_bytes(loader->dataset, loader->split), &loader->drawing.cut,
                          &loader->drawing.failure);
}

const struct Dataset *loader_dataset(const struct Loader *loader) {
    return loader->dataset;
}

const struct Split *loader_split(const struct Loader *loader) {
    return loader->split;
}

int loader_failed(const struct Loader *loader, struct Error *error) {
    if (loader->drawing.failure.code) {
        *error = loader->drawing.failure;
        return error->code;
    }
    return loader->drawing.stream ? stream__failed(loader->drawing.stream, error) : OK;
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
                   const struct Drawn *chosen, float *images, float *targets, float *weights) {
    int64_t elements = image_elements(&loader->out), outputs = loader->dataset->targets.count;
    int64_t mixed = 0, places[PROJECTION_BLOCK];
    struct Drawn partners[PROJECTION_BLOCK];
    struct MixDraw draws[PROJECTION_BLOCK];
    for (int64_t i = 0; i < count; i++) {
        draws[mixed] =
            mix_draw(loader->mix, loader->seed, epoch, chosen[i].draw, loader->split->count);
        if (draws[mixed].mix)
            partners[mixed] = draw_partner(loader, &draws[mixed], first + i);
        places[mixed] = i;
        mixed += draws[mixed].mix != NULL;
    }
    if (mixed)
        make_images(loader, epoch, mixed, partners, loader->partners);
    for (int64_t m = 0; m < mixed; m++) {
        struct Image image = loader->out, partner = loader->out;
        image.pixels = images + places[m] * elements;
        partner.pixels = loader->partners + m * elements;
        float own = draws[m].mix->apply(draws[m].options, &draws[m].stream, &image, &partner);
        mix_targets(loader, partners[m].sample, own, targets + places[m] * outputs,
                    weights ? weights + places[m] : NULL);
    }
}

static void fill(struct Loader *loader, int64_t epoch, int64_t first, int64_t count, float *images,
                 float *targets, float *weights, int64_t *samples) {
    CHECK(epoch >= 0 && first >= 0 && count >= 0 && first + count <= loader->split->count);
    int64_t elements = image_elements(&loader->out), outputs = loader->dataset->targets.count;
    if (start_stream(loader) != OK) {
        memset(images, 0, (size_t)(count * elements) * sizeof *images);
        memset(targets, 0, (size_t)(count * outputs) * sizeof *targets);
        return;
    }
    if (loader->drawing.order)
        order__set_epoch(loader->drawing.order, epoch);
    for (int64_t at = 0, block; at < count; at += block) {
        struct Drawn chosen[PROJECTION_BLOCK];
        block = count - at < loader->block ? count - at : loader->block;
        block = drawable(loader, epoch, first + at, block);
        for (int64_t i = 0; i < block; i++) {
            chosen[i] = draw(loader, first + at + i);
            int64_t sample = chosen[i].sample;
            make_target(loader, sample, targets + (at + i) * outputs);
            if (samples)
                samples[at + i] = sample;
            if (weights)
                weights[at + i] = weight_of(loader, sample);
        }
        prefetch(loader, first + at + block);
        make_images(loader, epoch, block, chosen, images + at * elements);
        if (loader->mix->count)
            mix_in(loader, epoch, first + at, block, chosen, images + at * elements,
                   targets + at * outputs, weights ? weights + at : NULL);
    }
}

void loader_fill(struct Loader *loader, int64_t epoch, int64_t first, int64_t count, float *images,
                 float *targets, int64_t *samples) {
    fill(loader, epoch, first, count, images, targets, NULL, samples);
}

void loader_fill_weighted(struct Loader *loader, int64_t epoch, int64_t first, int64_t count,
                          float *images, float *targets, float *weights) {
    fill(loader, epoch, first, count, images, targets, weights, NULL);
}
