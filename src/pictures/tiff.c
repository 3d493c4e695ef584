/* TIFF (https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf): the first picture of a
 * file. Grey, colours and any other number of samples, in strips or tiles, together or in planes,
 * of 1 to 64 bits, as integers or floats. What is left (palettes, YCbCr, CMYK, CIE L*a*b*) libtiff
 * converts to RGB of 8 bits. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

#include "base/memory.h"
#include "pictures/formats.h"

#define MOST_BLOCK ((uint64_t)512 << 20) /* bytes of a tile, or of a row */

struct TiffFile {
    const struct PictureFile *file;
    size_t at;
    TIFF *library;
    char message[1024]; /* the first error; as long as TIFFRGBAImageOK asks for */
    uint32_t width, height;
    uint16_t bits, samples, kind, photometric, planes;
};

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t count) {
    struct TiffFile *tiff = handle;
    size_t left = tiff->at < tiff->file->count ? tiff->file->count - tiff->at : 0;
    size_t given = (size_t)count < left ? (size_t)count : left;
    memcpy(out, tiff->file->bytes + (left ? tiff->at : 0), given);
    tiff->at += given;
    return (tmsize_t)given;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t count) {
    (void)handle;
    (void)bytes;
    (void)count;
    return 0;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int from) {
    struct TiffFile *tiff = handle;
    size_t base = from == SEEK_CUR ? tiff->at : from == SEEK_END ? tiff->file->count : 0;
    tiff->at = base + (size_t)offset;
    return tiff->at;
}

static int on_close(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle) {
    return ((struct TiffFile *)handle)->file->count;
}

static int on_error(TIFF *library, void *context, const char *where, const char *format,
                    va_list arguments) {
    struct TiffFile *tiff = context;
    (void)library;
    (void)where;
    if (!*tiff->message)
        vsnprintf(tiff->message, sizeof tiff->message, format, arguments);
    return 1; /* libtiff prints nothing */
}

static int on_warning(TIFF *library, void *context, const char *where, const char *format,
                      va_list arguments) {
    (void)library;
    (void)context;
    (void)where;
    (void)format;
    (void)arguments;
    return 1;
}

static int damaged(const struct TiffFile *tiff, struct Error *error) {
    return raster__refuse(tiff->file, "TIFF",
                          *tiff->message ? tiff->message : "its parts do not fit together", error);
}

static bool is_direct(const struct TiffFile *tiff) {
    return tiff->photometric == PHOTOMETRIC_MINISWHITE ||
           tiff->photometric == PHOTOMETRIC_MINISBLACK || tiff->photometric == PHOTOMETRIC_RGB ||
           tiff->photometric == PHOTOMETRIC_MASK;
}

static bool is_supported(const struct TiffFile *tiff) {
    int bits = tiff->bits;
    if (tiff->kind == SAMPLEFORMAT_IEEEFP)
        return bits == 16 || bits == 32 || bits == 64;
    if (tiff->kind == SAMPLEFORMAT_INT)
        return bits == 8 || bits == 16 || bits == 32 || bits == 64;
    return (tiff->kind == SAMPLEFORMAT_UINT || tiff->kind == SAMPLEFORMAT_VOID) &&
           ((bits >= 1 && bits <= 16) || bits == 32 || bits == 64);
}

static void take_opacity(const struct TiffFile *tiff, struct Raster *raster) {
    uint16_t count = 0, *kinds = NULL;
    if (!TIFFGetField(tiff->library, TIFFTAG_EXTRASAMPLES, &count, &kinds) || count != 1)
        return;
    raster->premultiplied = kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    raster->opacity = raster->premultiplied || kinds[0] == EXTRASAMPLE_UNASSALPHA;
}

static int read_head(struct TiffFile *tiff, struct Raster *raster, struct Error *error) {
    TIFF *library = tiff->library;
    uint16_t turned = 1;
    if (!TIFFGetField(library, TIFFTAG_IMAGEWIDTH, &tiff->width) ||
        !TIFFGetField(library, TIFFTAG_IMAGELENGTH, &tiff->height))
        return damaged(tiff, error);
    TIFFGetFieldDefaulted(library, TIFFTAG_BITSPERSAMPLE, &tiff->bits);
    TIFFGetFieldDefaulted(library, TIFFTAG_SAMPLESPERPIXEL, &tiff->samples);
    TIFFGetFieldDefaulted(library, TIFFTAG_SAMPLEFORMAT, &tiff->kind);
    TIFFGetFieldDefaulted(library, TIFFTAG_PLANARCONFIG, &tiff->planes);
    TIFFGetFieldDefaulted(library, TIFFTAG_ORIENTATION, &turned);
    if (!TIFFGetField(library, TIFFTAG_PHOTOMETRIC, &tiff->photometric))
        tiff->photometric = tiff->samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    raster->width = tiff->width;
    raster->height = tiff->height;
    raster->orientation = turned >= 1 && turned <= 8 ? turned : 1;
    raster->most = (1 << (tiff->bits < 16 ? tiff->bits : 16)) - 1;
    if (!is_direct(tiff)) {
        raster->samples = 4;
        raster->colour = raster->opacity = raster->premultiplied = true;
        return OK;
    }
    if (!is_supported(tiff))
        return fail(error, ERROR_DATA,
                    "%s: is a TIFF of %d bits a sample of kind %d; expected integers of 1 to 16, "
                    "32 or 64 bits, or floats of 16, 32 or 64",
                    tiff->file->path, tiff->bits, tiff->kind);
    bool whole = tiff->kind == SAMPLEFORMAT_UINT || tiff->kind == SAMPLEFORMAT_VOID;
    raster->samples = tiff->samples;
    raster->type = !whole || tiff->bits > 16 ? RASTER_FLOAT
                   : tiff->bits > 8          ? RASTER_UINT16
                                             : RASTER_UINT8;
    raster->colour = tiff->photometric == PHOTOMETRIC_RGB && tiff->samples >= 3;
    take_opacity(tiff, raster);
    return OK;
}

