/* What the decoders make of TIFF, WebP, GIF, BMP and of deep pictures; orientations; damage. */
#include "pictures/made_pictures.h"

#include <gif_lib.h>
#include <tiffio.h>
#include <webp/encode.h>

#include "base/memory.h"
#include "pictures/formats.h"
#include "pictures/picture_decode.h"

#define HEIGHT 5
#define WIDTH 7

static uint8_t rgb[HEIGHT * WIDTH * 3];

static struct Picture decode(const char *path, struct PictureForm form) {
    struct Picture picture;
    struct Error error = {0};
    if (picture_decode_file(path, &form, &picture, &error) != OK)
        stop_test("%s", error.text);
    return picture;
}

static void expect_bytes(const char *path, int64_t channels, const uint8_t *expected) {
    struct Picture picture = decode(path, (struct PictureForm){.channels = channels});
    assert_int_equal(picture.height, HEIGHT);
    assert_int_equal(picture.width, WIDTH);
    assert_memory_equal(picture.values, expected, (size_t)(HEIGHT * WIDTH * channels));
    memory_release(picture.values);
}

static void expect_floats(const char *path, struct PictureForm form, const float *expected) {
    form.floats = true;
    struct Picture picture = decode(path, form);
    assert_true(picture.floats);
    for (int64_t i = 0; i < HEIGHT * WIDTH * form.channels; i++)
        assert_float_equal(((const float *)picture.values)[i], expected[i], 0);
    memory_release(picture.values);
}

#define refuse(path, form, ...)                                                                    \
    do {                                                                                           \
        struct Picture refused;                                                                    \
        struct Error error = {0};                                                                  \
        int code = picture_decode_file(path, form, &refused, &error);                              \
        expect_failure(&error, code, ERROR_DATA, path, __VA_ARGS__);                               \
    } while (0)

/* How a TIFF file is made: values lie by pixels, of any type. */
struct TiffKind {
    int samples, bits, format, photometric, planes, tile, compression, orientation;
};

static void put_tiff_rows(TIFF *file, const struct TiffKind *kind, const uint8_t *values) {
    int bytes = kind->bits / 8, apart = kind->planes == PLANARCONFIG_SEPARATE;
    uint8_t row[WIDTH * 16 * 8];
    for (int plane = 0; plane < (apart ? kind->samples : 1); plane++)
        for (int y = 0; y < HEIGHT; y++) {
            const uint8_t *from = values + y * WIDTH * kind->samples * bytes;
            for (int x = 0; apart && x < WIDTH; x++)
                memcpy(row + x * bytes, from + (x * kind->samples + plane) * bytes, (size_t)bytes);
            if (!apart)
                memcpy(row, from, (size_t)(WIDTH * kind->samples * bytes));
            assert_int_equal(TIFFWriteScanline(file, row, (uint32_t)y, (uint16_t)plane), 1);
        }
}

static void put_tiff_tile(TIFF *file, const struct TiffKind *kind, const uint8_t *values) {
    static uint8_t tile[16 * 16 * 64];
    size_t row = (size_t)(WIDTH * kind->samples * kind->bits / 8);
    for (int y = 0; y < HEIGHT; y++)
        memcpy(tile + y * 16 * kind->samples * kind->bits / 8, values + (size_t)y * row, row);
    assert_true(TIFFWriteEncodedTile(file, 0, tile, TIFFTileSize(file)) > 0);
}

