/* A library that makes system calls and allocations of the trainer fail, for drill_calls.py and
 * drill_memory.py: LD_PRELOAD puts it between the program and the C library. It counts the calls of
 * one kind, in all processes that share a state file, and lets number n fail, once or for good.
 * Counted are calls on files in one folder, by path or by descriptor, and allocations that the
 * program itself makes, not its libraries.
 *
 *   FAULTS_STATE   a file of STATE_BYTES: how many calls were counted, how many failed, and the
 *                  path of the first one's file
 *   FAULTS_KIND    open, read, write, fsync, rename, mmap, link, resize or memory
 *   FAULTS_NUMBER  n, from 1; 0: nothing fails
 *   FAULTS_FOREVER 1: all calls from n on
 *   FAULTS_ERRNO   the number of the error; 0: half of what was asked for is read or written
 *   FAULTS_UNDER   the folder, absolute and without links */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define MOST_STREAMS 64
#define MOST_PATH 1024
enum Verdict { GO_ON, FAIL, SHORTEN };

#define STATE_BYTES 1024
struct State {
    _Atomic int64_t counted, failed;
    char path[STATE_BYTES - 16];
};

static struct {
    struct State *state;
    char kind[16], under[512];
    size_t under_length;
    int64_t number;
    int error;
    bool forever;
    uintptr_t program_first, program_end;
} set;

/* The descriptors of streams whose calls pass through this library. */
static struct {
    FILE *stream;
    int descriptor;
} streams[MOST_STREAMS];

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static int find_program(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size, (void)context;
    set.program_first = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t first = info->dlpi_addr + part->p_vaddr, end = first + part->p_memsz;
        if (part->p_type != PT_LOAD)
            continue;
        set.program_first = first < set.program_first ? first : set.program_first;
        set.program_end = end > set.program_end ? end : set.program_end;
    }
    return 1; /* the first of all objects is the program */
}

__attribute__((constructor)) static void start(void) {
    int file = (int)syscall(SYS_openat, AT_FDCWD, variable("FAULTS_STATE"), O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    snprintf(set.kind, sizeof set.kind, "%s", variable("FAULTS_KIND"));
    snprintf(set.under, sizeof set.under, "%s", variable("FAULTS_UNDER"));
    set.under_length = strlen(set.under);
    set.number = atoll(variable("FAULTS_NUMBER"));
    set.error = atoi(variable("FAULTS_ERRNO"));
    set.forever = atoi(variable("FAULTS_FOREVER"));
    if (!strcmp(set.kind, "memory") && *variable("TRAINER_EXAMINES"))
        return; /* the child that examines a file has a limit of its own on its memory */
    dl_iterate_phdr(find_program, NULL);
    long memory =
        syscall(SYS_mmap, NULL, sizeof(struct State), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0L);
    if (memory != -1)
        set.state = (struct State *)memory;
    syscall(SYS_close, file);
}

/* ---- which calls count ---- */

static bool is_kind(const char *kind) {
    return set.state && !strcmp(kind, set.kind);
}

static bool is_under(const char *path) {
    return set.under_length && !strncmp(path, set.under, set.under_length) &&
           (path[set.under_length] == '/' || !path[set.under_length]);
}

/* The path made absolute. */
static void complete(const char *path, char whole[MOST_PATH]) {
    char folder[MOST_PATH / 2] = "";
    if (*path != '/')
        syscall(SYS_getcwd, folder, sizeof folder);
    snprintf(whole, MOST_PATH, "%s%s%s", folder, *path == '/' ? "" : "/", path);
}

static void path_of(int descriptor, char path[MOST_PATH]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlink, link, path, MOST_PATH - 1);
    path[length < 0 ? 0 : length] = '\0';
}

/* Counts a call on a file; errno is set if it has to fail. */
static enum Verdict judge(const char *path) {
    int64_t number = atomic_fetch_add(&set.state->counted, 1) + 1;
    bool fails = set.number && (set.forever ? number >= set.number : number == set.number);
    if (!fails)
        return GO_ON;
    if (atomic_fetch_add(&set.state->failed, 1) == 0)
        snprintf(set.state->path, sizeof set.state->path, "%s", path);
    if (!set.error)
        return SHORTEN;
    errno = set.error;
    return FAIL;
}

