/* If a data file is truncated while it is mapped, reading its bytes gives SIGBUS. The handler here
 * turns that into one line and ERROR_DATA. A SIGBUS for another reason is handled as before. */
#ifndef TRAINER_CLI_LOST_DATA_H
#define TRAINER_CLI_LOST_DATA_H

#include <stdbool.h>

/* Installs the handler; to be called after MPI, whose own handler prints a trace, has started.
 * `resumes` tells whether the command has --resume. */
void lost_data_heed(bool resumes);

#endif
