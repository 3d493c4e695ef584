#include "pictures/picture_decode.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/memory.h"
#include "base/read_file.h"
#include "pictures/formats.h"

#define HEAD_BYTES (64 << 10)
#define PNG_DEPTH 24 /* where the head of a PNG file says the bits of a value */
#define EXPECTED "expected JPEG, PNG, TIFF, WebP, GIF, BMP, PBM, PGM or PPM"

typedef int Decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);

/* Formats by the bytes `mark` at `offset`; those without a decoder are known by name. */
struct Format {
    const char *name;
    Decode *decode;
    const char *mark;
    size_t length, offset;
};
#define MARK(text) text, sizeof text - 1
static const struct Format formats[] = {
    {"JPEG", jpeg__decode, MARK("\xFF\xD8\xFF"), 0},
    {"PNG", png__decode, MARK("\x89PNG\r\n\x1A\n"), 0},
    {"TIFF", tiff__decode, MARK("II*\0"), 0},
    {"TIFF", tiff__decode, MARK("MM\0*"), 0},
    {"TIFF", tiff__decode, MARK("II+\0"), 0},
    {"TIFF", tiff__decode, MARK("MM\0+"), 0},
    {"GIF", gif__decode, MARK("GIF87a"), 0},
    {"GIF", gif__decode, MARK("GIF89a"), 0},
    {"WebP", webp__decode, MARK("WEBP"), 8},
    {"AVIF", NULL, MARK("ftypavi"), 4},
    {"HEIC", NULL, MARK("ftyphei"), 4},
    {"HEIC", NULL, MARK("ftyphev"), 4},
    {"HEIF", NULL, MARK("ftypmif1"), 4},
    {"JPEG 2000", NULL, MARK("jP  \r\n\x87\n"), 4},
    {"JPEG 2000", NULL, MARK("\xFF\x4F\xFF\x51"), 0},
    {"JPEG XL", NULL, MARK("\xFF\x0A"), 0},
    {"JPEG XL", NULL, MARK("JXL \r\n\x87\n"), 4},
    {"Photoshop", NULL, MARK("8BPS"), 0},
    {"OpenEXR", NULL, MARK("v/1\x01"), 0},
    {"Radiance HDR", NULL, MARK("#?RADIANCE"), 0},
    {"DICOM", NULL, MARK("DICM"), 128},
    {"NIfTI", NULL, MARK("\x5C\x01\0\0"), 0},
    {"FITS", NULL, MARK("SIMPLE  ="), 0},
    {"PDF", NULL, MARK("%PDF-"), 0},
    {"Windows icon", NULL, MARK("\0\0\1\0"), 0},
    {"portable float map", NULL, MARK("PF\n"), 0},
    {"portable float map", NULL, MARK("Pf\n"), 0},
    {"HTML", NULL, MARK("<!DOCTYPE html"), 0},
    {"HTML", NULL, MARK("<!doctype html"), 0},
    {"HTML", NULL, MARK("<html"), 0},
    {"XML", NULL, MARK("<?xml"), 0},
    {"Git LFS pointer", NULL, MARK("version https://git-lfs"), 0},
    {"SVG", NULL, MARK("<svg"), 0},
    {"HDF5", NULL, MARK("\x89HDF\r\n\x1A\n"), 0},
    {"NPY", NULL, MARK("\x93NUMPY"), 0},
    {"ZIP", NULL, MARK("PK\x03\x04"), 0},
    {"gzip", NULL, MARK("\x1F\x8B"), 0},
};
static const struct Format bmp = {"BMP", bmp__decode, NULL, 0, 0};
static const struct Format pnm = {"PBM, PGM or PPM", pnm__decode, NULL, 0, 0};

/* "BM" begins many a text, so that the size of the head after it is looked at, too. */
static bool is_bmp(const uint8_t *bytes, size_t count) {
    static const uint8_t heads[] = {12, 16, 40, 52, 56, 64, 108, 124};
    return count >= 18 && bytes[0] == 'B' && bytes[1] == 'M' && !bytes[15] && !bytes[16] &&
           !bytes[17] && memchr(heads, bytes[14], sizeof heads);
}

static const struct Format *find_format(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct Format *format = &formats[i];
        if (count >= format->offset + format->length &&
            !memcmp(bytes + format->offset, format->mark, format->length))
            return format;
    }
    return is_bmp(bytes, count) ? &bmp : pnm__recognise(bytes, count) ? &pnm : NULL;
}

const char *picture_format(const uint8_t *bytes, size_t count, bool *reads) {
    const struct Format *format = find_format(bytes, count);
    if (reads)
        *reads = format && format->decode;
    return format ? format->name : NULL;
}

/* The format of a file that can be decoded; NULL after a failure. */
static const struct Format *readable_format(const char *path, const uint8_t *bytes, size_t count,
                                            struct Error *error) {
    const struct Format *format = find_format(bytes, count);
    if (count == 0)
        fail(error, ERROR_DATA, "%s: is empty; " EXPECTED, path);
    else if (!format && file_kind(bytes, count))
        fail(error, ERROR_DATA, "%s: is no picture: it %s", path, file_kind(bytes, count));
    else if (!format)
        fail(error, ERROR_DATA, "%s: is not a picture by its first bytes; " EXPECTED, path);
    else if (!format->decode)
        fail(error, ERROR_DATA, "%s: is %s %s file; " EXPECTED, path,
             strchr("ANX", *format->name) || strstr("SVG HTML HDF5", format->name) ? "an" : "a",
             format->name);
    return format && format->decode ? format : NULL;
}

