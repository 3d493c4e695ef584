#include "data/import/images.h"

#include "base/memory.h"
#include "pictures/image_decode.h"

void import_names_add(struct ImportNames *names, char *name) {
    if (names->count == names->capacity) {
        int64_t capacity = names->capacity ? 2 * names->capacity : 64;
        names->names = memory_resize(names->names, (size_t)names->capacity * sizeof(char *),
                                     (size_t)capacity * sizeof(char *), "file names");
        names->capacity = capacity;
    }
    names->names[names->count++] = name;
}

void import_names_release(struct ImportNames *names) {
    for (int64_t i = 0; i < names->count; i++)
        memory_release(names->names[i]);
    memory_release(names->names);
    *names = (struct ImportNames){0};
}

void import_images_start(struct ImportSource *source, const struct ImportOptions *options) {
    struct ImportImages *state = memory_allocate(sizeof *state, "image files");
    source->state = state;
    state->resize = options->resize;
    state->resizing = options->height > 0;
    source->height = options->height;
    source->width = options->width;
    source->channels = options->channels;
}

/* Puts the line of the list that names the image in front of the message. */
static int located(const struct ImportImages *state, int64_t item, int code, struct Error *error) {
    if (code != OK && state->lines.count)
        error_context(error, "%s", state->lines.names[item]);
    return code;
}

int import_images_load(const struct ImportSource *source, int64_t item, uint8_t *pixels,
                       struct Error *error) {
    const struct ImportImages *state = source->state;
    const char *path = state->files.names[item];
    struct ImageBytes image;
    int status = image_decode_file(path, source->channels, &image, error);
    if (status != OK)
        return located(state, item, status, error);
    if (!state->resizing && (image.height != source->height || image.width != source->width))
        status = fail(error, ERROR_DATA,
                      "%s: %lldx%lld pixels, but the first image has %lldx%lld; ask for one size "
                      "with --size WIDTHxHEIGHT",
                      path, (long long)image.width, (long long)image.height,
                      (long long)source->width, (long long)source->height);
    else if (pixels)
        resize_image(&image, state->resize, source->height, source->width, pixels);
    memory_release(image.pixels);
    return located(state, item, status, error);
}

int import_images_read(const struct ImportSource *source, const int64_t *items, int64_t count,
                       uint8_t *pixels, struct Error *error) {
    int64_t bytes = source->height * source->width * source->channels, worst = count;
    /* Of several bad images the first is named, whatever the number of threads. */
#pragma omp parallel for schedule(dynamic, 8)
    for (int64_t i = 0; i < count; i++) {
        struct Error own;
        if (import_images_load(source, items[i], pixels + i * bytes, &own) == OK)
            continue;
#pragma omp critical(import_error)
        if (i < worst) {
            worst = i;
            *error = own;
        }
    }
    return worst == count ? OK : error->code;
}

int import_images_take_size(struct ImportSource *source, bool skip_bad, struct Error *error) {
    const struct ImportImages *state = source->state;
    if (state->resizing)
        return OK;
    for (int64_t i = 0; i < state->files.count; i++) {
        struct ImageBytes image;
        int status = image_decode_file(state->files.names[i], source->channels, &image, error);
        if (status == OK) {
            source->height = image.height;
            source->width = image.width;
            memory_release(image.pixels);
            return OK;
        }
        if (!skip_bad)
            return located(state, i, status, error);
    }
    return fail(error, ERROR_DATA, "no image can be decoded");
}

void import_images_release(struct ImportSource *source) {
    struct ImportImages *state = source->state;
    if (state) {
        import_names_release(&state->files);
        import_names_release(&state->lines);
    }
    memory_release(state);
}
