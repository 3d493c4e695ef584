#include "base/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

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

int read_file_open(const char *path, struct stat *about) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* O_NONBLOCK: it may be a pipe */
    *about = (struct stat){0};
    if (file >= 0 && !fstat(file, about) && S_ISREG(about->st_mode))
        return file;
    int reason = errno;
    if (file >= 0)
        close(file);
    errno = reason;
    return -1;
}

size_t read_file_head(const char *path, void *buffer, size_t bytes) {
    struct stat about;
    int file = read_file_open(path, &about);
    int64_t length = file >= 0 ? read_file_part(file, buffer, bytes, 0) : 0;
    if (file >= 0)
        close(file);
    return length > 0 ? (size_t)length : 0;
}

/* Opens a file without waiting for a pipe's writer. Only a read shows whether a pipe has a writer:
 * *got is 1 if that read took a byte, *byte, and 0 otherwise. Later reads may wait. */
static int open_at_once(const char *path, char *byte, ssize_t *got) {
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *got = 0;
    if (file < 0 || fstat(file, &about) != 0 || !S_ISFIFO(about.st_mode))
        return file;
    *got = read(file, byte, 1);
    bool waits = *got < 0 && (errno == EAGAIN || errno == EINTR);
    *got = waits ? 0 : *got;
    if ((*got != 1 && !waits) || fcntl(file, F_SETFL, 0) < 0) {
        close(file);
        errno = *got == 0 ? EPIPE : errno;
        return -1;
    }
    return file;
}

int read_file_stream(const char *path, FILE **stream, struct Error *error) {
    char byte;
    ssize_t got;
    int file = open_at_once(path, &byte, &got);
    *stream = file < 0 ? NULL : fdopen(file, "r");
    if (!*stream && errno == EPIPE)
        return fail(error, ERROR_SYSTEM, "%s: is a pipe that nobody writes to; expected a file",
                    path);
    if (!*stream)
        return fail_errno(error, "%s: cannot open", path);
    if (got == 1)
        ungetc((unsigned char)byte, *stream);
    return OK;
}

int read_file_regular(const char *path, FILE **stream, struct Error *error) {
    struct stat about;
    int file = read_file_open(path, &about);
    *stream = file >= 0 ? fdopen(file, "r") : NULL;
    if (*stream)
        return OK;
    if (file < 0 && about.st_mode)
        return fail(error, ERROR_SYSTEM, "%s: is a %s; expected a file", path,
                    S_ISDIR(about.st_mode) ? "folder" : "pipe or a device");
    if (file < 0 && errno == ENOENT)
        return OK;
    int code = fail_errno(error, "%s: cannot be read", path);
    if (file >= 0)
        close(file);
    return code;
}

int64_t read_file_line(FILE *stream, struct FileLine *line) {
    int64_t length = 0;
    for (int byte = 0; byte != '\n' && (byte = getc_unlocked(stream)) != EOF;) {
        if (length == LINE_MOST_BYTES)
            return -1;
        if ((size_t)length + 2 > line->room) {
            size_t room = line->room ? 2 * line->room : 512;
            line->text = memory_resize(line->text, line->room, room, "a line of a file");
            line->room = room;
        }
        line->text[length++] = (char)byte;
        line->text[length] = '\0';
    }
    return length;
}