static float half(uint16_t bits) {
    int exponent = bits >> 10 & 31;
    float fraction = (float)(bits & 1023) / 1024;
    float size = exponent == 0    ? __builtin_ldexpf(fraction, -14)
                 : exponent == 31 ? (bits & 1023 ? __builtin_nanf("") : __builtin_inff())
                                  : __builtin_ldexpf(1 + fraction, exponent - 15);
    return bits >> 15 ? -size : size;
}

/* Value i of a row that libtiff has brought into the machine's byte order. */
static float real(const struct TiffFile *tiff, const uint8_t *row, int64_t i) {
    const uint8_t *at = row + i * (tiff->bits / 8);
    union {
        int8_t int8;
        int16_t int16;
        int32_t int32;
        int64_t int64;
        uint16_t uint16;
        uint32_t uint32;
        uint64_t uint64;
        float float32;
        double float64;
    } value;
    memcpy(&value, at, tiff->bits / 8);
    switch (tiff->kind << 8 | tiff->bits) {
    case SAMPLEFORMAT_INT << 8 | 8:
        return value.int8;
    case SAMPLEFORMAT_INT << 8 | 16:
        return value.int16;
    case SAMPLEFORMAT_INT << 8 | 32:
        return (float)value.int32;
    case SAMPLEFORMAT_INT << 8 | 64:
        return (float)value.int64;
    case SAMPLEFORMAT_IEEEFP << 8 | 16:
        return half(value.uint16);
    case SAMPLEFORMAT_IEEEFP << 8 | 32:
        return value.float32;
    case SAMPLEFORMAT_IEEEFP << 8 | 64:
        return (float)value.float64;
    default:
        return tiff->bits == 32 ? (float)value.uint32 : (float)value.uint64;
    }
}

/* Value i of up to 16 bits; those that are no whole bytes begin with the highest bit. */
static uint32_t whole(const struct TiffFile *tiff, const uint8_t *row, int64_t i) {
    uint32_t value = 0;
    if (tiff->bits == 8)
        return row[i];
    if (tiff->bits == 16)
        return ((const uint16_t *)(const void *)row)[i];
    for (int64_t bit = i * tiff->bits; bit < (i + 1) * tiff->bits; bit++)
        value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1);
    return value;
}

/* Stores `pixels` pixels of a row, each of `samples` values, the first of which is sample `first`
 * of the pixel (y, x). */
static void put_row(const struct TiffFile *tiff, const struct Raster *raster, const uint8_t *row,
                    int64_t y, int64_t x, int64_t pixels, int64_t first, int64_t samples) {
    uint32_t most = (uint32_t)raster->most;
    bool inverted = tiff->photometric == PHOTOMETRIC_MINISWHITE;
    for (int64_t i = 0; i < pixels * samples; i++) {
        int64_t to = (y * raster->width + x + i / samples) * raster->samples + first + i % samples;
        if (raster->type == RASTER_FLOAT) {
            ((float *)raster->values)[to] = real(tiff, row, i);
            continue;
        }
        uint32_t value = whole(tiff, row, i);
        value = inverted ? most - value : value;
        if (raster->type == RASTER_UINT16)
            ((uint16_t *)raster->values)[to] = (uint16_t)value;
        else
            ((uint8_t *)raster->values)[to] = (uint8_t)(value * 255 / most);
    }
}

/* Bytes for `values` values, as libtiff packs them. */
static uint64_t packed(const struct TiffFile *tiff, uint64_t values) {
    return (values * tiff->bits + 7) / 8;
}

