#include "base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_lock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/path.h"

#define MARK ".tmp-trainer-"
#define DIGITS 16
#define SUFFIX ((int)strlen(MARK) + DIGITS)
#define ATTEMPTS 100 /* one is enough, unless another process interferes */

/* A temporary name for `path`; NULL with errno set if the kernel gives no random number. A base
 * name that would become too long for a file system is cut. */
static char *random_name(const char *path) {
    uint64_t number;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return NULL;
    int folder = (int)(path_base(path) - path), room = NAME_MAX - SUFFIX;
    return memory_print("%.*s%.*s" MARK "%016" PRIx64, folder, path, room, path + folder, number);
}

/* The length of NAME in "NAME.tmp-trainer-0123456789abcdef"; 0 if `name` has another form. */
static int base_length(const char *name) {
    int base = (int)strlen(name) - SUFFIX;
    const char *mark = name + base;
    if (base <= 0 || strncmp(mark, MARK, strlen(MARK)))
        return 0;
    return strspn(mark + strlen(MARK), "0123456789abcdef") == DIGITS ? base : 0;
}

/* The same in "NAME.tmp-4711-0" and "NAME.tmp-link". */
static int earlier_base_length(const char *name) {
    const char *mark = strstr(name, ".tmp-");
    if (!mark)
        return 0;
    const char *rest = mark + strlen(".tmp-"), *dash = rest + strspn(rest, "0123456789");
    bool numbers =
        dash > rest && *dash == '-' && dash[1] && !dash[1 + strspn(dash + 1, "0123456789")];
    return numbers || !strcmp(rest, "link") ? (int)(mark - name) : 0;
}

/* Removes a file if this process can lock it or, with `excluded`, if the file system has no locks.
 * No other process can put another file under its name in between, because names are random. */
static void remove_if_dead(const char *folder, const char *name, bool excluded) {
    struct stat status;
    char *path = memory_print("%s/%s", folder, name);
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool dead = fd < 0 && errno == ELOOP
                    ? excluded /* a link */
                    : fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                          (file_lock_take(fd) == 0 || (excluded && errno != EAGAIN));
    if (dead && unlink(path) == 0)
        log_info("%s: removed, its writer is dead", path);
    if (fd >= 0)
        close(fd);
    memory_release(path);
}

/* If is_own is NULL, all names are accepted, and other writers are not excluded. */
static void walk(const char *folder, bool (*is_own)(const char *name)) {
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        int length = base_length(entry->d_name);
        if (!length && is_own)
            length = earlier_base_length(entry->d_name);
        if (!length)
            continue;
        char *base = memory_copy_span(entry->d_name, (size_t)length);
        if (!is_own || is_own(base))
            remove_if_dead(folder, entry->d_name, is_own != NULL);
        memory_release(base);
    }
    if (directory)
        closedir(directory);
}

void remove_temporaries(const char *folder, bool (*is_own)(const char *name)) {
    walk(folder, is_own);
}

/* A process that removes dead files may take the lock between the creation of a file and the
 * attempt to lock it here. Then it holds the lock or has removed the file. */
static bool is_mine(int fd, const char *name) {
    bool locked = file_lock_take(fd) == 0;
    return (locked || errno != EAGAIN) && file_lock_is_at(fd, name);
}

static int create(const char *name) {
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0 || is_mine(fd, name))
        return fd;
    unlink(name);
    close(fd);
    errno = EEXIST; /* the caller tries another name */
    return -1;
}

/* Creates a file, or a link if `target` is not NULL. Returns what `create` or symlink returns. */
static int create_either(const char *path, const char *target, char **name) {
    int result = -1;
    errno = EEXIST;
    for (int attempt = 0; attempt < ATTEMPTS && result < 0 && errno == EEXIST; attempt++) {
        *name = random_name(path);
        if (!*name)
            return -1;
        result = target ? symlink(target, *name) : create(*name);
        if (result < 0) {
            int cause = errno;
            memory_release(*name);
            *name = NULL;
            errno = cause;
        }
    }
    return result;
}

int create_temporary(const char *path, char **name) {
    char *folder = path_folder(path);
    walk(folder, NULL);
    memory_release(folder);
    return create_either(path, NULL, name);
}

int create_temporary_link(const char *target, const char *path, char **name) {
    return create_either(path, target, name);
}

/* Otherwise a rename by root would replace /dev/null or the link /dev/stdout by a file. */
static bool is_device_or_pipe(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

int temporary_publish(const char *name, const char *path, struct Error *error) {
    struct stat status;
    if (is_device_or_pipe(path))
        return fail(error, ERROR_SYSTEM, "%s: is a device or a pipe, expected a file", path);
    if (rename(name, path) == 0)
        return OK;
    int cause = errno;
    if (lstat(path, &status) || !S_ISDIR(status.st_mode)) {
        errno = cause;
        return fail_errno(error, "%s: cannot be put in place", path);
    }
    fail(error, ERROR_SYSTEM, "%s: is a folder, expected a file; remove it", path);
    return error_advise(error, ADVICE_IN_TEXT, NULL, NULL, 0);
}
