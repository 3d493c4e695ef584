#include "base/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* `type` is F_WRLCK or F_UNLCK. */
static int set_lock(int fd, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

int file_lock_take(int fd) {
    int failed = set_lock(fd, F_WRLCK);
    if (failed && errno == EACCES) /* POSIX allows EACCES in place of EAGAIN */
        errno = EAGAIN;
    return failed;
}

void file_lock_release(int fd) {
    set_lock(fd, F_UNLCK);
}

bool file_lock_is_at(int fd, const char *path) {
    struct stat open_file, named;
    return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
           open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}
