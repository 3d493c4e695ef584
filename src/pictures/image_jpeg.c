#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */

#include <jpeglib.h>

#include "base/memory.h"
#include "pictures/image_formats.h"

/* libjpeg calls error_exit, which must not return: it jumps back to jpeg__decode. Everything that
 * is still needed after the jump is in this struct. */
struct JpegDecoder {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr handlers;
    jmp_buf back;
    const char *path;
    struct Error *error;
    uint8_t *pixels, *row;
};

static void on_error(j_common_ptr library) {
    struct JpegDecoder *decoder = library->client_data;
    char message[JMSG_LENGTH_MAX];
    library->err->format_message(library, message);
    fail(decoder->error, ERROR_DATA, "%s: damaged JPEG: %s", decoder->path, message);
    longjmp(decoder->back, 1);
}

/* A warning (level −1) is damage that libjpeg works around, such as a file that ends early. */
static void on_message(j_common_ptr library, int level) {
    if (level < 0)
        on_error(library);
}

/* CMYK to RGB. Adobe's programs store the ink inverted. */
static void from_cmyk(const uint8_t *row, bool inverted, int64_t width, int64_t channels,
                      uint8_t *out) {
    for (int64_t x = 0; x < width; x++) {
        int ink[4], rgb[3];
        for (int c = 0; c < 4; c++)
            ink[c] = inverted ? row[4 * x + c] : 255 - row[4 * x + c];
        for (int c = 0; c < 3; c++)
            rgb[c] = (ink[c] * ink[3] + 127) / 255;
        image_put_rgb(rgb, channels, out + x * channels);
    }
}

static int decode(struct JpegDecoder *decoder, const uint8_t *bytes, size_t count,
                  int64_t channels) {
    struct jpeg_decompress_struct *library = &decoder->library;
    jpeg_mem_src(library, bytes, count);
    jpeg_read_header(library, TRUE);
    int64_t height = library->image_height, width = library->image_width;
    int code = image_check_size(decoder->path, height, width, decoder->error);
    if (code != OK)
        return code;
    bool ink = library->jpeg_color_space == JCS_CMYK || library->jpeg_color_space == JCS_YCCK;
    /* libjpeg converts YCbCr, RGB and grey to grey or colour, but not CMYK. */
    library->out_color_space = ink ? JCS_CMYK : channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    library->dct_method = JDCT_ISLOW; /* exact, and so the same on every machine */
    jpeg_start_decompress(library);
    decoder->pixels = memory_array(uint8_t, height * width * channels, "image");
    decoder->row = memory_array(uint8_t, width * 4, "image row");
    while (library->output_scanline < library->output_height) {
        uint8_t *out = decoder->pixels + library->output_scanline * width * channels;
        JSAMPROW row = ink ? decoder->row : out;
        jpeg_read_scanlines(library, &row, 1);
        if (ink)
            from_cmyk(row, library->saw_Adobe_marker, width, channels, out);
    }
    jpeg_finish_decompress(library);
    return OK;
}

int jpeg__decode(const char *path, const uint8_t *bytes, size_t count, int64_t channels,
                 struct ImageBytes *image, struct Error *error) {
    struct JpegDecoder decoder = {.path = path, .error = error};
    struct JpegDecoder *volatile kept = &decoder;
    volatile int code = ERROR_DATA; /* the code of failures that on_error reports */
    decoder.library.err = jpeg_std_error(&decoder.handlers);
    decoder.handlers.error_exit = on_error;
    decoder.handlers.emit_message = on_message;
    decoder.library.client_data = &decoder;
    if (setjmp(decoder.back) == 0) {
        jpeg_create_decompress(&decoder.library);
        decoder.library.client_data = &decoder;
        /* A progressive file keeps all its coefficients in memory. */
        decoder.library.mem->max_memory_to_use = 2l << 30;
        code = decode(&decoder, bytes, count, channels);
    }
    if (code == OK)
        *image = (struct ImageBytes){kept->library.image_height, kept->library.image_width,
                                     channels, kept->pixels};
    else
        memory_release(kept->pixels);
    memory_release(kept->row);
    jpeg_destroy_decompress(&kept->library);
    return code;
}
