#include "comm/library.h"

#include <mpi.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *comm_library_name(char buffer[COMM_LIBRARY_LENGTH]) {
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "unknown";
    int length;
    MPI_Get_library_version(version, &length); /* allowed before MPI_Init */
    snprintf(buffer, COMM_LIBRARY_LENGTH, "%.*s", (int)strcspn(version, ",\n"), version);
    return buffer;
}

const char *comm_thread_level(void) {
    int started, level;
    MPI_Initialized(&started);
    if (!started)
        return NULL;
    MPI_Query_thread(&level);
    return level == MPI_THREAD_MULTIPLE     ? "multiple"
           : level == MPI_THREAD_SERIALIZED ? "serialized"
                                            : "funneled";
}
