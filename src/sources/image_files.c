#include "sources/image_files.h"

#include <inttypes.h>

#include "base/memory.h"
#include "pictures/picture_decode.h"

void name_list__add(struct NameList *names, char *name) {
    if (names->count == names->capacity) {
        int64_t capacity = names->capacity ? 2 * names->capacity : 64;
        names->names = memory_resize(names->names, (size_t)names->capacity * sizeof(char *),
                                     (size_t)capacity * sizeof(char *), "file names");
        names->capacity = capacity;
    }
    names->names[names->count++] = name;
}

void name_list__release(struct NameList *names) {
    for (int64_t i = 0; i < names->count; i++)
        memory_release(names->names[i]);
    memory_release(names->names);
    *names = (struct NameList){0};
}

void image_files__start(struct Source *source, const struct SourceOptions *options) {
    struct ImageFiles *state = memory_allocate(sizeof *state, "image files");
    source->state = state;
    state->resize = options->resize;
    state->resizing = options->height > 0;
    source->height = options->height;
    source->width = options->width;
    source->channels = options->channels;
}

/* Puts the line of the list that names the image before the message. */
static int located(const struct ImageFiles *state, int64_t item, int code, struct Error *error) {
    if (code != OK && state->lines.count)
        error_context(error, "%s", state->lines.names[item]);
    return code;
}

int image_files__load(const struct Source *source, int64_t item, uint8_t *pixels,
                      struct Error *error) {
    const struct ImageFiles *state = source->state;
    const char *path = state->files.names[item];
    const struct PictureForm form = {.channels = source->channels};
    struct Picture image;
    int code = picture_decode_file(path, &form, &image, error);
    if (code != OK)
        return located(state, item, code, error);
    if (!state->resizing && (image.height != source->height || image.width != source->width)) {
        fail(error, ERROR_DATA,
             "%s: %" PRId64 "x%" PRId64 " pixels, but the first image has %" PRId64 "x%" PRId64
             "; expected images of one size",
             path, image.width, image.height, source->width, source->height);
        code = error_advise(error, ADVICE_IMAGE_SIZE, NULL, NULL, 0);
    } else if (pixels) {
        resize_image(&image, state->resize, source->height, source->width, pixels);
    }
    memory_release(image.values);
    return located(state, item, code, error);
}

int image_files__read(const struct Source *source, const int64_t *items, int64_t count,
                      void *samples, struct Error *error) {
    int64_t bytes = source_sample_bytes(source), first_bad = count;
    uint8_t *pixels = samples;
    /* If several images are bad, the first is named, whatever the number of threads. */
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = 0; i < count; i++) {
        struct Error own;
        if (image_files__load(source, items[i], pixels + i * bytes, &own) == OK)
            continue;
#pragma omp critical(source_error)
        if (i < first_bad) {
            first_bad = i;
            *error = own;
        }
    }
    return first_bad == count ? OK : error->code;
}

int image_files__take_size(struct Source *source, bool skip_bad, struct Error *error) {
    const struct ImageFiles *state = source->state;
    if (state->resizing)
        return OK;
    for (int64_t i = 0; i < state->files.count; i++) {
        const struct PictureForm form = {.channels = source->channels};
        struct Picture image;
        int code = picture_decode_file(state->files.names[i], &form, &image, error);
        if (code == OK) {
            source->height = image.height;
            source->width = image.width;
            memory_release(image.values);
            return OK;
        }
        if (!skip_bad)
            return located(state, i, code, error);
    }
    return fail(error, ERROR_DATA, "no image can be decoded");
}

void image_files__release(struct Source *source) {
    struct ImageFiles *state = source->state;
    if (state) {
        name_list__release(&state->files);
        name_list__release(&state->lines);
    }
    memory_release(state);
}