static const char *write_tiff(struct TiffKind kind, const void *values, const char *mode) {
    const char *path = place(folder, "made.tif");
    TIFF *file = TIFFOpen(path, mode);
    assert_non_null(file);
    TIFFSetField(file, TIFFTAG_IMAGEWIDTH, WIDTH);
    TIFFSetField(file, TIFFTAG_IMAGELENGTH, HEIGHT);
    TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, kind.samples);
    TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, kind.bits);
    TIFFSetField(file, TIFFTAG_SAMPLEFORMAT, kind.format ? kind.format : SAMPLEFORMAT_UINT);
    TIFFSetField(file, TIFFTAG_PHOTOMETRIC, kind.photometric);
    TIFFSetField(file, TIFFTAG_PLANARCONFIG, kind.planes ? kind.planes : PLANARCONFIG_CONTIG);
    TIFFSetField(file, TIFFTAG_COMPRESSION, kind.compression ? kind.compression : COMPRESSION_NONE);
    TIFFSetField(file, TIFFTAG_ORIENTATION, kind.orientation ? kind.orientation : 1);
    if (kind.tile) {
        TIFFSetField(file, TIFFTAG_TILEWIDTH, 16);
        TIFFSetField(file, TIFFTAG_TILELENGTH, 16);
        put_tiff_tile(file, &kind, values);
    } else {
        TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, 2);
        put_tiff_rows(file, &kind, values);
    }
    TIFFClose(file);
    return path;
}

static void tiff_of_bytes(void **state) {
    (void)state;
    struct TiffKind kind = {.samples = 3, .bits = 8, .photometric = PHOTOMETRIC_RGB};
    static const int compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE,
                                       COMPRESSION_PACKBITS};
    for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++) {
        kind.compression = compressions[i];
        kind.tile = 0;
        expect_bytes(write_tiff(kind, rgb, "w"), 3, rgb);
        expect_bytes(write_tiff(kind, rgb, "w8b"), 3, rgb); /* BigTIFF, big-endian */
        kind.planes = PLANARCONFIG_SEPARATE;
        expect_bytes(write_tiff(kind, rgb, "w"), 3, rgb);
        kind.planes = 0;
        kind.tile = 1;
        expect_bytes(write_tiff(kind, rgb, "w"), 3, rgb);
    }
}

static void tiff_of_other_types(void **state) {
    (void)state;
    float floats[HEIGHT * WIDTH], scaled[HEIGHT * WIDTH];
    uint16_t whole[HEIGHT * WIDTH];
    int16_t with_sign[HEIGHT * WIDTH];
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        floats[i] = (float)i * 0.37f - 3;
        whole[i] = (uint16_t)(i * 1871);
        with_sign[i] = (int16_t)(i * 100 - 1000);
    }
    struct TiffKind kind = {.samples = 1,
                            .bits = 32,
                            .format = SAMPLEFORMAT_IEEEFP,
                            .photometric = PHOTOMETRIC_MINISBLACK};
    const struct PictureForm grey = {.channels = 1}, grey_floats = {.channels = 1, .floats = true};
    expect_floats(write_tiff(kind, floats, "wb"), grey, floats);
    refuse(write_tiff(kind, floats, "w"), &grey, "do not fit into 8 bits");
    kind.bits = 16;
    kind.format = SAMPLEFORMAT_INT;
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        scaled[i] = with_sign[i];
    expect_floats(write_tiff(kind, with_sign, "wb"), grey_floats, scaled); /* never scaled */
    kind.format = SAMPLEFORMAT_UINT;
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        scaled[i] = (float)whole[i] / 257;
    expect_floats(write_tiff(kind, whole, "wb"), grey_floats, scaled);
    const struct PictureForm unit = {1, true, PICTURE_SCALE_UNIT};
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        scaled[i] = (float)whole[i] / 65535;
    expect_floats(write_tiff(kind, whole, "w"), unit, scaled);
    const struct PictureForm none = {1, true, PICTURE_SCALE_NONE};
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        scaled[i] = whole[i];
    expect_floats(write_tiff(kind, whole, "w"), none, scaled);
}

