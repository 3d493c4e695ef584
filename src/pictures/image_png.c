#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "base/memory.h"
#include "pictures/image_formats.h"

/* Everything that is still needed after libpng jumps out of its functions on an error. */
struct PngDecoder {
    png_structp library;
    png_infop info;
    const char *path;
    struct Error *error;
    const uint8_t *bytes;
    size_t count, used;
    uint8_t *decoded; /* (height, width, 1 to 4): grey or RGB, then perhaps alpha */
    png_bytep *rows;
    int64_t height, width, stored_channels;
};

static void on_error(png_structp library, png_const_charp message) {
    struct PngDecoder *decoder = png_get_error_ptr(library);
    fail(decoder->error, ERROR_DATA, "%s: damaged PNG: %s", decoder->path, message);
    png_longjmp(library, 1);
}

/* Warnings are about other parts of the file (profiles, text); damaged pixels are errors. */
static void on_warning(png_structp library, png_const_charp message) {
    (void)library;
    (void)message;
}

static void on_read(png_structp library, png_bytep out, size_t count) {
    struct PngDecoder *decoder = png_get_io_ptr(library);
    if (count > decoder->count - decoder->used)
        png_error(library, "the file ends too early");
    memcpy(out, decoder->bytes + decoder->used, count);
    decoder->used += count;
}

static int decode(struct PngDecoder *decoder) {
    png_structp library = decoder->library;
    png_set_user_limits(library, IMAGE_MOST_SIDE, IMAGE_MOST_SIDE);
    png_set_chunk_malloc_max(library, 16 << 20);
    png_read_info(library, decoder->info);
    decoder->height = png_get_image_height(library, decoder->info);
    decoder->width = png_get_image_width(library, decoder->info);
    int code = image_check_size(decoder->path, decoder->height, decoder->width, decoder->error);
    if (code != OK)
        return code;
    png_set_expand(library); /* palettes and 1 to 4 bits to 8 bits, a transparent colour to alpha */
    png_set_scale_16(library); /* 16 bits to 8, rounded */
    png_set_interlace_handling(library);
    png_read_update_info(library, decoder->info);
    decoder->stored_channels = png_get_channels(library, decoder->info);
    int64_t bytes_a_row = decoder->width * decoder->stored_channels;
    decoder->decoded = memory_array(uint8_t, decoder->height * bytes_a_row, "image");
    decoder->rows = memory_array(png_bytep, decoder->height, "image rows");
    for (int64_t y = 0; y < decoder->height; y++)
        decoder->rows[y] = decoder->decoded + y * bytes_a_row;
    png_read_image(library, decoder->rows);
    png_read_end(library, NULL);
    return OK;
}

/* Puts transparent pixels on white and converts to grey or RGB. The caller releases the result. */
static uint8_t *convert(const struct PngDecoder *decoder, int64_t channels) {
    int64_t stored = decoder->stored_channels, pixels = decoder->height * decoder->width;
    bool alpha = stored % 2 == 0, colour = stored > 2;
    uint8_t *out = memory_array(uint8_t, pixels * channels, "image");
    for (int64_t i = 0; i < pixels; i++) {
        const uint8_t *from = decoder->decoded + i * stored;
        int opacity = alpha ? from[stored - 1] : 255, rgb[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = (from[colour ? c : 0] * opacity + 255 * (255 - opacity) + 127) / 255;
        image_put_rgb(rgb, channels, out + i * channels);
    }
    return out;
}

int png__decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                struct ImageBytes *image, struct Error *error) {
    struct PngDecoder decoder = {.path = path, .error = error, .bytes = bytes, .count = count};
    struct PngDecoder *volatile kept = &decoder;
    volatile int code = ERROR_DATA; /* the code of failures that on_error reports */
    decoder.library = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, on_error, on_warning);
    CHECK(decoder.library != NULL);
    if (setjmp(png_jmpbuf(decoder.library)) == 0) {
        decoder.info = png_create_info_struct(decoder.library);
        png_set_read_fn(decoder.library, &decoder, on_read);
        code = decode(&decoder);
    }
    if (code == OK)
        *image = (struct ImageBytes){kept->height, kept->width, channels, convert(kept, channels)};
    memory_release(kept->decoded);
    memory_release(kept->rows);
    png_destroy_read_struct(&kept->library, &kept->info, NULL);
    return code;
}
