/* Decodes good and bad JPEG and PNG files; resizes. */
#include "pictures/made_pictures.h"

#include <zlib.h>

#include "base/memory.h"
#include "pictures/picture_decode.h"
#include "pictures/resize.h"

static struct Picture decode(const char *path, int64_t channels) {
    struct Picture image;
    const struct PictureForm form = {.channels = channels};
    struct Error error = {0};
    int code = picture_decode_file(path, &form, &image, &error);
    if (code != OK)
        stop_test("%s", error.text);
    assert_int_equal(image.channels, channels);
    return image;
}

static const uint8_t *pixel(const struct Picture *image) {
    return image->values;
}

#define refuse(path, expected, ...)                                                                \
    do {                                                                                           \
        struct Picture image;                                                                      \
        const struct PictureForm rgb_form = {.channels = 3};                                       \
        struct Error error = {0};                                                                  \
        int code = picture_decode_file(path, &rgb_form, &image, &error);                           \
        expect_failure(&error, code, expected, path, __VA_ARGS__);                                 \
    } while (0)

static void png_is_exact(void **state) {
    (void)state;
    uint8_t rgb[3 * 4 * 3];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 37);
    const char *path = place(folder, "rgb.png");
    write_png(path, 3, 4, PNG_COLOR_TYPE_RGB, 8, rgb, 12);
    struct Picture image = decode(path, 3);
    assert_int_equal(image.height, 3);
    assert_int_equal(image.width, 4);
    assert_memory_equal(image.values, rgb, sizeof rgb);
    memory_release(image.values);
    image = decode(path, 1);
    for (int i = 0; i < 12; i++) {
        double grey = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
        assert_true(pixel(&image)[i] - grey <= 0.5 && grey - pixel(&image)[i] <= 0.5);
    }
    memory_release(image.values);
}

static void png_variants(void **state) {
    (void)state;
    const uint8_t grey[] = {0, 100, 255};
    const char *path = place(folder, "grey.png");
    write_png(path, 1, 3, PNG_COLOR_TYPE_GRAY, 8, grey, 3);
    struct Picture image = decode(path, 3);
    const uint8_t repeated[] = {0, 0, 0, 100, 100, 100, 255, 255, 255};
    assert_memory_equal(image.values, repeated, 9);
    memory_release(image.values);

    const uint8_t bits[] = {0xA0}; /* 1 0 1 */
    write_png(path, 1, 3, PNG_COLOR_TYPE_GRAY, 1, bits, 1);
    image = decode(path, 1);
    assert_memory_equal(image.values, ((uint8_t[]){255, 0, 255}), 3);
    memory_release(image.values);

    /* 16 bits become the nearest of 256 levels, which are 257 apart. */
    const uint8_t wide[] = {0x00, 0x00, 0x80, 0x80, 0xFF, 0xFF, 0x40, 0xD0};
    write_png(path, 1, 4, PNG_COLOR_TYPE_GRAY, 16, wide, 8);
    image = decode(path, 1);
    assert_memory_equal(image.values, ((uint8_t[]){0, 128, 255, 65}), 4);
    memory_release(image.values);

    /* Opaque, transparent and half transparent pixels, on white. */
    const uint8_t alpha[] = {10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128};
    write_png(path, 1, 3, PNG_COLOR_TYPE_RGB_ALPHA, 8, alpha, 12);
    image = decode(path, 3);
    assert_memory_equal(image.values, ((uint8_t[]){10, 20, 30, 255, 255, 255, 127, 177, 227}), 9);
    memory_release(image.values);
}