/* Bands are neither grey nor colours: only all of them can be had. */
static void tiff_of_many_channels(void **state) {
    (void)state;
    uint16_t bands[HEIGHT * WIDTH * 5];
    float expected[HEIGHT * WIDTH * 5];
    for (int i = 0; i < HEIGHT * WIDTH * 5; i++)
        expected[i] = bands[i] = (uint16_t)(i * 373);
    struct TiffKind kind = {.samples = 5, .bits = 16, .photometric = PHOTOMETRIC_MINISBLACK};
    const struct PictureForm five = {5, true, PICTURE_SCALE_NONE}, three = {.channels = 3};
    for (int planes = PLANARCONFIG_CONTIG; planes <= PLANARCONFIG_SEPARATE; planes++) {
        kind.planes = planes;
        expect_floats(write_tiff(kind, bands, "w"), five, expected);
    }
    const char *path = write_tiff(kind, bands, "w");
    refuse(path, &three, "has 5 channels; expected 3");
    struct PictureFacts facts;
    struct Error error;
    assert_int_equal(picture_examine_file(path, &facts, &error), OK);
    assert_string_equal(facts.format, "TIFF");
    assert_int_equal(facts.channels, 5);
    assert_true(facts.deep);
}

static const char *write_webp(const char *name) {
    uint8_t *bytes;
    size_t count = WebPEncodeLosslessRGB(rgb, WIDTH, HEIGHT, WIDTH * 3, &bytes);
    const char *path = place(folder, name);
    write_bytes(path, bytes, count);
    WebPFree(bytes);
    return path;
}

static void webp_without_loss(void **state) {
    (void)state;
    expect_bytes(write_webp("made.jpg"), 3, rgb); /* by its content, whatever its name */
}

/* A screen of 5x7 with a picture of 3x4 at (1, 2), of which colour 1 is transparent. */
static const char *write_gif(bool interlaced) {
    static GifColorType colours[4] = {{10, 20, 30}, {1, 2, 3}, {200, 100, 50}, {0, 255, 0}};
    const char *path = place(folder, "made.gif");
    int code;
    GifFileType *gif = EGifOpenFileName(path, false, &code);
    assert_non_null(gif);
    ColorMapObject *map = GifMakeMapObject(4, colours);
    EGifSetGifVersion(gif, true);
    assert_int_equal(EGifPutScreenDesc(gif, WIDTH, HEIGHT, 2, 0, map), GIF_OK);
    const GraphicsControlBlock control = {.TransparentColor = 1};
    GifByteType block[4];
    EGifGCBToExtension(&control, block);
    EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, 4, block);
    static const int order[][3] = {{0, 1, 2}, {0, 2, 1}}; /* rows of 3: passes 0, then 4 */
    assert_int_equal(EGifPutImageDesc(gif, 2, 1, 4, 3, interlaced, NULL), GIF_OK);
    for (int i = 0; i < 3; i++) {
        GifPixelType row[4] = {(GifPixelType)order[interlaced][i], 1, 2, 3};
        assert_int_equal(EGifPutLine(gif, row, 4), GIF_OK);
    }
    assert_int_equal(EGifPutImageDesc(gif, 0, 0, WIDTH, HEIGHT, false, NULL), GIF_OK);
    for (int y = 0; y < HEIGHT; y++) { /* a second frame, which does not count */
        GifPixelType row[WIDTH] = {3, 3, 3, 3, 3, 3, 3};
        EGifPutLine(gif, row, WIDTH);
    }
    GifFreeMapObject(map);
    assert_int_equal(EGifCloseFile(gif, &code), GIF_OK);
    return path;
}

static void gif_is_its_first_frame(void **state) {
    (void)state;
    uint8_t expected[HEIGHT * WIDTH * 3];
    static const uint8_t firsts[3][3] = {{10, 20, 30}, {255, 255, 255}, {200, 100, 50}};
    memset(expected, 255, sizeof expected);
    for (int y = 0; y < 3; y++) {
        uint8_t *row = expected + ((y + 1) * WIDTH + 2) * 3;
        memcpy(row, firsts[y], 3);
        memcpy(row + 6, firsts[2], 3);
        memcpy(row + 9, (uint8_t[]){0, 255, 0}, 3);
    }
    expect_bytes(write_gif(false), 3, expected);
    expect_bytes(write_gif(true), 3, expected);
}

