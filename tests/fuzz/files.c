#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz/target.h"

struct FuzzFile fuzz_file(const void *bytes, size_t count) {
    struct FuzzFile file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    if (file.fd < 0 || write(file.fd, bytes, count) != (ssize_t)count) {
        perror("a file in memory");
        exit(1);
    }
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

unsigned char *fuzz_load(const char *path, size_t *bytes) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    unsigned char *data = NULL;
    if (fd >= 0 && !fstat(fd, &status)) {
        *bytes = (size_t)status.st_size;
        data = malloc(*bytes + 1);
        if (data && read(fd, data, *bytes) != status.st_size) {
            free(data);
            data = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return data;
}
