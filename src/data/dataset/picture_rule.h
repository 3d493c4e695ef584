/* How pictures became the images of a data set, so that others become images in the same way: in
 * the data set file, and in each checkpoint of a run on it. */
#ifndef TRAINER_DATA_DATASET_PICTURE_RULE_H
#define TRAINER_DATA_DATASET_PICTURE_RULE_H

#include <stdbool.h>

#include "store/h5.h"

struct PictureRule {
    char resize[16]; /* a name of resize_rule_names (pictures/resize.h); "": not known */
    /* What pixels are: "uint8"; of floats a name of picture_scale_names (pictures/picture.h), or
     * "float32", if they are not of pictures; "": not known. */
    char values[16];
};
#define PICTURE_RULE_BYTES "uint8"
#define PICTURE_RULE_FLOATS "float32"

/* As attributes picture_resize and picture_values of `object`. What is not known is not written;
 * what is not there, or is no such name, is not known. */
int picture_rule_write(const struct PictureRule *rule, struct H5Writer *writer, const char *object,
                       struct Error *error);
int picture_rule_read(struct PictureRule *rule, struct H5File *file, const char *object,
                      struct Error *error);

#endif