static int read_strips(struct TiffFile *tiff, const struct Raster *raster, struct Error *error) {
    bool apart = tiff->planes == PLANARCONFIG_SEPARATE;
    int64_t samples = apart ? 1 : raster->samples, code = OK;
    uint64_t bytes = TIFFScanlineSize64(tiff->library);
    if (bytes < packed(tiff, (uint64_t)(raster->width * samples)) || bytes > MOST_BLOCK)
        return damaged(tiff, error);
    uint8_t *row = memory_array(uint8_t, (int64_t)bytes, "a row of a picture");
    for (int64_t plane = 0; plane < (apart ? raster->samples : 1) && code == OK; plane++)
        for (int64_t y = 0; y < raster->height && code == OK; y++) {
            if (TIFFReadScanline(tiff->library, row, (uint32_t)y, (uint16_t)plane) != 1)
                code = damaged(tiff, error);
            else
                put_row(tiff, raster, row, y, 0, raster->width, plane, samples);
        }
    memory_release(row);
    return (int)code;
}

/* One tile, of which only a part may lie in the picture. */
static int read_tile(struct TiffFile *tiff, const struct Raster *raster, uint8_t *tile,
                     uint64_t bytes, int64_t y, int64_t x, int64_t plane, struct Error *error) {
    bool apart = tiff->planes == PLANARCONFIG_SEPARATE;
    uint32_t width = 0, height = 0;
    TIFFGetField(tiff->library, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(tiff->library, TIFFTAG_TILELENGTH, &height);
    int64_t samples = apart ? 1 : raster->samples;
    int64_t rows = height < raster->height - y ? height : raster->height - y;
    int64_t pixels = width < raster->width - x ? width : raster->width - x;
    uint64_t row = TIFFTileRowSize64(tiff->library);
    if (row < packed(tiff, (uint64_t)width * (uint64_t)samples) || row * height > bytes)
        return damaged(tiff, error);
    uint32_t number = TIFFComputeTile(tiff->library, (uint32_t)x, (uint32_t)y, 0, (uint16_t)plane);
    if (TIFFReadEncodedTile(tiff->library, number, tile, (tmsize_t)bytes) < (tmsize_t)bytes)
        return damaged(tiff, error);
    for (int64_t i = 0; i < rows; i++)
        put_row(tiff, raster, tile + (uint64_t)i * row, y + i, x, pixels, plane, samples);
    return OK;
}

static int read_tiles(struct TiffFile *tiff, const struct Raster *raster, struct Error *error) {
    uint32_t width = 0, height = 0;
    uint64_t bytes = TIFFTileSize64(tiff->library);
    TIFFGetField(tiff->library, TIFFTAG_TILEWIDTH, &width);
    TIFFGetField(tiff->library, TIFFTAG_TILELENGTH, &height);
    if (!width || !height || !bytes || bytes > MOST_BLOCK)
        return damaged(tiff, error);
    uint8_t *tile = memory_array(uint8_t, (int64_t)bytes, "a tile of a picture");
    int64_t planes = tiff->planes == PLANARCONFIG_SEPARATE ? raster->samples : 1;
    int code = OK;
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t y = 0; y < raster->height; y += height)
            for (int64_t x = 0; x < raster->width && code == OK; x += width)
                code = read_tile(tiff, raster, tile, bytes, y, x, plane, error);
    memory_release(tile);
    return code;
}

/* libtiff makes RGB with opacity, in the order in which the file stores rows and columns. */
static int convert(struct TiffFile *tiff, const struct Raster *raster, struct Error *error) {
    int64_t pixels = raster->height * raster->width;
    uint32_t *packed_pixels = raster->values; /* R in the lowest byte of each */
    if (!TIFFRGBAImageOK(tiff->library, tiff->message) ||
        !TIFFReadRGBAImageOriented(tiff->library, tiff->width, tiff->height, packed_pixels,
                                   raster->orientation, 1))
        return damaged(tiff, error);
    for (int64_t i = 0; i < pixels; i++) {
        uint32_t pixel = packed_pixels[i];
        const uint8_t rgba[4] = {TIFFGetR(pixel), TIFFGetG(pixel), TIFFGetB(pixel),
                                 TIFFGetA(pixel)};
        memcpy(packed_pixels + i, rgba, sizeof rgba);
    }
    return OK;
}

static int decode(struct TiffFile *tiff, struct Raster *raster, struct Error *error) {
    int code = read_head(tiff, raster, error);
    if (code == OK)
        code = raster__allocate(raster, tiff->file, error);
    if (code != OK || tiff->file->head_only)
        return code;
    if (!is_direct(tiff))
        return convert(tiff, raster, error);
    return TIFFIsTiled(tiff->library) ? read_tiles(tiff, raster, error)
                                      : read_strips(tiff, raster, error);
}

int tiff__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error) {
    struct TiffFile tiff = {.file = file, .photometric = PHOTOMETRIC_MINISBLACK};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    CHECK(options != NULL);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)MOST_BLOCK);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &tiff);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, &tiff);
    /* m: no mapping of the file */
    tiff.library = TIFFClientOpenExt("picture", "rm", &tiff, on_read, on_write, on_seek, on_close,
                                     on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    if (!tiff.library)
        return damaged(&tiff, error);
    int code = decode(&tiff, raster, error);
    TIFFClose(tiff.library);
    return code;
}
