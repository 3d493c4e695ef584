/* PBM, PGM and PPM, binary and as text, of 1, 8 and 16 bits
 * (https://netpbm.sourceforge.net/doc/pnm.html). A file with several pictures gives its first. */
#include <string.h>

#include "base/memory.h"
#include "pictures/formats.h"

struct Pnm {
    const uint8_t *at, *end;
    bool text, colour;
    bool bits; /* PBM: 1 is black */
    int64_t width, height, most;
};

static bool is_blank(uint8_t byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* The next number; -1: there is none. Comments reach from # to the end of the line. */
static int64_t next_number(struct Pnm *pnm) {
    int64_t value = 0;
    while (pnm->at < pnm->end && (is_blank(*pnm->at) || *pnm->at == '#')) {
        bool comment = *pnm->at++ == '#';
        while (comment && pnm->at < pnm->end && *pnm->at != '\n')
            pnm->at++;
    }
    const uint8_t *first = pnm->at;
    for (; pnm->at < pnm->end && *pnm->at >= '0' && *pnm->at <= '9'; pnm->at++)
        value = value < 1000000000 ? 10 * value + *pnm->at - '0' : value;
    return pnm->at > first ? value : -1;
}

static bool read_head(struct Pnm *pnm, const uint8_t *bytes, size_t count) {
    if (count < 3 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '6' || !is_blank(bytes[2]))
        return false;
    *pnm = (struct Pnm){.at = bytes + 2,
                        .end = bytes + count,
                        .text = bytes[1] < '4',
                        .bits = bytes[1] == '1' || bytes[1] == '4',
                        .colour = bytes[1] == '3' || bytes[1] == '6'};
    pnm->width = next_number(pnm);
    pnm->height = next_number(pnm);
    pnm->most = pnm->bits ? 1 : next_number(pnm);
    bool good = pnm->width > 0 && pnm->height > 0 && pnm->most > 0 && pnm->most < 65536;
    good = good && pnm->at < pnm->end && is_blank(*pnm->at);
    pnm->at += good;
    return good;
}

/* Comments may be so long that the head reaches beyond these bytes. */
bool pnm__recognise(const uint8_t *bytes, size_t count) {
    struct Pnm pnm = {0};
    return read_head(&pnm, bytes, count) || (pnm.at && pnm.at == pnm.end);
}

/* A digit of PBM as text, which need not be apart from the next. */
static int64_t next_digit(struct Pnm *pnm) {
    while (pnm->at < pnm->end && is_blank(*pnm->at))
        pnm->at++;
    return pnm->at < pnm->end ? '1' - *pnm->at++ : -1;
}

/* A bit of PBM, whose rows end with a byte. */
static int64_t next_bit(struct Pnm *pnm, int64_t pixel) {
    int64_t column = pixel % pnm->width;
    if (pnm->at == pnm->end)
        return -1;
    int64_t value = !(*pnm->at >> (7 - column % 8) & 1);
    pnm->at += column % 8 == 7 || column == pnm->width - 1;
    return value;
}

/* -1: the file ends. */
static int64_t next_value(struct Pnm *pnm, int64_t place) {
    if (pnm->bits)
        return pnm->text ? next_digit(pnm) : next_bit(pnm, place);
    if (pnm->text)
        return next_number(pnm);
    int bytes = pnm->most > 255 ? 2 : 1;
    if (pnm->end - pnm->at < bytes)
        return -1;
    int64_t value = bytes == 2 ? pnm->at[0] << 8 | pnm->at[1] : pnm->at[0];
    pnm->at += bytes;
    return value;
}

int pnm__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error) {
    struct Pnm pnm;
    if (!read_head(&pnm, file->bytes, file->count))
        return fail(error, ERROR_DATA, "%s: damaged PBM, PGM or PPM: it has no head", file->path);
    raster->height = pnm.height;
    raster->width = pnm.width;
    raster->colour = pnm.colour;
    raster->samples = pnm.colour ? 3 : 1;
    raster->type = pnm.most > 255 ? RASTER_UINT16 : RASTER_UINT8;
    raster->most = (int)pnm.most;
    int code = raster__allocate(raster, file, error);
    if (code != OK || file->head_only)
        return code;
    int64_t count = pnm.height * pnm.width * raster->samples;
    for (int64_t i = 0; i < count; i++) {
        int64_t value = next_value(&pnm, i);
        if (value < 0 || value > pnm.most)
            return fail(error, ERROR_DATA, "%s: damaged PBM, PGM or PPM: %s", file->path,
                        value < 0 ? "it ends in its pixels" : "a value is above its maximum");
        if (pnm.most > 255)
            ((uint16_t *)raster->values)[i] = (uint16_t)value;
        else
            ((uint8_t *)raster->values)[i] = (uint8_t)((value * 255 + pnm.most / 2) / pnm.most);
    }
    return OK;
}
