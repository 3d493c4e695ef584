/* Files of idx, plain or compressed: as images with good labels, and as labels with good images. */
#include "fuzz/folder.h"

#define SAMPLES 6
static const unsigned char good_images[16 + SAMPLES * 12] = {0, 0, 8, 3, 0, 0, 0, SAMPLES,
                                                             0, 0, 0, 4, 0, 0, 0, 3};
static const unsigned char good_labels[8 + SAMPLES] = {0,       0, 8, 1, 0, 0, 0,
                                                       SAMPLES, 0, 1, 2, 0, 1, 2};

static const char *const names[FOLDER_FILES] = {"train-images-idx3-ubyte",
                                                "train-labels-idx1-ubyte"};

static int read_idx(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct Error labels_error = {0};
    struct FuzzFile good = fuzz_file(good_labels, sizeof good_labels);
    int images =
        read_folder("idx", names, (const char *[FOLDER_FILES]){path, good.path}, answer, error);
    close(good.fd);
    good = fuzz_file(good_images, sizeof good_images);
    int labels = read_folder("idx", names, (const char *[FOLDER_FILES]){good.path, path}, answer,
                             &labels_error);
    close(good.fd);
    return images && labels ? images : OK;
}

const struct FuzzTarget fuzz_target = {.read = read_idx};
