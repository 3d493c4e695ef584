/* write_jpegs HEIGHT WIDTH QUALITY: writes JPEG files for bench/predict.py. Stdin has, for each
 * file, a line with its path, then its pixels (HEIGHT, WIDTH, 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

static void write_jpeg(const char *path, unsigned height, unsigned width, int quality,
                       unsigned char *pixels) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_height = height;
    jpeg.image_width = width;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < height) {
        JSAMPROW row = pixels + (size_t)jpeg.next_scanline * width * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    if (fclose(file)) {
        perror(path);
        exit(1);
    }
}

int main(int count, char **words) {
    char path[4096];
    if (count != 4) {
        fprintf(stderr, "usage: write_jpegs HEIGHT WIDTH QUALITY\n");
        return 2;
    }
    unsigned height = (unsigned)atoi(words[1]), width = (unsigned)atoi(words[2]);
    size_t bytes = (size_t)height * width * 3;
    unsigned char *pixels = malloc(bytes);
    while (pixels && fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = '\0';
        if (fread(pixels, 1, bytes, stdin) != bytes) {
            fprintf(stderr, "%s: its pixels are cut short\n", path);
            return 1;
        }
        write_jpeg(path, height, width, atoi(words[3]), pixels);
    }
    free(pixels);
    return 0;
}
