/* For tests with image files: a folder, files written by the image libraries, and a check that a
 * call fails as expected. */
#ifndef TESTS_PICTURES_MADE_PICTURES_H
#define TESTS_PICTURES_MADE_PICTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* cmocka's hides ours */
#define stop_test(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))
#include <jpeglib.h>
#include <png.h>

#include "base/error.h"

/* Makes a new folder for temporary files; remove_folder removes it. */
static inline char *make_folder(void) {
    static char folder[64];
    snprintf(folder, sizeof folder, "/tmp/trainer-data-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static inline void remove_folder(const char *folder) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

/* For cmocka's groups: `folder` is new for the group, and goes with it. */
static char *folder;

static inline int set_up_folder(void **state) {
    (void)state;
    folder = make_folder();
    return 0;
}

static inline int tear_down_folder(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

/* A path in a folder; makes the folders in between. */
static inline const char *place(const char *outer, const char *name) {
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    assert_non_null(outer);
    snprintf(path, 256, "%s/%s", outer, name);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    return path;
}

static inline void write_bytes(const char *path, const void *bytes, size_t count) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static inline size_t read_bytes(const char *path, uint8_t *bytes, size_t most) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t count = fread(bytes, 1, most, file);
    fclose(file);
    return count;
}

static inline void write_jpeg(const char *path, int height, int width, int channels,
                              const uint8_t *pixels) {
    struct jpeg_compress_struct library;
    struct jpeg_error_mgr handlers;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    library.err = jpeg_std_error(&handlers);
    jpeg_create_compress(&library);
    jpeg_stdio_dest(&library, file);
    library.image_width = (JDIMENSION)width;
    library.image_height = (JDIMENSION)height;
    library.input_components = channels;
    library.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&library);
    jpeg_set_quality(&library, 98, TRUE);
    jpeg_start_compress(&library, TRUE);
    uint8_t row[4096];
    for (int y = 0; y < height; y++) {
        memcpy(row, pixels + y * width * channels, (size_t)(width * channels));
        JSAMPROW rows = row;
        jpeg_write_scanlines(&library, &rows, 1);
    }
    jpeg_finish_compress(&library);
    jpeg_destroy_compress(&library);
    fclose(file);
}

/* `type` is PNG_COLOR_TYPE_…; a row has row_bytes bytes (16 bits are big-endian). */
static inline void write_png(const char *path, int height, int width, int type, int bits,
                             const uint8_t *pixels, size_t row_bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp library = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(library);
    png_init_io(library, file);
    png_set_IHDR(library, info, (png_uint_32)width, (png_uint_32)height, bits, type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    png_write_info(library, info);
    for (int y = 0; y < height; y++)
        png_write_row(library, pixels + (size_t)y * row_bytes);
    png_write_end(library, NULL);
    png_destroy_write_struct(&library, &info);
    fclose(file);
}

/* A picture of one colour. */
static inline void write_plain_png(const char *path, int height, int width, int level) {
    uint8_t pixels[64 * 64 * 3];
    assert_true(height <= 64 && width <= 64);
    memset(pixels, level, sizeof pixels);
    write_png(path, height, width, PNG_COLOR_TYPE_RGB, 8, pixels, (size_t)width * 3);
}

static inline void expect_line(const struct Error *error, int status, int code,
                               const char *const *words) {
    assert_int_equal(status, code);
    assert_int_equal(error->code, code);
    assert_null(strchr(error->text, '\n'));
    for (; *words; words++)
        if (!strstr(error->text, *words))
            stop_test("'%s' lacks '%s'", error->text, *words);
}
#define expect_failure(error, status, code, ...)                                                   \
    expect_line(error, status, code, (const char *const[]){__VA_ARGS__, NULL})

#endif
