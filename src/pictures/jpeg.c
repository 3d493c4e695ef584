#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <string.h>

#include <jpeglib.h>

#include "base/memory.h"
#include "pictures/formats.h"

#define MOST_SCANS 1000 /* of a progressive file; usual are 10 */

/* libjpeg calls error_exit, which must not return: it jumps back to jpeg__decode. Everything that
 * is still needed after the jump is in this struct. */
struct JpegDecoder {
    struct jpeg_decompress_struct library;
    struct jpeg_error_mgr handlers;
    jmp_buf back;
    struct jpeg_progress_mgr progress;
    const struct PictureFile *file;
    struct Raster *raster;
    struct Error *error;
    uint8_t *row;
};

static void on_error(j_common_ptr library) {
    struct JpegDecoder *decoder = library->client_data;
    char message[JMSG_LENGTH_MAX];
    library->err->format_message(library, message);
    raster__refuse(decoder->file, "JPEG", message, decoder->error);
    longjmp(decoder->back, 1);
}

/* A warning (level −1) is damage that libjpeg works around, such as a file that ends early. */
static void on_message(j_common_ptr library, int level) {
    if (level < 0)
        on_error(library);
}

/* A progressive file of a few bytes can hold scan after scan of the whole picture. */
static void on_progress(j_common_ptr library) {
    struct JpegDecoder *decoder = library->client_data;
    if (decoder->library.input_scan_number <= MOST_SCANS)
        return;
    fail(decoder->error, ERROR_DATA, "%s: damaged JPEG: more than %d scans", decoder->file->path,
         MOST_SCANS);
    longjmp(decoder->back, 1);
}

/* CMYK to RGB. The ink is stored inverted, as Adobe's programs do; without Adobe's marker, too, as
 * Pillow, OpenCV and browsers read such files. */
static void from_cmyk(const uint8_t *row, int64_t width, uint8_t *out) {
    for (int64_t x = 0; x < width; x++)
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = (uint8_t)((row[4 * x + c] * row[4 * x + 3] + 127) / 255);
}

static int orientation(const struct jpeg_decompress_struct *library) {
    for (jpeg_saved_marker_ptr marker = library->marker_list; marker; marker = marker->next)
        if (marker->data_length > 6 && memcmp(marker->data, "Exif\0\0", 6) == 0)
            return exif__orientation(marker->data, marker->data_length);
    return 1;
}

static void read_rows(struct JpegDecoder *decoder, bool ink) {
    struct jpeg_decompress_struct *library = &decoder->library;
    const struct Raster *raster = decoder->raster;
    decoder->row = memory_array(uint8_t, raster->width * 4, "a row of a picture");
    while (library->output_scanline < library->output_height) {
        uint8_t *out =
            (uint8_t *)raster->values + library->output_scanline * raster->width * raster->samples;
        JSAMPROW row = ink ? decoder->row : out;
        jpeg_read_scanlines(library, &row, 1);
        if (ink)
            from_cmyk(row, raster->width, out);
    }
}

static int decode(struct JpegDecoder *decoder) {
    const struct PictureFile *file = decoder->file;
    struct jpeg_decompress_struct *library = &decoder->library;
    struct Raster *raster = decoder->raster;
    jpeg_mem_src(library, file->bytes, file->count);
    jpeg_save_markers(library, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(library, TRUE);
    bool ink = library->jpeg_color_space == JCS_CMYK || library->jpeg_color_space == JCS_YCCK;
    bool grey = !ink && (file->grey || library->jpeg_color_space == JCS_GRAYSCALE);
    raster->height = library->image_height;
    raster->width = library->image_width;
    raster->samples = grey ? 1 : 3;
    raster->colour = !grey;
    raster->orientation = orientation(library);
    int code = raster__allocate(raster, file, decoder->error);
    if (code != OK || file->head_only)
        return code;
    /* libjpeg converts YCbCr, RGB and grey to grey or colour, but not CMYK. */
    library->out_color_space = ink ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
    library->dct_method = JDCT_ISLOW; /* exact, and so the same on every machine */
    decoder->progress.progress_monitor = on_progress;
    library->progress = &decoder->progress;
    jpeg_start_decompress(library);
    read_rows(decoder, ink);
    jpeg_finish_decompress(library);
    return OK;
}

int jpeg__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error) {
    struct JpegDecoder decoder = {.file = file, .raster = raster, .error = error};
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
        code = decode(&decoder);
    }
    memory_release(kept->row);
    jpeg_destroy_decompress(&kept->library);
    return code;
}
