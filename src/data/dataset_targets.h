/* The float targets of a data set file. Inside data/ only. */
#ifndef TRAINER_DATA_DATASET_TARGETS_H
#define TRAINER_DATA_DATASET_TARGETS_H

#include "data/dataset.h"
#include "store/h5.h"

/* /target_names, where the file has it. */
int dataset_read_target_names(struct Dataset *dataset, struct H5File *file, struct Error *error);

/* /SPLIT/targets of split `index`, whose images and labels (if it has any) are open: values, or,
 * where the file has /classes, distributions over them, whose largest class is the label of a split
 * without labels. */
int dataset_open_targets(struct Dataset *dataset, struct H5File *file, int index,
                         struct Error *error);

/* /statistics/target_mean and target_std, where the file has them. */
int dataset_read_target_statistics(struct Dataset *dataset, struct H5File *file,
                                   struct Error *error);

/* Once all splits are open: they must have the same kind of targets. */
int dataset_check_targets(const struct Dataset *dataset, struct Error *error);

#endif