static void put32(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* PBM, in which 1 is black: rows of whole bytes, and digits that stand together or apart. */
static void pbm_of_both_kinds(void **state) {
    (void)state;
    const char *path = place(folder, "made.txt");
    static const char packed[] = "P4\n7 5\n\xA0\x40\x0E\x00\xFE";
    static const char text[] = "P1 # made\n7 5\n1010000 0100000\n0 0 0 0 1 1 1 00000001111111";
    static const uint8_t expected[HEIGHT * WIDTH] = {
        0, 255, 0, 255, 255, 255, 255, 255, 0,   255, 255, 255, 255, 255, 255, 255, 255, 255,
        0, 0,   0, 255, 255, 255, 255, 255, 255, 255, 0,   0,   0,   0,   0,   0,   0};
    write_bytes(path, packed, sizeof packed - 1);
    expect_bytes(path, 1, expected);
    write_bytes(path, text, sizeof text - 1);
    expect_bytes(path, 1, expected);
    write_bytes(path, packed, sizeof packed - 2);
    refuse(path, &(struct PictureForm){.channels = 1}, "it ends in its pixels");
}

/* PGM and PPM: binary, as text with comments, of fewer levels, and of 16 bits. */
static void pnm_of_all_kinds(void **state) {
    (void)state;
    static char file[4096];
    const char *path = place(folder, "made.txt"); /* its content says what it is */
    const struct PictureForm form = {.channels = 3};
    size_t length = (size_t)snprintf(file, sizeof file, "P6 # made\n%d %d\n255\n", WIDTH, HEIGHT);
    memcpy(file + length, rgb, HEIGHT * WIDTH * 3);
    write_bytes(path, file, length + HEIGHT * WIDTH * 3);
    expect_bytes(path, 3, rgb);
    write_bytes(path, file, length + HEIGHT * WIDTH * 3 - 1);
    refuse(path, &form, "damaged PBM, PGM or PPM: it ends in its pixels");
    uint8_t grey[HEIGHT * WIDTH];
    float deep[HEIGHT * WIDTH];
    length = (size_t)snprintf(file, sizeof file, "P2\n%d %d 5\n", WIDTH, HEIGHT);
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        length += (size_t)snprintf(file + length, sizeof file - length, "%d\n", i % 6);
        grey[i] = (uint8_t)(i % 6 * 51);
        deep[i] = (float)(i * 20);
    }
    write_bytes(path, file, length);
    expect_bytes(path, 1, grey);
    write_bytes(path, file, (size_t)snprintf(file, sizeof file, "P2\n1 1 5\n6\n"));
    refuse(path, &(struct PictureForm){.channels = 1}, "a value is above its maximum");
    length = (size_t)snprintf(file, sizeof file, "P5 %d %d 1023 ", WIDTH, HEIGHT);
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        file[length++] = (char)(i * 20 >> 8);
        file[length++] = (char)(i * 20);
    }
    write_bytes(path, file, length);
    expect_floats(path, (struct PictureForm){.channels = 1, .scale = PICTURE_SCALE_NONE}, deep);
    struct Error unused;
    bool is_deep = false;
    assert_int_equal(picture_is_deep_file(path, &is_deep, &unused), OK);
    assert_true(is_deep);
    write_bytes(path, "P6 is a text", 12);
    refuse(path, &form, "is not a picture by its first bytes");
    length = (size_t)snprintf(file, sizeof file, "P6 #%0300d\n%d %d\n255\n", 0, WIDTH, HEIGHT);
    memcpy(file + length, rgb, HEIGHT * WIDTH * 3); /* the head is longer than PICTURE_HEAD */
    write_bytes(path, file, length + HEIGHT * WIDTH * 3);
    expect_bytes(path, 3, rgb);
    assert_int_equal(picture_is_deep_file(path, &is_deep, &unused), OK);
    assert_false(is_deep);
}

