/* The MPI library of this process. */
#ifndef TRAINER_COMM_LIBRARY_H
#define TRAINER_COMM_LIBRARY_H

#define COMM_LIBRARY_LENGTH 128

/* Writes the library's name and version, "Open MPI v4.1.4", to `buffer`, which is returned. MPI
 * need not be started. Not collective. */
const char *comm_library_name(char buffer[COMM_LIBRARY_LENGTH]);

/* The level of threads that MPI gave: "funneled", "serialized" or "multiple"; NULL: MPI has not
 * been started. Not collective. */
const char *comm_thread_level(void);

#endif
