/* Where pixels, labels and targets of an open data set are kept. */
#ifndef TRAINER_DATA_DATASET_STORAGE_H
#define TRAINER_DATA_DATASET_STORAGE_H

#include <stddef.h>
#include <stdint.h>

struct DatasetStorage {
    const void *map; /* the whole file, where at least one split is served from it */
    size_t map_bytes;
    void **images;    /* a split: its images in memory; NULL where they are mapped */
    int32_t **labels; /* a split: its labels, converted and checked */
    float **targets;  /* a split: its targets */
};

#endif
