#include "base/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int64_t read_file_part(int file, void *buffer, uint64_t bytes, uint64_t offset) {
    uint64_t done = 0;
    while (done < bytes) {
        ssize_t part = pread(file, (char *)buffer + done, bytes - done, (off_t)(offset + done));
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            return -1;
        if (part == 0)
            break;
        done += (uint64_t)part;
    }
    return (int64_t)done;
}

size_t read_file_head(const char *path, void *buffer, size_t bytes) {
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(buffer, 1, bytes, file) : 0;
    if (file)
        fclose(file);
    return length;
}
