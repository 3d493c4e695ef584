#include "watch/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each seat has a byte of the file, which its process locks. The kernel releases the lock when the
 * process ends, for whatever reason, and all processes of the node can test it, even from other
 * name spaces. */
static struct flock lock_of(int seat, short type) {
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = seat, .l_len = 1, .l_pid = 0};
}

/* Each part of the segment begins on a cache line. */
static size_t round_up(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

static size_t lay_out(struct Sharing *sharing) {
    char *base = (char *)sharing->segment;
    size_t at = round_up(sizeof(struct Segment));
    sharing->seat = (struct Seat *)(base + at);
    at += round_up((size_t)sharing->seats * sizeof(struct Seat));
    sharing->heard = (_Atomic uint64_t *)(base + at);
    at += round_up((size_t)sharing->nodes * sizeof *sharing->heard);
    sharing->far = (struct Far *)(base + at);
    return at + round_up((size_t)sharing->ranks * sizeof(struct Far));
}

static int map(struct Sharing *sharing, struct Error *error) {
    void *memory = mmap(NULL, sharing->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, sharing->file, 0);
    if (memory == MAP_FAILED)
        return fail_errno(error, "the memory that watchdogs share cannot be mapped");
    sharing->segment = memory;
    lay_out(sharing);
    return OK;
}

int sharing__create(struct Sharing *sharing, int seats, int nodes, int ranks, struct Error *error) {
    *sharing = (struct Sharing){.seats = seats, .nodes = nodes, .ranks = ranks};
    sharing->bytes = lay_out(sharing);
    sharing->file = memfd_create("trainer-watch", MFD_CLOEXEC);
    if (sharing->file < 0)
        return fail_errno(error, "the memory that watchdogs share cannot be made");
    if (ftruncate(sharing->file, (off_t)sharing->bytes))
        return fail_errno(error, "the memory that watchdogs share cannot be enlarged");
    return map(sharing, error);
}

int sharing__open(struct Sharing *sharing, int pid, int file, int seats, int nodes, int ranks,
                  struct Error *error) {
    char path[64];
    *sharing = (struct Sharing){.seats = seats, .nodes = nodes, .ranks = ranks};
    sharing->bytes = lay_out(sharing);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, file);
    sharing->file = open(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (sharing->file < 0)
        return fail_errno(error, "%s: the memory that watchdogs share cannot be opened", path);
    if (fstat(sharing->file, &status) || status.st_size != (off_t)sharing->bytes)
        return fail(error, ERROR_SYSTEM, "%s: is not the memory that watchdogs share", path);
    return map(sharing, error);
}

/* Identifies this process's name space of process numbers; 0 if it is not known. */
static uint64_t own_processes(void) {
    struct stat status;
    return stat("/proc/self/ns/pid", &status) ? 0 : (uint64_t)status.st_ino;
}

int sharing__take_seat(struct Sharing *sharing, int seat, struct Error *error) {
    struct flock lock = lock_of(seat, F_WRLCK);
    if (fcntl(sharing->file, F_OFD_SETLK, &lock))
        return fail_errno(error, "the memory that watchdogs share cannot be locked");
    sharing->own_seat = seat;
    struct Seat *own = &sharing->seat[seat];
    atomic_store(&own->pid, (int)getpid());
    atomic_store(&own->processes, own_processes());
    atomic_store(&own->state, SEAT_TAKEN);
    return OK;
}

void sharing__release(struct Sharing *sharing) {
    if (sharing->segment)
        munmap(sharing->segment, sharing->bytes);
    if (sharing->file >= 0)
        close(sharing->file);
    *sharing = (struct Sharing){.file = -1};
}

bool sharing__is_vacant(const struct Sharing *sharing, int seat) {
    struct flock lock = lock_of(seat, F_WRLCK);
    return seat != sharing->own_seat && !fcntl(sharing->file, F_OFD_GETLK, &lock) &&
           lock.l_type == F_UNLCK;
}

int sharing__process(const struct Sharing *sharing, int seat) {
    const struct Seat *of = &sharing->seat[seat];
    uint64_t processes = atomic_load(&of->processes);
    return processes && processes == own_processes() ? atomic_load(&of->pid) : 0;
}