static void jpeg_is_close(void **state) {
    (void)state;
    static uint8_t rgb[32 * 48 * 3];
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 48; x++) {
            uint8_t *p = rgb + (y * 48 + x) * 3;
            p[0] = (uint8_t)(5 * x);
            p[1] = (uint8_t)(7 * y);
            p[2] = 90;
        }
    const char *path = place(folder, "colour.jpg");
    write_jpeg(path, 32, 48, 3, rgb);
    struct Picture image = decode(path, 3);
    assert_int_equal(image.height, 32);
    assert_int_equal(image.width, 48);
    for (size_t i = 0; i < sizeof rgb; i++)
        assert_true(abs(pixel(&image)[i] - rgb[i]) <= 12);
    memory_release(image.values);

    static uint8_t grey[16 * 16];
    memset(grey, 77, sizeof grey);
    write_jpeg(path, 16, 16, 1, grey);
    image = decode(path, 3);
    assert_true(abs(pixel(&image)[0] - 77) <= 1 && pixel(&image)[0] == pixel(&image)[2]);
    memory_release(image.values);

    static uint8_t ink[16 * 16 * 4]; /* it is stored inverted: 255 is no ink */
    for (int i = 0; i < 16 * 16; i++)
        memcpy(ink + 4 * i, (uint8_t[]){255, 0, 128, 255}, 4);
    write_jpeg(path, 16, 16, 4, ink);
    for (int adobe = 1; adobe >= 0; adobe--) { /* with Adobe's marker and without */
        static uint8_t bytes[1 << 16];
        size_t count = read_bytes(path, bytes, sizeof bytes), at = 2;
        while (!adobe && memcmp(bytes + at, "\xFF\xEE", 2) != 0)
            at++;
        if (!adobe) { /* the marker has 16 bytes */
            memmove(bytes + at, bytes + at + 16, count - at - 16);
            write_bytes(path, bytes, count - 16);
        }
        image = decode(path, 3);
        assert_true(abs(pixel(&image)[0] - 255) <= 3 && pixel(&image)[1] <= 3 &&
                    abs(pixel(&image)[2] - 128) <= 3);
        memory_release(image.values);
    }
}

static void bad_files_get_a_line(void **state) {
    (void)state;
    static uint8_t pixels[64 * 64 * 3], bytes[1 << 16];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i >> 3);
    const char *jpeg = place(folder, "bad.jpg"), *png = place(folder, "bad.png");
    write_jpeg(jpeg, 64, 64, 3, pixels);
    write_png(png, 64, 64, PNG_COLOR_TYPE_RGB, 8, pixels, 64 * 3);
    const char *both[] = {jpeg, png};
    for (int k = 0; k < 2; k++) {
        size_t count = read_bytes(both[k], bytes, sizeof bytes);
        for (size_t cut = 1; cut < 20; cut++) { /* the file may end anywhere */
            write_bytes(both[k], bytes, count * cut / 20);
            refuse(both[k], ERROR_DATA, "damaged");
        }
        write_bytes(both[k], bytes, count);
    }
    size_t count = read_bytes(png, bytes, sizeof bytes);
    bytes[count / 2] ^= 0x40; /* the checksum of the chunk does not match */
    write_bytes(png, bytes, count);
    refuse(png, ERROR_DATA, "damaged PNG");
    count = read_bytes(jpeg, bytes, sizeof bytes);
    for (size_t i = 0; i + 5 < count; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == 0xC0)
            bytes[i + 4] = 12; /* bits a sample */
    write_bytes(jpeg, bytes, count);
    refuse(jpeg, ERROR_DATA, "is a JPEG that cannot be read: Unsupported JPEG data precision 12");
    write_bytes(png, "", 0);
    refuse(png, ERROR_DATA, "empty");
    write_bytes(png, "GIF89a not one of ours", 22);
    refuse(png, ERROR_DATA, "damaged GIF");
    write_bytes(png, "a text with another name", 24);
    refuse(png, ERROR_DATA, "is not a picture",
           "expected JPEG, PNG, TIFF, WebP, GIF, BMP, PBM, PGM or PPM");
    write_bytes(png,
                "\0\0\0\x1C"
                "ftypheic\0\0\0\0",
                16);
    refuse(png, ERROR_DATA, "is a HEIC file", "expected JPEG");
    write_bytes(png, "version https://git-lfs.github.com/spec/v1", 42);
    refuse(png, ERROR_DATA, "is a Git LFS pointer file", "expected JPEG");
    write_bytes(png, "<!DOCTYPE html><html>404</html>", 31);
    refuse(png, ERROR_DATA, "is an HTML file", "expected JPEG");
    refuse(folder, ERROR_DATA, "not a regular file");
    const char *missing = place(folder, "missing.png");
    refuse(missing, ERROR_SYSTEM, "No such file");
}

