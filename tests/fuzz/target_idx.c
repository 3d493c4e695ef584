/* Files of idx, plain or compressed: as images with good labels, and as labels with good images. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/source.h"

#define SAMPLES 6
static const unsigned char good_images[16 + SAMPLES * 12] = {0, 0, 8, 3, 0, 0, 0, SAMPLES,
                                                             0, 0, 0, 4, 0, 0, 0, 3};
static const unsigned char good_labels[8 + SAMPLES] = {0,       0, 8, 1, 0, 0, 0,
                                                       SAMPLES, 0, 1, 2, 0, 1, 2};

/* Opens a folder of two files, each a link to a path. */
static int read_folder(const char *images, const char *labels, XXH3_state_t *answer,
                       struct Error *error) {
    char folder[] = "/dev/shm/fuzz-XXXXXX", names[2][80];
    const char *const targets[] = {images, labels};
    if (!mkdtemp(folder))
        abort();
    snprintf(names[0], sizeof names[0], "%s/train-images-idx3-ubyte", folder);
    snprintf(names[1], sizeof names[1], "%s/train-labels-idx1-ubyte", folder);
    for (int i = 0; i < 2; i++)
        if (symlink(targets[i], names[i]))
            abort();
    const char *path = folder;
    const struct SourceOptions options = {.format = "idx", .paths = &path, .path_count = 1};
    int code = read_source(&options, answer, error);
    for (int i = 0; i < 2; i++)
        unlink(names[i]);
    rmdir(folder);
    return code;
}

static int read_idx(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct Error labels_error = {0};
    struct FuzzFile good = fuzz_file(good_labels, sizeof good_labels);
    int images = read_folder(path, good.path, answer, error);
    close(good.fd);
    good = fuzz_file(good_images, sizeof good_images);
    int labels = read_folder(good.path, path, answer, &labels_error);
    close(good.fd);
    return images && labels ? images : OK;
}

const struct FuzzTarget fuzz_target = {.read = read_idx};
