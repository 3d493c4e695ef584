/* Shared by the files of this module: the names in the file, one table a fact. */
#ifndef TRAINER_CHECKPOINT_LAYOUT_H
#define TRAINER_CHECKPOINT_LAYOUT_H

#include <stddef.h>

#include "checkpoint/checkpoint.h"
#include "store/h5.h"

#define CHECKPOINT_FORMAT "trainer checkpoint"
#define CHECKPOINT_VERSION 1

/* The attributes of /run and where they stand in struct Checkpoint. */
struct CheckpointField {
    const char *name;
    enum H5Type type; /* H5_INT64: 8 bytes; H5_FLOAT64: double; H5_TEXT: char * */
    size_t offset;
    bool optional; /* absent from checkpoints before there was such a thing: then `absent` */
    double absent;
};
extern const struct CheckpointField checkpoint_fields[];
extern const int checkpoint_field_count;

/* One more array, which takes over `name`. */
struct CheckpointArray *checkpoint_add_array(struct Checkpoint *checkpoint, char *name);

/* The first element of an array that is NaN or Inf, or −1. */
int64_t checkpoint_nonfinite(const struct CheckpointArray *array);

#endif