/* A few bytes that say they are a picture of gigabytes. */
static void huge_dimensions_are_refused(void **state) {
    (void)state;
    static uint8_t pixels[64 * 64 * 3], bytes[1 << 16];
    const char *path = place(folder, "huge.jpg");
    write_jpeg(path, 64, 64, 3, pixels);
    size_t count = read_bytes(path, bytes, sizeof bytes);
    for (size_t i = 0; i + 9 < count; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == 0xC0) /* start of frame: height, width */
            memcpy(bytes + i + 5, "\xFF\x00\xFF\x00", 4);
    write_bytes(path, bytes, count);
    refuse(path, ERROR_DATA, "65280 pixels wide", "expected at most");

    write_plain_png(path, 8, 8, 0);
    count = read_bytes(path, bytes, sizeof bytes);
    memcpy(bytes + 16, "\x00\x00\xF0\x00\x00\x00\xF0\x00", 8);
    uint32_t check = (uint32_t)crc32(0, bytes + 12, 17);
    for (int i = 0; i < 4; i++)
        bytes[29 + i] = (uint8_t)(check >> (24 - 8 * i));
    write_bytes(path, bytes, count);
    refuse(path, ERROR_DATA, "61440 pixels wide", "expected at most");
}

static void resize(const uint8_t *from, int64_t height, int64_t width, enum ResizeRule rule,
                   int64_t out_height, int64_t out_width, uint8_t *out) {
    const struct Picture image = {height, width, 1, false, (void *)(uintptr_t)from};
    resize_image(&image, rule, out_height, out_width, out);
}

static void resizing(void **state) {
    (void)state;
    uint8_t out[64];
    /* From 4x2 to 2x1: averages of blocks of 2x2. */
    const uint8_t small[] = {0, 10, 100, 110, 20, 30, 120, 130};
    resize(small, 2, 4, RESIZE_STRETCH, 1, 2, out);
    assert_memory_equal(out, ((uint8_t[]){15, 115}), 2);
    /* From 3 to 2 by area: (a + b/2) / 1.5 and (b/2 + c) / 1.5. */
    const uint8_t row[] = {30, 60, 90};
    resize(row, 1, 3, RESIZE_STRETCH, 1, 2, out);
    assert_memory_equal(out, ((uint8_t[]){40, 80}), 2);
    /* From 2 to 4 between centres: a, (3a+b)/4, (a+3b)/4, b. */
    const uint8_t pair[] = {0, 100};
    resize(pair, 1, 2, RESIZE_STRETCH, 1, 4, out);
    assert_memory_equal(out, ((uint8_t[]){0, 25, 75, 100}), 4);
    /* Crop: the middle 2x2 of 2x6, not scaled. Pad: 1x4 becomes one row of averages in 2x2. */
    const uint8_t wide[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    resize(wide, 2, 6, RESIZE_CROP, 2, 2, out);
    assert_memory_equal(out, ((uint8_t[]){3, 4, 9, 10}), 4);
    const uint8_t flat[] = {10, 20, 30, 40};
    resize(flat, 1, 4, RESIZE_PAD, 2, 2, out);
    assert_memory_equal(out, ((uint8_t[]){15, 35, 0, 0}), 4);
    resize(small, 2, 4, RESIZE_CROP, 2, 4, out);
    assert_memory_equal(out, small, 8);
}

/* A constant image stays constant for any sizes and every rule, because weights add up to 1. */
static void resizing_keeps_a_constant(void **state) {
    (void)state;
    static uint8_t from[40 * 40], out[40 * 40];
    memset(from, 201, sizeof from);
    for (int64_t in = 1; in < 40; in += 3)
        for (int64_t to = 1; to < 40; to += 2)
            for (int rule = 0; rule < 2; rule++) {
                resize(from, in, 41 - in, (enum ResizeRule)rule, to, 17, out);
                for (int64_t i = 0; i < to * 17; i++)
                    assert_int_equal(out[i], 201);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_is_exact),
        cmocka_unit_test(png_variants),
        cmocka_unit_test(jpeg_is_close),
        cmocka_unit_test(bad_files_get_a_line),
        cmocka_unit_test(huge_dimensions_are_refused),
        cmocka_unit_test(resizing),
        cmocka_unit_test(resizing_keeps_a_constant),
    };
    return cmocka_run_group_tests(tests, set_up_folder, tear_down_folder);
}
