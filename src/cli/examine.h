/* Files of unknown origin are read by a child process first, so that a crash of the HDF5 library,
 * an endless loop, or a wish for all memory is a line about the file and not the end of this
 * process. */
#ifndef TRAINER_CLI_EXAMINE_H
#define TRAINER_CLI_EXAMINE_H

#include "comm/ranks.h"
#include "store/h5.h"

/* Has a child read all of the file that HDF5 can be asked for (trainer verify --examine). Returns
 * `failure` if the child crashed or met its limits; other faults are left to the caller that
 * opens it. A file that was examined before and has not changed is not examined again. */
int examine_file(const char *path, int failure, struct Error *error);

/* From here on one child examines a file for all ranks of a host: the others wait, and share its
 * verdict. Collective. Then: until here. */
void examine_share(struct Ranks *ranks);
void examine_share_no_more(void);

/* Inside the child: the limits on its memory and time, then the reading. */
int examine_here(const char *path, struct Error *error);

/* Whether this process is such a child. */
bool examine_is_child(void);

/* From here on files are examined before they are opened; not in such a child. */
void examine_files(void);

#endif
