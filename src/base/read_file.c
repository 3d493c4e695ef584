#include "base/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
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
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* opening a pipe must not wait */
    bool regular = file >= 0 && fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    int64_t length = regular ? read_file_part(file, buffer, bytes, 0) : 0;
    if (file >= 0)
        close(file);
    return length > 0 ? (size_t)length : 0;
}
