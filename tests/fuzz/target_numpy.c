/* Arrays of NumPy: an NPZ file with images and labels, and NPY files, of images with good labels;
 * and files of MATLAB. */
#include "fuzz/folder.h"

#define SAMPLES 6

/* The labels 0, 1, 2, 0, 1, 2: version 1.0 of the format, a head of 118 bytes. */
static struct FuzzFile good_labels(void) {
    static const char head[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (6,), }";
    unsigned char bytes[128 + SAMPLES] = "\223NUMPY\1\0\166";
    memset(bytes + 10, ' ', 118);
    memcpy(bytes + 10, head, sizeof head - 1);
    bytes[127] = '\n';
    for (int i = 0; i < SAMPLES; i++)
        bytes[128 + i] = (unsigned char)(i % 3);
    return fuzz_file(bytes, sizeof bytes);
}

static int read_numpy(const char *path, XXH3_state_t *answer, struct Error *error) {
    static const char *const whole[FOLDER_FILES] = {"data.npz"};
    static const char *const apart[FOLDER_FILES] = {"x_train.npy", "y_train.npy"};
    struct Error other = {0};
    int npz = read_folder("numpy", whole, (const char *[FOLDER_FILES]){path, NULL}, answer, error);
    struct FuzzFile labels = good_labels();
    int npy = read_folder("numpy", apart, (const char *[FOLDER_FILES]){path, labels.path}, answer,
                          &other);
    close(labels.fd);
    const struct SourceOptions matlab = {.format = "matlab", .paths = &path, .path_count = 1};
    int mat = read_source(&matlab, answer, &other);
    return npz && npy && mat ? npz : OK;
}

const struct FuzzTarget fuzz_target = {.read = read_numpy};