static enum Verdict judge_path(const char *kind, const char *path) {
    char whole[MOST_PATH];
    if (!is_kind(kind) || !path)
        return GO_ON;
    complete(path, whole);
    return is_under(whole) ? judge(whole) : GO_ON;
}

static enum Verdict judge_file(const char *kind, int descriptor) {
    char path[MOST_PATH];
    if (!is_kind(kind))
        return GO_ON;
    path_of(descriptor, path);
    return is_under(path) ? judge(path) : GO_ON;
}

/* The C library's own function. */
#define REAL(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, name)

/* ---- open ---- */

static int open_file(int folder, const char *path, int flags, mode_t mode) {
    if (judge_path("open", path) == FAIL)
        return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static mode_t mode_of(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
    EXPORT int name(const char *path, int flags, ...) {                                            \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        return open_file(AT_FDCWD, path, flags, mode);                                             \
    }
#define OPENAT(name)                                                                               \
    EXPORT int name(int folder, const char *path, int flags, ...) {                                \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        return open_file(folder, path, flags, mode);                                               \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

EXPORT DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    return judge_path("open", path) == FAIL ? NULL : real(path);
}

/* ---- read and write ---- */

#define TRANSFER(name, kind, buffer_type, call, ...)                                               \
    EXPORT ssize_t name(int file, buffer_type buffer, size_t count __VA_OPT__(, off_t offset)) {   \
        enum Verdict verdict = judge_file(kind, file);                                             \
        if (verdict == FAIL)                                                                       \
            return -1;                                                                             \
        if (verdict == SHORTEN && count > 1)                                                       \
            count /= 2;                                                                            \
        return syscall(call, file, buffer, count __VA_OPT__(, ) __VA_ARGS__);                      \
    }
TRANSFER(read, "read", void *, SYS_read)
TRANSFER(pread, "read", void *, SYS_pread64, offset)
TRANSFER(pread64, "read", void *, SYS_pread64, offset)
TRANSFER(write, "write", const void *, SYS_write)
TRANSFER(pwrite, "write", const void *, SYS_pwrite64, offset)
TRANSFER(pwrite64, "write", const void *, SYS_pwrite64, offset)

EXPORT ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t count,
                               unsigned flags) {
    enum Verdict verdict = judge_file("write", to);
    if (verdict == FAIL)
        return -1;
    if (verdict == SHORTEN)
        count = 1000;
    return syscall(SYS_copy_file_range, from, from_at, to, to_at, count, flags);
}

EXPORT int fsync(int file) {
    return judge_file("fsync", file) == FAIL ? -1 : (int)syscall(SYS_fsync, file);
}

EXPORT int fdatasync(int file) {
    return judge_file("fsync", file) == FAIL ? -1 : (int)syscall(SYS_fdatasync, file);
}

/* ---- the size and the name of a file ---- */

EXPORT int ftruncate(int file, off_t length) {
    return judge_file("resize", file) == FAIL ? -1 : (int)syscall(SYS_ftruncate, file, length);
}

EXPORT int posix_fallocate(int file, off_t offset, off_t length) {
    REAL(int, "posix_fallocate", int, off_t, off_t);
    return judge_file("resize", file) == FAIL ? errno : real(file, offset, length);
}

EXPORT int fallocate(int file, int mode, off_t offset, off_t length) {
    return judge_file("resize", file) == FAIL
               ? -1
               : (int)syscall(SYS_fallocate, file, mode, offset, length);
}

EXPORT int rename(const char *from, const char *to) {
    return judge_path("rename", to) == FAIL
               ? -1
               : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int symlink(const char *target, const char *path) {
    return judge_path("link", path) == FAIL ? -1
                                            : (int)syscall(SYS_symlinkat, target, AT_FDCWD, path);
}

EXPORT int link(const char *from, const char *to) {
    return judge_path("link", to) == FAIL
               ? -1
               : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

#define MMAP(name)                                                                                 \
    EXPORT void *name(void *address, size_t length, int protection, int flags, int file,           \
                      off_t offset) {                                                              \
        if (file >= 0 && judge_file("mmap", file) == FAIL)                                         \
            return MAP_FAILED;                                                                     \
        return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);        \
    }
MMAP(mmap)
MMAP(mmap64)

/* ---- streams, whose calls inside the C library would not pass through here ---- */

/* Streams of the C library take EINTR for a failure, but no file on a disk gives it. */
static ssize_t stream_read(void *cookie, char *buffer, size_t count) {
    ssize_t part;
    do
        part = read((int)(intptr_t)cookie, buffer, count);
    while (part < 0 && errno == EINTR);
    return part;
}

/* A stream of this kind must write all or nothing. */
static ssize_t stream_write(void *cookie, const char *buffer, size_t count) {
    size_t done = 0;
    while (done < count) {
        ssize_t part = write((int)(intptr_t)cookie, buffer + done, count - done);
        if (part < 0 && errno != EINTR)
            return 0;
        done += part < 0 ? 0 : (size_t)part;
    }
    return (ssize_t)done;
}

static int stream_close(void *cookie) {
    for (int i = 0; i < MOST_STREAMS; i++)
        if (streams[i].stream && streams[i].descriptor == (int)(intptr_t)cookie)
            streams[i].stream = NULL;
    return close((int)(intptr_t)cookie);
}

static FILE *make_stream(int file, const char *mode) {
    char plain[8] = "";
    strncat(plain, mode, 1);
    if (strchr(mode, '+'))
        strcat(plain, "+");
    FILE *stream = fopencookie(
        (void *)(intptr_t)file, plain,
        (cookie_io_functions_t){.read = stream_read, .write = stream_write, .close = stream_close});
    for (int i = 0; stream && i < MOST_STREAMS; i++)
        if (!streams[i].stream) {
            streams[i].stream = stream;
            streams[i].descriptor = file;
            break;
        }
    return stream;
}

EXPORT FILE *fdopen(int file, const char *mode) {
    REAL(FILE *, "fdopen", int, const char *);
    char path[MOST_PATH];
    path_of(file, path);
    return set.state && is_under(path) ? make_stream(file, mode) : real(file, mode);
}

#define FOPEN(name)                                                                                \
    EXPORT FILE *name(const char *path, const char *mode) {                                        \
        REAL(FILE *, "fopen", const char *, const char *);                                         \
        char whole[MOST_PATH];                                                                     \
        complete(path, whole);                                                                     \
        if (!set.state || !is_under(whole))                                                        \
            return real(path, mode);                                                               \
        int flags = *mode == 'r'   ? O_RDONLY                                                      \
                    : *mode == 'w' ? O_WRONLY | O_CREAT | O_TRUNC                                  \
                                   : O_WRONLY | O_CREAT | O_APPEND;                                \
        if (strchr(mode, '+'))                                                                     \
            flags = (flags & ~O_ACCMODE) | O_RDWR;                                                 \
        int file = open_file(AT_FDCWD, path, flags | O_CLOEXEC, 0666);                             \
        return file < 0 ? NULL : make_stream(file, mode);                                          \
    }
FOPEN(fopen)
FOPEN(fopen64)

EXPORT int fileno(FILE *stream) {
    REAL(int, "fileno", FILE *);
    for (int i = 0; i < MOST_STREAMS; i++)
        if (stream && streams[i].stream == stream)
            return streams[i].descriptor;
    return real(stream);
}

/* ---- memory ---- */

EXPORT void *aligned_alloc(size_t alignment, size_t bytes) {
    REAL(void *, "aligned_alloc", size_t, size_t);
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    bool ours = caller >= set.program_first && caller < set.program_end;
    if (ours && is_kind("memory") && judge("") == FAIL)
        return NULL;
    return real(alignment, bytes);
}
