#include <hdf5.h>
#include <stdio.h>

#include "store/h5.h"

const char *h5_version(char buffer[H5_VERSION_LENGTH]) {
    unsigned major, minor, release;
    H5dont_atexit(); /* as in file_driver.c; this may be the first call */
    if (H5get_libversion(&major, &minor, &release) < 0)
        snprintf(buffer, H5_VERSION_LENGTH, "unknown");
    else
        snprintf(buffer, H5_VERSION_LENGTH, "%u.%u.%u", major, minor, release);
    return buffer;
}
