/* What an HDF5 file of any program holds: its arrays, for people, and for those who guess which of
 * them are images and labels (conventions.h). Nothing here fails because of what a file holds. */
#ifndef TRAINER_DATA_DATASET_CONTENTS_H
#define TRAINER_DATA_DATASET_CONTENTS_H

#include "base/text.h"
#include "store/h5.h"

struct ContentsItem {
    char *path; /* "/train/images" */
    enum H5Member member;
    struct H5Storage storage; /* of an array that can be opened */
    char *problem;            /* why an array cannot be read, or what else it is; NULL: nothing */
};

struct Contents { /* start with {0} */
    int count;
    struct ContentsItem *items; /* in the order of their paths, groups before what is in them */
    bool is_cut;                /* there are more than CONTENTS_MOST */
};
#define CONTENTS_MOST 2000 /* items that are listed */

void contents_read(struct H5File *file, struct Contents *contents);
void contents_release(struct Contents *contents);
/* "uint8 (50000,32,32,3)" */
void contents_describe(const struct ContentsItem *item, struct Text *text);
#endif
