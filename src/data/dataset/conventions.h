/* Guesses which arrays of another program's file are images and labels, by their names and shapes,
 * and writes the section `data` of a run file for them. */
#ifndef TRAINER_DATA_DATASET_CONVENTIONS_H
#define TRAINER_DATA_DATASET_CONVENTIONS_H

#include "base/text.h"
#include "data/dataset/contents.h"

struct Proposal {  /* start with {0} */
    char *name;    /* whose convention it is, for people; NULL: none is recognised */
    char *lines;   /* the section `data`, as YAML; NULL: none is recognised */
    char *missing; /* what the lines leave to the reader; NULL: nothing */
};
void proposal_release(struct Proposal *proposal);

/* `path` is the name of the file, as the lines are to have it; `follows`: the contents are
 * those that its links lead to, so that the lines have to follow them. */
void proposal_make(struct Proposal *proposal, struct H5File *file, const char *path, bool follows,
                   const struct Contents *contents);

#endif
