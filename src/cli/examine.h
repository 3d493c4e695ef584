/* A child process first reads files of unknown origin. If the HDF5 library crashes, loops for ever
 * or requests all memory, the result is an error about the file, and this process continues. */
#ifndef TRAINER_CLI_EXAMINE_H
#define TRAINER_CLI_EXAMINE_H

#include "comm/ranks.h"
#include "store/h5.h"

/* Starts a child that reads everything in the file through HDF5 (trainer verify --examine). Fails
 * with the code `failure` if the child crashed or reached its limits; other faults are left to the
 * caller that opens the file. A file that was examined before and has not changed is not examined
 * again. */
int examine_file(const char *path, int failure, struct Error *error);

/* examine_share: from now on one child examines a file for all ranks of a host; the other ranks
 * wait and use its verdict. Collective. examine_share_no_more ends that. */
void examine_share(struct Ranks *ranks);
void examine_share_no_more(void);

/* In the child: limits its memory and time, and reads the file. */
int examine_here(const char *path, struct Error *error);

/* Whether this process is such a child. */
bool examine_is_child(void);

/* From now on files are examined before they are opened, except in such a child. */
void examine_files(void);

#endif
