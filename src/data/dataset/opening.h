/* The parts of dataset_open, one file each. Inside dataset/ only. */
#ifndef TRAINER_DATA_DATASET_OPENING_H
#define TRAINER_DATA_DATASET_OPENING_H

#include "data/dataset/dataset.h"
#include "store/h5.h"

/* Pixels, labels and targets of an open data set. */
struct DatasetStorage {
    const void *map; /* the whole file; NULL if no split is served from it */
    size_t map_bytes;
    void **images;    /* for each split: its images in memory; NULL if they are mapped */
    int32_t **labels; /* for each split: its labels, converted and checked */
    float **targets;  /* for each split: its targets */
};

/* A data set while its file is being opened. */
struct Opening {
    struct Dataset *dataset;
    struct H5File *file;
};

/* /SPLIT/images of split `index`: maps what lies in the file as it is needed in memory, and reads
 * everything else. Sets the split's count and, at the first split, the size of images. */
int opening__images(struct Opening *opening, int index, struct Error *error);

/* /SPLIT/labels of split `index`, whose images are open: one class a sample. */
int opening__labels(struct Opening *opening, int index, struct Error *error);

/* /SPLIT/targets of split `index`, whose images and labels (if it has any) are open: values, or
 * distributions over the classes if the file has /classes. A split with distributions and without
 * labels gets the most likely class of each sample as its label. */
int opening__targets(struct Opening *opening, int index, struct Error *error);

/* The classes are named: /classes was there. */
static inline bool opening_has_classes(const struct Dataset *dataset) {
    return dataset->targets.names && !targets_are_values(&dataset->targets);
}

/* /target_names, if the file has them. */
int opening__target_names(struct Opening *opening, struct Error *error);

/* Once all splits are open: refuses a file of which some splits have targets and others labels, and
 * tells distributions from classes. */
int opening__check_targets(struct Opening *opening, struct Error *error);

/* /statistics of images and of targets, as far as the file has them. */
int opening__statistics(struct Opening *opening, struct Error *error);

#endif