/* A BMP file: head of 40 bytes, `extra` bytes after it (masks, colours), then the pixels. */
static const char *write_bmp(int32_t height, int bits, int method, const uint8_t *extra,
                             size_t extra_bytes, const uint8_t *pixels, size_t pixel_bytes) {
    static uint8_t file[4096];
    memset(file, 0, sizeof file);
    memcpy(file, "BM", 2);
    put32(file + 10, (uint32_t)(54 + extra_bytes));
    put32(file + 14, 40);
    put32(file + 18, WIDTH);
    put32(file + 22, (uint32_t)height);
    file[26] = 1;
    file[28] = (uint8_t)bits;
    file[30] = (uint8_t)method;
    memcpy(file + 54, extra, extra_bytes);
    memcpy(file + 54 + extra_bytes, pixels, pixel_bytes);
    const char *path = place(folder, "made.bmp");
    write_bytes(path, file, 54 + extra_bytes + pixel_bytes);
    return path;
}

static void bmp_of_24_and_16_bits(void **state) {
    (void)state;
    uint8_t rows[HEIGHT * 24] = {0}, deep[HEIGHT * 16] = {0}, expected[HEIGHT * WIDTH * 3];
    static const uint8_t masks[12] = {0x00, 0xF8, 0, 0, 0xE0, 0x07, 0, 0, 0x1F, 0, 0, 0};
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        const uint8_t *from = rgb + i * 3;
        int y = HEIGHT - 1 - i / WIDTH, x = i % WIDTH, r = from[0] >> 3, g = from[1] >> 2;
        int b = from[2] >> 3, packed = r << 11 | g << 5 | b;
        memcpy(rows + y * 24 + x * 3, (uint8_t[]){from[2], from[1], from[0]}, 3);
        deep[y * 16 + x * 2] = (uint8_t)packed;
        deep[y * 16 + x * 2 + 1] = (uint8_t)(packed >> 8);
        expected[i * 3] = (uint8_t)((r * 510 + 31) / 62);
        expected[i * 3 + 1] = (uint8_t)((g * 510 + 63) / 126);
        expected[i * 3 + 2] = (uint8_t)((b * 510 + 31) / 62);
    }
    expect_bytes(write_bmp(HEIGHT, 24, 0, rows, 0, rows, sizeof rows), 3, rgb);
    expect_bytes(write_bmp(HEIGHT, 16, 3, masks, sizeof masks, deep, sizeof deep), 3, expected);
    const struct PictureForm form = {.channels = 3};
    refuse(write_bmp(HEIGHT, 24, 0, rows, 0, rows, sizeof rows - 24), &form, "ends in its pixels");
    refuse(write_bmp(HEIGHT, 24, 4, rows, 0, rows, sizeof rows), &form, "method 4");
    refuse(write_bmp(0x7FFFFFFF, 24, 0, rows, 0, rows, sizeof rows), &form, "expected at most");
}

/* Colours 0 ... 2 are black, red and blue; run-length encoded, row by row from below. */
static void bmp_of_runs(void **state) {
    (void)state;
    uint8_t colours[1024] = {0, 0, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0}, expected[HEIGHT * WIDTH * 3];
    /* row 0: red x 7; row 1: 3 given ones; then move 2 rows up and 1 right, blue x 2, end */
    static const uint8_t runs[] = {7, 1, 0, 0, 0, 3, 1, 2, 1, 0, 0, 2, 1, 2, 2, 2, 0, 1};
    memset(expected, 0, sizeof expected);
    for (int x = 0; x < WIDTH; x++)
        expected[(4 * WIDTH + x) * 3] = 255;
    expected[(3 * WIDTH + 0) * 3] = expected[(3 * WIDTH + 2) * 3] = 255;
    expected[(3 * WIDTH + 1) * 3 + 2] = 255;
    expected[(1 * WIDTH + 4) * 3 + 2] = expected[(1 * WIDTH + 5) * 3 + 2] = 255;
    expect_bytes(write_bmp(HEIGHT, 8, 1, colours, sizeof colours, runs, sizeof runs), 3, expected);
}

