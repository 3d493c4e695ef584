/* BMP: Windows and OS/2 bitmaps of 1 to 32 bits a pixel, plain or run-length encoded
 * (https://learn.microsoft.com/windows/win32/gdi/bitmap-storage). Debian has no library for them
 * alone. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "pictures/formats.h"

enum { PLAIN = 0, RUNS_OF_8 = 1, RUNS_OF_4 = 2, FIELDS = 3, FIELDS_WITH_OPACITY = 6 };
#define FILE_HEAD 14
#define OLD_HEAD 12 /* OS/2 1.x: sizes of 16 bits, colours of 3 bytes */

struct Bmp {
    const struct PictureFile *file;
    int64_t width, height;
    bool top_down;
    int bits;
    uint32_t method;
    uint32_t masks[4];     /* red, green, blue, opacity; 0: none */
    const uint8_t *pixels; /* up to the end of the file */
    size_t pixel_bytes;
    uint8_t colours[256][3];
    bool any_opacity; /* a pixel that is not wholly transparent was seen */
};

static int damaged(const struct Bmp *bmp, const char *what, struct Error *error) {
    return fail(error, ERROR_DATA, "%s: damaged BMP: %s", bmp->file->path, what);
}

static uint32_t number(const uint8_t *bytes, int count) {
    uint32_t value = 0;
    for (int i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static bool is_supported(const struct Bmp *bmp) {
    int bits = bmp->bits;
    switch (bmp->method) {
    case PLAIN:
        return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16 || bits == 24 ||
               bits == 32;
    case RUNS_OF_8:
        return bits == 8 && !bmp->top_down;
    case RUNS_OF_4:
        return bits == 4 && !bmp->top_down;
    case FIELDS:
    case FIELDS_WITH_OPACITY:
        return bits == 16 || bits == 32;
    default:
        return false;
    }
}

/* Where colours are in pixels of 16 and 32 bits. */
static void read_masks(struct Bmp *bmp, const uint8_t *head, size_t head_bytes) {
    static const uint32_t usual[2][3] = {{0x7C00, 0x03E0, 0x001F}, {0xFF0000, 0xFF00, 0xFF}};
    bool named = bmp->method == FIELDS || bmp->method == FIELDS_WITH_OPACITY;
    for (int c = 0; c < 3; c++)
        bmp->masks[c] = named ? number(head + 40 + 4 * c, 4) : usual[bmp->bits == 32][c];
    if (named && (head_bytes >= 56 || bmp->method == FIELDS_WITH_OPACITY))
        bmp->masks[3] = number(head + 52, 4);
}

/* The colours of up to 8 bits follow the head, and perhaps the masks. */
static void read_colours(struct Bmp *bmp, const uint8_t *head, size_t head_bytes, size_t left) {
    size_t entry = head_bytes == OLD_HEAD ? 3 : 4, count = (size_t)1 << bmp->bits;
    size_t named = head_bytes >= 36 ? number(head + 32, 4) : 0;
    count = named && named < count ? named : count;
    for (size_t i = 0; i < count && head_bytes + (i + 1) * entry <= left; i++)
        for (size_t c = 0; c < 3; c++)
            bmp->colours[i][c] = head[head_bytes + i * entry + 2 - c];
}

static int read_head(struct Bmp *bmp, struct Error *error) {
    const uint8_t *head = bmp->file->bytes + FILE_HEAD;
    size_t left = bmp->file->count - FILE_HEAD, bytes = number(head, 4);
    bool old = bytes == OLD_HEAD;
    /* With masks after it a head of 40 bytes has as many as one of 56. */
    if (bytes > left)
        return damaged(bmp, "it ends in its head", error);
    bmp->width = old ? (int32_t)number(head + 4, 2) : (int32_t)number(head + 4, 4);
    bmp->height = old ? (int32_t)number(head + 6, 2) : (int32_t)number(head + 8, 4);
    bmp->top_down = bmp->height < 0;
    bmp->height = bmp->top_down ? -bmp->height : bmp->height;
    bmp->bits = (int)number(head + (old ? 10 : 14), 2);
    bmp->method = bytes >= 20 ? number(head + 16, 4) : PLAIN;
    if (!is_supported(bmp))
        return fail(error, ERROR_DATA,
                    "%s: is a BMP of %d bits with method %" PRIu32
                    "; expected 1 to 32 bits, plain, run-length encoded or with masks",
                    bmp->file->path, bmp->bits, bmp->method);
    bool named = bmp->method >= FIELDS;
    if (named && left < 56)
        return damaged(bmp, "it ends in its masks", error);
    if (bmp->bits > 8)
        read_masks(bmp, head, bytes);
    else
        read_colours(bmp, head, bytes, left);
    size_t offset = number(bmp->file->bytes + 10, 4);
    if (offset > bmp->file->count)
        return damaged(bmp, "its pixels begin after its end", error);
    bmp->pixels = bmp->file->bytes + offset;
    bmp->pixel_bytes = bmp->file->count - offset;
    return OK;
}

/* The part of a pixel under a mask, as 0 … 255. */
static uint8_t field(uint32_t pixel, uint32_t mask) {
    if (!mask)
        return 0;
    int shift = __builtin_ctz(mask);
    uint64_t most = mask >> shift, value = (pixel & mask) >> shift;
    return (uint8_t)((value * 510 + most) / (2 * most));
}

static void put(const struct Raster *raster, int64_t y, int64_t x, const uint8_t *rgba) {
    memcpy((uint8_t *)raster->values + (y * raster->width + x) * raster->samples, rgba,
           (size_t)raster->samples);
}

static void put_colour(const struct Bmp *bmp, const struct Raster *raster, int64_t y, int64_t x,
                       unsigned index) {
    put(raster, y, x, bmp->colours[index]);
}

static void put_packed(struct Bmp *bmp, const struct Raster *raster, int64_t y, int64_t x,
                       const uint8_t *row) {
    uint8_t rgba[4];
    int bytes = bmp->bits / 8;
    uint32_t pixel = number(row + x * bytes, bytes);
    for (int c = 0; c < 4; c++)
        rgba[c] =
            bmp->bits == 24 ? (uint8_t)(pixel >> (16 - 8 * (c % 3))) : field(pixel, bmp->masks[c]);
    bmp->any_opacity |= rgba[3] > 0;
    put(raster, y, x, rgba);
}

static int read_plain(struct Bmp *bmp, const struct Raster *raster, struct Error *error) {
    size_t row_bytes = (size_t)((bmp->width * bmp->bits + 31) / 32 * 4);
    if (bmp->pixel_bytes / row_bytes < (size_t)bmp->height) {
        /* Some programs leave out the padding of the last row. */
        size_t last = (size_t)((bmp->width * bmp->bits + 7) / 8);
        if (bmp->pixel_bytes < row_bytes * (size_t)(bmp->height - 1) + last)
            return damaged(bmp, "it ends in its pixels", error);
    }
    for (int64_t i = 0; i < bmp->height; i++) {
        const uint8_t *row = bmp->pixels + (size_t)i * row_bytes;
        int64_t y = bmp->top_down ? i : bmp->height - 1 - i;
        for (int64_t x = 0; x < bmp->width; x++)
            if (bmp->bits > 8) {
                put_packed(bmp, raster, y, x, row);
            } else {
                int64_t bit = x * bmp->bits;
                unsigned index = row[bit / 8] >> (8 - bmp->bits - bit % 8);
                put_colour(bmp, raster, y, x, index & ((1u << bmp->bits) - 1));
            }
    }
    return OK;
}

/* Where the next run goes. */
struct Place {
    int64_t row, x; /* rows from the bottom */
};

static void put_run(const struct Bmp *bmp, const struct Raster *raster, struct Place *place,
                    unsigned index) {
    if (place->x < bmp->width && place->row < bmp->height)
        put_colour(bmp, raster, bmp->height - 1 - place->row, place->x, index);
    place->x++;
}

/* Run-length encoding: COUNT VALUE repeats; 0 and a code end a row (0) or the picture (1), move
 * (2), or are followed by that many values. What is never written has colour 0. */
static int read_runs(const struct Bmp *bmp, const struct Raster *raster, struct Error *error) {
    const uint8_t *at = bmp->pixels, *end = at + bmp->pixel_bytes;
    bool halves = bmp->bits == 4;
    struct Place place = {0};
    for (int64_t y = 0; y < bmp->height; y++)
        for (int64_t x = 0; x < bmp->width; x++)
            put_colour(bmp, raster, y, x, 0);
    while (end - at >= 2 && place.row < bmp->height) {
        unsigned count = at[0], value = at[1];
        at += 2;
        if (count) {
            for (unsigned i = 0; i < count; i++)
                put_run(bmp, raster, &place, !halves ? value : i % 2 ? value & 15 : value >> 4);
        } else if (value == 0) {
            place = (struct Place){place.row + 1, 0};
        } else if (value == 1) {
            return OK;
        } else if (value == 2) {
            if (end - at < 2)
                break;
            place = (struct Place){place.row + at[1], place.x + at[0]};
            at += 2;
        } else {
            size_t bytes = halves ? (value + 1) / 2 : value;
            if ((size_t)(end - at) < bytes)
                break;
            for (unsigned i = 0; i < value; i++)
                put_run(bmp, raster, &place,
                        !halves ? at[i]
                        : i % 2 ? at[i / 2] & 15
                                : at[i / 2] >> 4);
            at += (bytes + 1) / 2 * 2 < (size_t)(end - at) ? (bytes + 1) / 2 * 2 : bytes;
        }
    }
    return place.row >= bmp->height - 1 ? OK : damaged(bmp, "it ends in its pixels", error);
}

/* Programs that know of no opacity leave its bits 0. */
static void mend_opacity(const struct Bmp *bmp, const struct Raster *raster) {
    uint8_t *values = raster->values;
    for (int64_t i = 0; i < raster->height * raster->width && !bmp->any_opacity; i++)
        values[i * 4 + 3] = 255;
}

int bmp__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error) {
    struct Bmp bmp = {.file = file};
    int code = read_head(&bmp, error);
    if (code != OK)
        return code;
    raster->height = bmp.height;
    raster->width = bmp.width;
    raster->opacity = bmp.masks[3] != 0;
    raster->samples = raster->opacity ? 4 : 3;
    raster->colour = true;
    code = raster__allocate(raster, file, error);
    if (code != OK || file->head_only)
        return code;
    code = bmp.method == RUNS_OF_8 || bmp.method == RUNS_OF_4 ? read_runs(&bmp, raster, error)
                                                              : read_plain(&bmp, raster, error);
    if (code == OK && raster->opacity)
        mend_opacity(&bmp, raster);
    return code;
}
