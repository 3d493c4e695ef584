/* How pictures were converted to the images of a data set, so that other pictures can be converted
 * in the same way. Stored in the data set file and in each checkpoint of a run on it. Not
 * collective. */
#ifndef TRAINER_DATA_DATASET_PICTURE_RULE_H
#define TRAINER_DATA_DATASET_PICTURE_RULE_H

#include <stdbool.h>

#include "store/h5.h"

struct PictureRule {
    char resize[16]; /* a name of resize_rule_names (pictures/resize.h); "": not known */
    /* The pixels: "uint8"; for floats, a name of picture_scale_names (pictures/picture.h), or
     * "float32" if they were not made from pictures; "": not known. */
    char values[16];
};
#define PICTURE_RULE_BYTES "uint8"
#define PICTURE_RULE_FLOATS "float32"

/* Write and read the attributes picture_resize and picture_values of `object`. Unknown values are
 * not written. An attribute that is missing is read as not known, and one that has no valid name is
 * refused with the file's failure. */
int picture_rule_write(const struct PictureRule *rule, struct H5Writer *writer, const char *object,
                       struct Error *error);
int picture_rule_read(struct PictureRule *rule, struct H5File *file, const char *object,
                      struct Error *error);

#endif