int picture_decode(const char *path, const uint8_t *bytes, size_t count,
                   const struct PictureForm *form, struct Picture *picture, struct Error *error) {
    CHECK(form->channels >= 1);
    const struct PictureFile file = {path, bytes, count, false, form->channels == 1};
    struct Raster raster = {.orientation = 1};
    *picture = (struct Picture){0};
    const struct Format *format = readable_format(path, bytes, count, error);
    if (!format)
        return error->code;
    int code = format->decode(&file, &raster, error);
    if (code == OK)
        return raster__convert(path, &raster, form, picture, error);
    memory_release(raster.values);
    return code;
}

int picture_examine(const char *path, const uint8_t *bytes, size_t count,
                    struct PictureFacts *facts, struct Error *error) {
    const struct PictureFile file = {path, bytes, count, true, false};
    struct Raster raster = {.orientation = 1};
    *facts = (struct PictureFacts){0};
    const struct Format *format = readable_format(path, bytes, count, error);
    if (!format)
        return error->code;
    int code = format->decode(&file, &raster, error);
    if (code != OK)
        return code;
    bool turned = raster.orientation > 4;
    *facts = (struct PictureFacts){format->name, turned ? raster.width : raster.height,
                                   turned ? raster.height : raster.width, raster__channels(&raster),
                                   raster.type != RASTER_UINT8};
    return OK;
}

static int read_all(int file, const char *path, uint8_t *bytes, size_t count, struct Error *error) {
    int64_t got = read_file_part(file, bytes, count, 0);
    if (got < 0)
        return fail_errno(error, "%s: cannot read", path);
    if ((size_t)got < count)
        return fail(error, ERROR_DATA, "%s: became shorter while it was read", path);
    return OK;
}

/* The descriptor of a regular file, and its length; −1 after a failure. */
static int open_file(const char *path, int64_t *length, struct Error *error) {
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a pipe must not wait */
    if (file < 0 || fstat(file, &about) != 0)
        fail_errno(error, "%s: cannot open", path);
    else if (!S_ISREG(about.st_mode))
        fail(error, ERROR_DATA, "%s: is not a regular file", path);
    else if (about.st_size > PICTURE_MOST_FILE_BYTES)
        fail(error, ERROR_DATA, "%s: has %" PRId64 " bytes; expected a picture of at most %" PRId64,
             path, about.st_size, PICTURE_MOST_FILE_BYTES);
    else {
        *length = about.st_size;
        return file;
    }
    if (file >= 0)
        close(file);
    return -1;
}

/* Reads the first *count bytes of a file, all of it if they are more or if *count is 0. The caller
 * releases *bytes, also after a failure. */
static int read_file(const char *path, uint8_t **bytes, int64_t *count, struct Error *error) {
    int64_t length;
    *bytes = NULL;
    int file = open_file(path, &length, error);
    if (file < 0)
        return error->code;
    *count = *count && *count < length ? *count : length;
    *bytes = memory_array(uint8_t, *count, "a picture's file");
    int code = read_all(file, path, *bytes, (size_t)*count, error);
    close(file);
    return code;
}

int picture_decode_file(const char *path, const struct PictureForm *form, struct Picture *picture,
                        struct Error *error) {
    uint8_t *bytes;
    int64_t count = 0;
    *picture = (struct Picture){0};
    int code = read_file(path, &bytes, &count, error);
    if (code == OK)
        code = picture_decode(path, bytes, (size_t)count, form, picture, error);
    memory_release(bytes);
    return code;
}

/* The head is nearly always in the first bytes; else the whole file is read. */
int picture_examine_file(const char *path, struct PictureFacts *facts, struct Error *error) {
    int64_t count = HEAD_BYTES;
    int code = OK;
    *facts = (struct PictureFacts){0};
    for (bool again = true; again;) {
        uint8_t *bytes;
        code = read_file(path, &bytes, &count, error);
        bool readable = true;
        if (code == OK) {
            code = picture_examine(path, bytes, (size_t)count, facts, error);
            picture_format(bytes, (size_t)count, &readable);
        }
        memory_release(bytes);
        again = code == ERROR_DATA && readable && count == HEAD_BYTES;
        count = 0;
    }
    return code;
}

int picture_is_deep_file(const char *path, bool *deep, struct Error *error) {
    struct PictureFacts facts;
    uint8_t *bytes;
    int64_t count = PICTURE_HEAD;
    int code = read_file(path, &bytes, &count, error);
    const struct Format *format =
        code == OK ? readable_format(path, bytes, (size_t)count, error) : NULL;
    *deep = format && format->decode == png__decode && count > PNG_DEPTH && bytes[PNG_DEPTH] > 8;
    memory_release(bytes);
    if (!format)
        return error->code;
    if (format->decode != tiff__decode && format->decode != pnm__decode)
        return OK;
    code = picture_examine_file(path, &facts, error);
    *deep = facts.deep;
    return code;
}
