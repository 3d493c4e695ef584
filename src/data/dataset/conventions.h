/* Guesses by names and shapes which arrays of another program's file are images and labels, and
 * writes the section `data` of a run file for them. Not collective. */
#ifndef TRAINER_DATA_DATASET_CONVENTIONS_H
#define TRAINER_DATA_DATASET_CONVENTIONS_H

#include "base/text.h"
#include "data/dataset/contents.h"

struct Proposal { /* start with {0} */
    /* the program or style whose convention the file follows; NULL: none is recognised */
    char *name;
    char *lines;   /* the section `data`, as YAML; NULL: none is recognised */
    char *missing; /* what the user must still fill in; NULL: nothing */
};
void proposal_release(struct Proposal *proposal);

/* Sets *proposal, which the caller releases. `path` is the name of the file that the lines give. If
 * `follows`, the contents were found through external links, and the lines say `links: follow`. */
void proposal_make(struct Proposal *proposal, struct H5File *file, const char *path, bool follows,
                   const struct Contents *contents);

#endif
