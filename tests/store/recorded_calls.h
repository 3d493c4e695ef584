/* Records the system calls that make files durable, and lets one of them fail. The linker hands the
 * calls to these functions: -Wl,--wrap=fsync,--wrap=rename,--wrap=write,--wrap=pwrite. */
#ifndef TESTS_STORE_RECORDED_CALLS_H
#define TESTS_STORE_RECORDED_CALLS_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum Call { CALL_WRITE, CALL_SYNC_FILE, CALL_SYNC_FOLDER, CALL_RENAME, CALLS };
static const char letters[] = "wfdr";

static char calls[100];   /* one letter a call; writes in a row are one */
static int broken[CALLS]; /* the errno of a call that is to fail, else 0 */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes);
ssize_t __real_pwrite(int fd, const void *data, size_t bytes, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t at);

static inline void calls_forget(void) {
    memset(calls, 0, sizeof calls);
    memset(broken, 0, sizeof broken);
}

/* Notes the call; its error, 0 if it is to be made. */
static inline int note(enum Call call) {
    size_t length = strlen(calls);
    if (length + 1 < sizeof calls &&
        (call != CALL_WRITE || !length || calls[length - 1] != letters[CALL_WRITE]))
        calls[length] = letters[call];
    return broken[call];
}

static inline bool is_folder(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

int __wrap_fsync(int fd) {
    errno = note(is_folder(fd) ? CALL_SYNC_FOLDER : CALL_SYNC_FILE);
    return errno ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to) {
    errno = note(CALL_RENAME);
    return errno ? -1 : __real_rename(from, to);
}

ssize_t __wrap_write(int fd, const void *data, size_t bytes) {
    if (fd > 2)
        note(CALL_WRITE);
    return __real_write(fd, data, bytes);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t at) {
    note(CALL_WRITE);
    return __real_pwrite(fd, data, bytes, at);
}

#endif
