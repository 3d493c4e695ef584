/* Lists the arrays of an HDF5 file of any program, for messages and for guessing which of them are
 * images and labels (conventions.h). No content of a file makes these functions fail. Not
 * collective. */
#ifndef TRAINER_DATA_DATASET_CONTENTS_H
#define TRAINER_DATA_DATASET_CONTENTS_H

#include "base/text.h"
#include "store/h5.h"

struct ContentsItem {
    char *path; /* "/train/images" */
    enum H5Member member;
    struct H5Storage storage; /* of an array that can be opened */
    /* why the array cannot be read, or what a member that is no array is; NULL: no problem */
    char *problem;
};

struct Contents { /* start with {0} */
    int count;
    struct ContentsItem *items; /* in the order of their paths; a group comes before its members */
    bool is_cut; /* the file has more items than CONTENTS_MOST; the rest is left out */
};
#define CONTENTS_MOST 2000 /* items that are listed */

void contents_read(struct H5File *file, struct Contents *contents);
void contents_release(struct Contents *contents);
/* Appends type and shape, such as "uint8 (50000,32,32,3)". */
void contents_describe(const struct ContentsItem *item, struct Text *text);
#endif