/* The raster is 1 2 3 / 4 5 6; what EXIF's eight orientations show of it. */
static void orientations(void **state) {
    (void)state;
    static const char *const shown[] = {"123456", "321654", "654321", "456123",
                                        "142536", "415263", "635241", "362514"};
    for (int orientation = 1; orientation <= 8; orientation++) {
        uint8_t *values = memory_copy("123456", 6, "a picture");
        struct Raster raster = {2, 3, 1, RASTER_UINT8, 0, false, false, false, orientation, values};
        const struct PictureForm form = {.channels = 1};
        struct Picture picture;
        struct Error error;
        assert_int_equal(raster__convert("a picture", &raster, &form, &picture, &error), OK);
        assert_int_equal(picture.height, orientation > 4 ? 3 : 2);
        assert_memory_equal(picture.values, shown[orientation - 1], 6);
        memory_release(picture.values);
    }
}

static void exif_blocks(void **state) {
    (void)state;
    uint8_t block[] = "Exif\0\0II*\0\x08\0\0\0\x02\0\x0F\x01\x02\0\x01\0\0\0\0\0\0\0"
                      "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    const uint8_t big[] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0";
    const uint8_t wide[] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x05";
    size_t count = sizeof block - 1;
    assert_int_equal(exif__orientation(block, count), 6);
    assert_int_equal(exif__orientation(block + 6, count - 6), 6);
    assert_int_equal(exif__orientation(big, sizeof big - 1), 8);
    assert_int_equal(exif__orientation(wide, sizeof wide - 1), 5); /* a LONG in place of a SHORT */
    for (size_t cut = 0; cut < count; cut++)
        assert_int_equal(exif__orientation(block, cut), 1);
    block[10] = 0xFF; /* the directory is elsewhere */
    assert_int_equal(exif__orientation(block, count), 1);
    block[10] = 8;
    block[count - 4] = 9; /* no such orientation */
    assert_int_equal(exif__orientation(block, count), 1);
}

/* A JPEG of 3x2 blocks that says it lies on its side. */
static void a_jpeg_is_turned(void **state) {
    (void)state;
    static uint8_t pixels[32 * 48 * 3], bytes[1 << 16], turned[1 << 16];
    memset(pixels, 200, sizeof pixels);
    memset(pixels, 20, sizeof pixels / 2); /* dark above, which orientation 6 shows at the right */
    const char *path = place(folder, "turned.jpg");
    write_jpeg(path, 32, 48, 3, pixels);
    size_t count = read_bytes(path, bytes, sizeof bytes);
    static const uint8_t marker[] = "\xFF\xE1\0\x22"
                                    "Exif\0\0II*\0\x08\0\0\0\x01\0"
                                    "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0";
    memcpy(turned, bytes, 2);
    memcpy(turned + 2, marker, sizeof marker);
    memcpy(turned + 2 + sizeof marker, bytes + 2, count - 2);
    write_bytes(path, turned, count + sizeof marker);
    struct Picture picture = decode(path, (struct PictureForm){.channels = 1});
    const uint8_t *values = picture.values;
    assert_int_equal(picture.height, 48);
    assert_int_equal(picture.width, 32);
    assert_true(values[0] > 190 && values[31] < 30);
    memory_release(picture.values);
}

static void a_long_png_says_its_size(void **state) {
    (void)state;
    static const uint8_t pixels[300000];
    const char *path = place(folder, "long.png");
    write_png(path, 1, 100000, PNG_COLOR_TYPE_RGB, 8, pixels, sizeof pixels);
    refuse(path, &(struct PictureForm){.channels = 3},
           "says that it is 100000 pixels wide and 1 high; expected at most 65500 a side");
}

