/* The binary version of STL-10: as images with good labels, as labels of good images, and as the
 * names of the classes. */
#include "fuzz/folder.h"

#define SAMPLES 2
#define IMAGE_BYTES (3 * 96 * 96)

static const unsigned char good_images[SAMPLES * IMAGE_BYTES], good_labels[SAMPLES] = {1, 10};

static int read_stl10(const char *path, XXH3_state_t *answer, struct Error *error) {
    static const char *const names[FOLDER_FILES] = {"train_X.bin", "train_y.bin",
                                                    "class_names.txt"};
    static const char *const unnamed[FOLDER_FILES] = {"train_X.bin", "train_y.bin"};
    struct Error other = {0};
    struct FuzzFile images = fuzz_file(good_images, sizeof good_images);
    struct FuzzFile labels = fuzz_file(good_labels, sizeof good_labels);
    int as_images = read_folder("stl10", unnamed, (const char *[FOLDER_FILES]){path, labels.path},
                                answer, error);
    int as_labels = read_folder("stl10", unnamed, (const char *[FOLDER_FILES]){images.path, path},
                                answer, &other);
    int as_names =
        read_folder("stl10", names, (const char *[FOLDER_FILES]){images.path, labels.path, path},
                    answer, &other);
    close(images.fd);
    close(labels.fd);
    return as_images && as_labels && as_names ? as_images : OK;
}

const struct FuzzTarget fuzz_target = {.read = read_stl10};
