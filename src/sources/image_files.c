#include "sources/image_files.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "pictures/picture_decode.h"
#include "sources/first_error.h"

void image_files__start(struct Source *source, const struct SourceOptions *options) {
    struct ImageFiles *state = memory_allocate(sizeof *state, "image files");
    source->state = state;
    state->resize = options->pictures.resize;
    state->resizing = options->pictures.height > 0;
    state->scale = options->pictures.scale;
    source->height = options->pictures.height;
    source->width = options->pictures.width;
    source->channels = options->pictures.channels;
    source->floats = options->pictures.depth == SOURCE_DEPTH_FLOAT;
}

void image_files__add(struct ImageFiles *state, char *path, size_t name_start) {
    state->name_starts = memory_room(state->name_starts, state->files.count, "names of samples");
    state->name_starts[state->files.count] = (int32_t)name_start;
    name_list__add(&state->files, path);
}

const char *image_files__name(const struct Source *source, int64_t item) {
    const struct ImageFiles *state = source->state;
    return state->files.names[item] + state->name_starts[item];
}

static struct PictureForm form_of(const struct Source *source) {
    const struct ImageFiles *state = source->state;
    return (struct PictureForm){source->channels, source->floats, state->scale};
}

/* Puts the place in the list that names the image before the message. */
static int located(const struct ImageFiles *state, int64_t item, int code, struct Error *error) {
    if (code != OK && state->lines.count)
        error_context(error, "%s", state->lines.names[item]);
    return code;
}

/* Decodes one image into `pixels` in the source's size, or, if `pixels` is NULL, only checks that
 * this is possible. Any thread may call it. */
static int load(const struct Source *source, int64_t item, void *pixels, struct Error *error) {
    const struct ImageFiles *state = source->state;
    const struct PictureForm form = form_of(source);
    const char *path = state->files.names[item];
    struct Picture image;
    int code = picture_decode_file(path, &form, &image, error);
    if (code != OK)
        return located(state, item, code, error);
    if (!state->resizing && (image.height != source->height || image.width != source->width)) {
        fail(error, ERROR_DATA,
             "%s: has %" PRId64 "x%" PRId64 " pixels, but the first image has %" PRId64 "x%" PRId64
             "; expected images of one size",
             path, image.width, image.height, source->width, source->height);
        code = error_advise(error, ADVICE_IMAGE_SIZE, NULL, NULL, 0);
    } else if (pixels) {
        resize_image(&image, state->resize, source->height, source->width, pixels);
    }
    memory_release(image.values);
    return located(state, item, code, error);
}

/* Adds the advice that a picture which cannot be decoded can be left out. */
static int advise_skipping(int code, struct Error *error) {
    return code == ERROR_DATA && error->advice.kind == ADVICE_NONE
               ? error_advise(error, ADVICE_SKIP_BAD, NULL, NULL, 0)
               : code;
}

int image_files__read(const struct Source *source, const int64_t *items, int64_t count,
                      void *samples, struct Error *error) {
    int64_t bytes = source_sample_bytes(source);
    struct FirstError bad = {.error = error};
    uint8_t *pixels = samples;
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = 0; i < count; i++) {
        struct Error own;
        if (load(source, items[i], pixels + i * bytes, &own))
            first_error__note(&bad, i, &own);
    }
    return advise_skipping(first_error__code(&bad), error);
}

/* Takes what the user did not specify from the first image that can be decoded. */
static int take_first(struct Source *source, bool skip_bad, struct Error *error) {
    const struct ImageFiles *state = source->state;
    for (int64_t i = 0; i < state->files.count; i++) {
        struct PictureFacts facts;
        int code = picture_examine_file(state->files.names[i], &facts, error);
        if (code == OK && !source->channels)
            source->channels = facts.channels == 1 ? 3 : facts.channels;
        const struct PictureForm form = form_of(source);
        struct Picture image = {.height = source->height, .width = source->width};
        if (code == OK && !state->resizing)
            code = picture_decode_file(state->files.names[i], &form, &image, error);
        memory_release(image.values);
        source->height = image.height;
        source->width = image.width;
        if (code == OK || !skip_bad)
            return located(state, i, advise_skipping(code, error), error);
    }
    return fail(error, ERROR_DATA, "no image can be decoded");
}

/* Reads the head of every file. *deep is set to how many have more than 8 bits per value. */
static int count_deep(const struct Source *source, bool skip_bad, int64_t *deep,
                      struct Error *error) {
    const struct ImageFiles *state = source->state;
    struct FirstError bad = {.error = error};
    int64_t found = 0;
#pragma omp parallel for schedule(dynamic, 8) reduction(+ : found)
    for (int64_t i = 0; i < state->files.count; i++) {
        struct Error own;
        bool is_deep = false;
        int code = picture_is_deep_file(state->files.names[i], &is_deep, &own);
        found += code == OK && is_deep;
        if (code && !skip_bad)
            first_error__note(&bad, i, &own);
    }
    *deep = found;
    if (!bad.any)
        return OK;
    error_advise(error, ADVICE_SKIP_BAD, NULL, NULL, 0);
    return located(state, bad.at, error->code, error);
}

int image_files__settle(struct Source *source, const struct SourceOptions *options,
                        struct Error *error) {
    const struct ImageFiles *state = source->state;
    int64_t deep = 0;
    int code = count_deep(source, options->pictures.skip_bad, &deep, error);
    if (code != OK)
        return code;
    source->floats |= options->pictures.depth == SOURCE_DEPTH_AUTO && deep > 0;
    if (deep > 0)
        log_warning("%" PRId64 " of %" PRId64 " images have more than 8 bits per value: %s", deep,
                    state->files.count,
                    source->floats ? "all are stored as float32" : "they are reduced to 8");
    return take_first(source, options->pictures.skip_bad, error);
}

/* Decodes images [first, first + count) of a split, and moves those that can be used to the places
 * from `kept` on. Returns how many images of the split have been kept so far. */
static int64_t keep_good(struct Source *source, struct SourceSplit *split, int64_t first,
                         int64_t count, int64_t kept, struct Error *errors,
                         const struct Ticker *ticker) {
    int64_t values = targets_values(&source->targets);
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = 0; i < count; i++) {
        errors[i].code = OK;
        load(source, split->items[first + i], NULL, &errors[i]);
    }
    for (int64_t i = 0; i < count; i++) {
        if (errors[i].code != OK) {
            source_notice(ticker, errors[i].text);
            source->skipped++;
            continue;
        }
        split->items[kept] = split->items[first + i];
        if (values)
            memmove(split->targets + kept * values, split->targets + (first + i) * values,
                    (size_t)values * sizeof *split->targets);
        else if (split->labels)
            split->labels[kept] = split->labels[first + i];
        kept++;
    }
    return kept;
}

void image_files__drop_bad(struct Source *source, struct SourceSplit *split,
                           const struct Ticker *ticker) {
    const int64_t batch = 1024;
    struct Error *errors = memory_array(struct Error, batch, "errors of images");
    int64_t kept = 0;
    for (int64_t first = 0; first < split->count; first += batch) {
        int64_t count = split->count - first < batch ? split->count - first : batch;
        kept = keep_good(source, split, first, count, kept, errors, ticker);
    }
    memory_release(errors);
    split->count = kept;
}

void image_files__release(struct Source *source) {
    struct ImageFiles *state = source->state;
    if (state) {
        name_list__release(&state->files);
        name_list__release(&state->lines);
        memory_release(state->name_starts);
    }
    memory_release(state);
}