static void deep_png_keeps_its_levels(void **state) {
    (void)state;
    uint8_t wide[HEIGHT * WIDTH * 2];
    float expected[HEIGHT * WIDTH];
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        int value = i * 3;
        wide[2 * i] = (uint8_t)(value >> 8);
        wide[2 * i + 1] = (uint8_t)value;
        expected[i] = (float)value;
    }
    const char *path = place(folder, "deep.png");
    write_png(path, HEIGHT, WIDTH, PNG_COLOR_TYPE_GRAY, 16, wide, WIDTH * 2);
    bool deep = false;
    struct Error error;
    assert_int_equal(picture_is_deep_file(path, &deep, &error), OK);
    assert_true(deep);
    expect_floats(path, (struct PictureForm){1, true, PICTURE_SCALE_NONE}, expected);
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        expected[i] = (float)(i * 3) / 257;
    expect_floats(path, (struct PictureForm){1, true, PICTURE_SCALE_BYTE}, expected);
}

/* Opacity is kept if it is asked for. */
static void four_channels(void **state) {
    (void)state;
    const uint8_t alpha[] = {10, 20, 30, 255, 10, 20, 30, 0};
    const char *path = place(folder, "alpha.png");
    write_png(path, 1, 2, PNG_COLOR_TYPE_RGB_ALPHA, 8, alpha, 8);
    struct Picture picture = decode(path, (struct PictureForm){.channels = 4});
    assert_memory_equal(picture.values, alpha, sizeof alpha);
    memory_release(picture.values);
    picture = decode(path, (struct PictureForm){.channels = 2});
    assert_memory_equal(picture.values, ((uint8_t[]){18, 255, 18, 0}), 4);
    memory_release(picture.values);
}

/* Whatever a damaged file says, it is decoded or refused in one line. */
static void damage_is_survived(void **state) {
    (void)state;
    static uint8_t bytes[1 << 14], damaged[1 << 14];
    struct TiffKind kind = {
        .samples = 3, .bits = 8, .photometric = PHOTOMETRIC_RGB, .compression = COMPRESSION_LZW};
    const char *paths[5];
    paths[0] = write_webp("damaged.webp");
    paths[1] = write_gif(true);
    paths[2] = write_bmp(HEIGHT, 24, 0, rgb, 0, bytes, HEIGHT * 24);
    paths[3] = write_tiff(kind, rgb, "w");
    paths[4] = place(folder, "damaged.png");
    write_png(paths[4], HEIGHT, WIDTH, PNG_COLOR_TYPE_RGB, 8, rgb, WIDTH * 3);
    const struct PictureForm form = {.channels = 3};
    for (int k = 0; k < 5; k++) {
        size_t count = read_bytes(paths[k], bytes, sizeof bytes);
        uint32_t random = 1;
        for (size_t i = 0; i < 3 * count; i++) {
            memcpy(damaged, bytes, count);
            random = random * 1664525 + 1013904223;
            damaged[i % count] = (uint8_t)(random >> 24);
            damaged[(random >> 8) % count] ^= (uint8_t)(i / count);
            struct Picture picture;
            struct Error error = {0};
            size_t length = i < count ? i : count; /* first cut short, too */
            int code = picture_decode("a file", damaged, length, &form, &picture, &error);
            assert_true(code == OK || (code == ERROR_DATA && !picture.values));
            memory_release(picture.values);
        }
    }
}

static int set_up(void **state) {
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37 + i / 5);
    return set_up_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiff_of_bytes),
        cmocka_unit_test(tiff_of_other_types),
        cmocka_unit_test(tiff_of_many_channels),
        cmocka_unit_test(webp_without_loss),
        cmocka_unit_test(gif_is_its_first_frame),
        cmocka_unit_test(bmp_of_24_and_16_bits),
        cmocka_unit_test(bmp_of_runs),
        cmocka_unit_test(pbm_of_both_kinds),
        cmocka_unit_test(pnm_of_all_kinds),
        cmocka_unit_test(orientations),
        cmocka_unit_test(exif_blocks),
        cmocka_unit_test(a_jpeg_is_turned),
        cmocka_unit_test(a_long_png_says_its_size),
        cmocka_unit_test(deep_png_keeps_its_levels),
        cmocka_unit_test(four_channels),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down_folder);
}
