/* Pictures and tables that members predict. Pictures are read when they are needed. */
#ifndef TRAINER_CLI_MEMBERS_FILES_H
#define TRAINER_CLI_MEMBERS_FILES_H

#include "cli/members.h"

/* Lists the pictures and reads the tables that the operands name; rank 0 looks at the files, and
 * all ranks get its list. With --skip-bad the ranks decode every picture, leave out those that
 * cannot be used, and keep as many as fit into half of the memory. Collective. */
int members_list_files(struct Members *members, const struct Arguments *arguments,
                       struct Ranks *ranks, struct Error *error);
/* Makes members->dataset and members->split from the list. Not collective. */
void members_open_files(struct Members *members, const struct Ranks *ranks);
void members_release_files(struct Members *members);

#endif
