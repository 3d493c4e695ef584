#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "base/memory.h"
#include "pictures/formats.h"

/* Everything that is still needed after libpng jumps out of its functions on an error. */
struct PngDecoder {
    png_structp library;
    png_infop info;
    const struct PictureFile *file;
    struct Raster *raster;
    struct Error *error;
    size_t used;
    png_bytep *rows;
};

static void on_error(png_structp library, png_const_charp message) {
    struct PngDecoder *decoder = png_get_error_ptr(library);
    raster__refuse(decoder->file, "PNG", message, decoder->error);
    png_longjmp(library, 1);
}

/* Warnings are about other parts of the file (profiles, text); damaged pixels are errors. */
static void on_warning(png_structp library, png_const_charp message) {
    (void)library;
    (void)message;
}

static void on_read(png_structp library, png_bytep out, size_t count) {
    struct PngDecoder *decoder = png_get_io_ptr(library);
    if (count > decoder->file->count - decoder->used)
        png_error(library, "the file ends too early");
    memcpy(out, decoder->file->bytes + decoder->used, count);
    decoder->used += count;
}

/* The orientation may stand before the pixels or after them. */
static void take_orientation(const struct PngDecoder *decoder) {
    png_bytep block = NULL;
    png_uint_32 count = 0;
    if (png_get_eXIf_1(decoder->library, decoder->info, &count, &block) && block)
        decoder->raster->orientation = exif__orientation(block, count);
}

static int decode(struct PngDecoder *decoder) {
    png_structp library = decoder->library;
    struct Raster *raster = decoder->raster;
    png_set_user_limits(library, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* they are checked below */
    png_set_chunk_malloc_max(library, 16 << 20);
    png_read_info(library, decoder->info);
    if (picture_check_size(decoder->file->path, png_get_image_height(library, decoder->info),
                           png_get_image_width(library, decoder->info), 1, decoder->error))
        return decoder->error->code;
    png_set_expand(library); /* palettes and 1 to 4 bits to 8 bits, a transparent colour to alpha */
    png_set_swap(library);   /* 16 bits are big-endian in the file */
    png_set_interlace_handling(library);
    png_read_update_info(library, decoder->info);
    raster->height = png_get_image_height(library, decoder->info);
    raster->width = png_get_image_width(library, decoder->info);
    raster->samples = png_get_channels(library, decoder->info);
    raster->colour = raster->samples > 2;
    raster->opacity = raster->samples % 2 == 0;
    raster->type = png_get_bit_depth(library, decoder->info) == 16 ? RASTER_UINT16 : RASTER_UINT8;
    raster->most = UINT16_MAX;
    take_orientation(decoder);
    int code = raster__allocate(raster, decoder->file, decoder->error);
    if (code != OK || decoder->file->head_only)
        return code;
    size_t row = png_get_rowbytes(library, decoder->info);
    decoder->rows = memory_array(png_bytep, raster->height, "rows of a picture");
    for (int64_t y = 0; y < raster->height; y++)
        decoder->rows[y] = (png_bytep)raster->values + (size_t)y * row;
    png_read_image(library, decoder->rows);
    png_read_end(library, decoder->info);
    take_orientation(decoder);
    return OK;
}

int png__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error) {
    struct PngDecoder decoder = {.file = file, .raster = raster, .error = error};
    struct PngDecoder *volatile kept = &decoder;
    volatile int code = ERROR_DATA; /* the code of failures that on_error reports */
    decoder.library = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, on_error, on_warning);
    CHECK(decoder.library != NULL);
    if (setjmp(png_jmpbuf(decoder.library)) == 0) {
        decoder.info = png_create_info_struct(decoder.library);
        png_set_read_fn(decoder.library, &decoder, on_read);
        code = decode(&decoder);
    }
    memory_release(kept->rows);
    png_destroy_read_struct(&kept->library, &kept->info, NULL);
    return code;
}
