/* Files that are mapped into memory or stay open, and what became of them since. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/internal.h"

/* All maps of this process. A signal handler may walk along the list at any time, so a map is put
 * in with one store, complete. */
static struct H5Map *_Atomic maps;

static int look(int fd, struct stat *status) {
    return fstat(fd, status) == 0 ? 0 : errno;
}

int h5_map(struct H5File *file, struct H5Map **out, struct Error *error) {
    CHECK(file->driver.fd >= 0);
    struct stat status;
    size_t bytes = file->driver.bytes;
    int failed = look(file->driver.fd, &status);
    int fd = failed ? -1 : fcntl(file->driver.fd, F_DUPFD_CLOEXEC, 3);
    void *image = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    *out = NULL;
    if (image == MAP_FAILED) {
        failed = failed ? failed : errno;
        if (fd >= 0)
            close(fd);
        return fail(error, file->failure, "%s: cannot be mapped: %s", file->path, strerror(failed));
    }
    struct H5Map *map = memory_allocate(sizeof *map, "a mapped file");
    *map = (struct H5Map){.image = image,
                          .bytes = bytes,
                          .path = memory_copy_text(file->path),
                          .fd = fd,
                          .modified = status.st_mtim,
                          .next = atomic_load(&maps)};
    atomic_store(&maps, map);
    *out = map;
    return OK;
}

void h5_unmap(struct H5Map *map) {
    if (!map)
        return;
    struct H5Map *before = atomic_load(&maps);
    if (before == map) {
        atomic_store(&maps, map->next);
    } else {
        while (before->next != map)
            before = before->next;
        before->next = map->next;
    }
    munmap((void *)(uintptr_t)map->image, map->bytes);
    close(map->fd);
    memory_release(map->path);
    memory_release(map);
}

const struct H5Map *h5_mapped_at(const void *address) {
    for (const struct H5Map *map = atomic_load(&maps); map; map = map->next)
        if ((uintptr_t)address - (uintptr_t)map->image < map->bytes)
            return map;
    return NULL;
}

int64_t h5_map_length(const struct H5Map *map) {
    struct stat status;
    return look(map->fd, &status) ? -1 : (int64_t)status.st_size;
}

void h5_map_identity(const struct H5Map *map, int64_t identity[H5_IDENTITY]) {
    struct stat status = {0};
    look(map->fd, &status);
    identity[0] = (int64_t)status.st_dev;
    identity[1] = (int64_t)status.st_ino;
    identity[2] = (int64_t)map->bytes;
    identity[3] = (int64_t)map->modified.tv_sec;
    identity[4] = (int64_t)map->modified.tv_nsec;
}

bool h5_map_changed(struct H5Map *map) {
    struct stat status;
    if (look(map->fd, &status)) /* such as a file that was removed on another host */
        return true;
    bool changed = (uint64_t)status.st_size != map->bytes ||
                   status.st_mtim.tv_sec != map->modified.tv_sec ||
                   status.st_mtim.tv_nsec != map->modified.tv_nsec;
    map->modified = status.st_mtim;
    return changed;
}

static bool find_state(const struct H5File *file, struct FileState *state) {
    struct stat status;
    if (file->driver.fd < 0 || look(file->driver.fd, &status))
        return false;
    *state = (struct FileState){.bytes = (int64_t)status.st_size, .modified = status.st_mtim};
    return true;
}

void h5_keep(struct H5File *file) {
    find_state(file, &file->kept);
}

bool h5_changed(const struct H5File *file) {
    struct FileState now, kept = file->kept;
    return kept.bytes && (!find_state(file, &now) || now.bytes != kept.bytes ||
                          now.modified.tv_sec != kept.modified.tv_sec ||
                          now.modified.tv_nsec != kept.modified.tv_nsec);
}
