#include "comm/node_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

/* A file that has no name and lives in memory alone. Unlike a window of MPI it needs no room in
 * /dev/shm, which is small in containers, and nothing is left of it when ranks are killed. The
 * lowest rank of a node makes it; the others open it by way of that process's descriptor. */

struct NodeMemory {
    void *data;
    int64_t bytes;
    bool mapped; /* else it is this rank's own */
    int sharers, place;
};

/* What the ranks tell one another. */
struct Offer {
    int64_t process, descriptor; /* -1: there is none */
    uint64_t device, inode;      /* of the file, to tell it from another process's */
};

static int make_file(int64_t bytes, struct Offer *offer) {
    struct stat status;
    int fd = memfd_create("trainer", MFD_CLOEXEC);
    if (fd >= 0 && (ftruncate(fd, (off_t)bytes) || fstat(fd, &status))) {
        close(fd);
        fd = -1;
    }
    if (fd >= 0)
        *offer = (struct Offer){getpid(), fd, status.st_dev, status.st_ino};
    return fd;
}

static int open_file(const struct Offer *offer) {
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)offer->process, (int)offer->descriptor);
    int fd = offer->descriptor < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 &&
        (fstat(fd, &status) || status.st_dev != offer->device || status.st_ino != offer->inode)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int lowest_on_node(const struct Ranks *ranks) {
    int first = 0;
    while (ranks_node(ranks, first) != ranks_node(ranks, ranks_rank(ranks)))
        first++;
    return first;
}

static void find_place(const struct Ranks *ranks, struct NodeMemory *memory) {
    int node = ranks_node(ranks, ranks_rank(ranks));
    for (int r = 0; r < ranks_size(ranks); r++) {
        memory->sharers += ranks_node(ranks, r) == node;
        memory->place += ranks_node(ranks, r) == node && r < ranks_rank(ranks);
    }
}

/* Maps the node's file; true if this rank could. */
static bool share(struct Ranks *ranks, struct NodeMemory *memory) {
    int size = ranks_size(ranks), first = lowest_on_node(ranks);
    bool makes = first == ranks_rank(ranks);
    struct Offer own = {.descriptor = -1};
    struct Offer *offers = memory_array(struct Offer, size, "shared memory");
    int fd = makes ? make_file(memory->bytes, &own) : -1;
    ranks_gather_all(ranks, &own, sizeof own, offers);
    if (!makes)
        fd = open_file(&offers[first]);
    memory_release(offers);
    void *data = fd < 0
                     ? MAP_FAILED
                     : mmap(NULL, (size_t)memory->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ranks_barrier(ranks); /* the others have opened it */
    if (fd >= 0)
        close(fd);
    memory->mapped = data != MAP_FAILED;
    if (memory->mapped)
        memory->data = data;
    return memory->mapped;
}

static void unmap(struct NodeMemory *memory) {
    if (memory->mapped)
        munmap(memory->data, (size_t)memory->bytes);
    memory->mapped = false;
}

struct NodeMemory *node_memory_create(struct Ranks *ranks, int64_t bytes, const char *purpose) {
    struct NodeMemory *memory = memory_allocate(sizeof *memory, "shared memory");
    int64_t shared = 0;
    memory->bytes = bytes < 1 ? 1 : bytes;
    find_place(ranks, memory);
    if (ranks_size(ranks) > 1) {
        shared = share(ranks, memory);
        ranks_minimum(ranks, &shared, 1);
        if (!shared)
            log_debug("the ranks of a node cannot share memory: each has %s of its own", purpose);
    }
    if (!shared) {
        unmap(memory);
        memory->sharers = 1;
        memory->place = 0;
        memory->data = memory_allocate((size_t)memory->bytes, purpose);
    }
    return memory;
}

void node_memory_release(struct NodeMemory *memory) {
    if (!memory)
        return;
    if (memory->mapped)
        unmap(memory);
    else
        memory_release(memory->data);
    memory_release(memory);
}

void *node_memory_data(const struct NodeMemory *memory) {
    return memory->data;
}

int node_memory_sharers(const struct NodeMemory *memory) {
    return memory->sharers;
}

int node_memory_place(const struct NodeMemory *memory) {
    return memory->place;
}
