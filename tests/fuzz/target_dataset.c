/* Data sets in HDF5, of this program and of others: their contents as `dataset info` lists them,
 * and all that a run would take from them. */
#include "base/memory.h"
#include "data/dataset/contents.h"
#include "data/dataset/dataset.h"
#include "data/statistics/statistics_file.h"
#include "fuzz/target.h"

static int list(const char *path, struct Error *error) {
    struct H5File *file;
    struct Contents contents = {0};
    int code = h5_open(&file, path, ERROR_DATA, error);
    if (code)
        return code;
    contents_read(file, &contents);
    for (int i = 0; i < contents.count; i++) {
        struct Text text = {0};
        contents_describe(&contents.items[i], &text);
        text_release(&text);
    }
    contents_release(&contents);
    h5_close(file);
    return OK;
}

static int add_split(const struct Dataset *dataset, const struct Split *split, XXH3_state_t *answer,
                     struct Error *error) {
    int code = OK;
    answer_text(answer, split->name);
    answer_number(answer, split->count);
    for (int64_t i = 0; i < split->count; i++)
        answer_bytes(answer, dataset_image(dataset, split, i), dataset_image_bytes(dataset, split));
    struct Text names = {0};
    for (int64_t i = 0; i < split->count && !code; i++)
        code = dataset_name_sample(dataset, split, i, &names, error);
    if (!code && names.length && names.data[0] != '/') /* else they begin with the mutant's path */
        answer_text(answer, names.data);
    text_release(&names);
    if (split->labels)
        answer_bytes(answer, split->labels, (size_t)split->count * sizeof *split->labels);
    if (split->targets)
        answer_bytes(answer, split->targets,
                     (size_t)(split->count * dataset->targets.count) * sizeof *split->targets);
    return code;
}

static void add_statistics(const struct Dataset *dataset, XXH3_state_t *answer) {
    for (const struct StatisticRow *row = statistic_rows; row->name; row++) {
        int64_t size[3];
        const void *values = statistic_of(row, &dataset->statistics);
        int rank = statistic_shape(row, dataset->height, dataset->width, dataset->channels, size);
        if (values && rank)
            answer_bytes(answer, values,
                         (size_t)memory_product(size, rank) *
                             (row->single ? sizeof(float) : sizeof(double)));
    }
    if (dataset->target_mean)
        answer_bytes(answer, dataset->target_mean, (size_t)dataset->targets.count * 8);
    if (dataset->target_std)
        answer_bytes(answer, dataset->target_std, (size_t)dataset->targets.count * 8);
}

static int read_components(const struct Dataset *dataset, XXH3_state_t *answer,
                           struct Error *error) {
    struct Pca pca = {0};
    struct Error none = {0};
    if (pca_read(&pca, dataset, "none", &none) == OK)
        answer_bytes(answer, pca.eigenvalues, (size_t)pca.count * sizeof *pca.eigenvalues);
    pca_release(&pca);
    (void)error;
    return OK;
}

static int read_dataset(const char *path, XXH3_state_t *answer, struct Error *error) {
    struct Dataset *dataset;
    int code = list(path, error);
    if (!code)
        code = dataset_open(&dataset, path, error);
    if (code)
        return code;
    for (int i = 0; i < dataset->split_count && !code; i++)
        code = dataset_check_split(dataset, &dataset->splits[i], DATASET_CHECK_AUTO, 0, 1, error);
    if (!code)
        code = dataset_verify(dataset, NULL, error);
    for (int i = 0; i < dataset->split_count && !code; i++)
        code = add_split(dataset, &dataset->splits[i], answer, error);
    for (int64_t i = 0; i < dataset->targets.count && !code; i++)
        answer_text(answer, dataset->targets.names[i]);
    if (!code) {
        add_statistics(dataset, answer);
        code = read_components(dataset, answer, error);
    }
    dataset_close(dataset);
    return code;
}

const struct FuzzTarget fuzz_target = {.hdf5 = true, .read = read_dataset};
