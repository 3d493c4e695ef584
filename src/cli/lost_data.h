/* A data file that is cut short while it is mapped gives SIGBUS when its bytes are read: one line
 * and ERROR_DATA instead of a crash. A SIGBUS for any other reason stays what it was. */
#ifndef TRAINER_CLI_LOST_DATA_H
#define TRAINER_CLI_LOST_DATA_H

#include <stdbool.h>

/* After MPI has started, whose own handler prints a trace. `resumes`: the command can continue what
 * it began. */
void lost_data_heed(bool resumes);

#endif
