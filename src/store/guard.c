#include "store/guard.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/memory.h"
#include "base/read_file.h"

#define HEAD 24 /* bytes before the ranges */
#define TAIL 32 /* after the zeros */
#define BLOCK ((uint64_t)1 << 20)

static const char magic[8] = "trnrdata";

static void put(unsigned char *at, uint64_t value) {
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char *at) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

/* Returns 0, or −1 and errno; a file that ends too early is an EIO. */
static int read_part(int fd, void *buffer, uint64_t bytes, uint64_t offset) {
    int64_t got = read_file_part(fd, buffer, bytes, offset);
    if (got >= 0 && (uint64_t)got < bytes)
        errno = EIO;
    return got >= 0 && (uint64_t)got == bytes ? 0 : -1;
}

static int hash_part(XXH3_state_t *hash, int fd, uint64_t from, uint64_t to, void *buffer) {
    for (uint64_t at = from; at < to; at += BLOCK) {
        uint64_t bytes = to - at < BLOCK ? to - at : BLOCK;
        if (read_part(fd, buffer, bytes, at))
            return -1;
        XXH3_128bits_update(hash, buffer, bytes);
    }
    return 0;
}

/* The hash of the data outside the ranges and of `bytes` bytes of the guard. */
static int hash_file(int fd, uint64_t length, const struct FileDriverRange *ranges, int64_t count,
                     const unsigned char *guard, uint64_t bytes, unsigned char digest[16]) {
    XXH3_state_t *hash = XXH3_createState();
    void *buffer = memory_allocate(BLOCK, "a block of a file");
    uint64_t at = 0;
    int failed = 0;
    XXH3_128bits_reset(hash);
    for (int64_t i = 0; i <= count && !failed; i++) {
        failed = hash_part(hash, fd, at, i < count ? ranges[i].offset : length, buffer);
        if (i < count)
            at = ranges[i].offset + ranges[i].bytes;
    }
    XXH3_128bits_update(hash, guard, bytes);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash));
    memcpy(digest, canonical.digest, 16);
    memory_release(buffer);
    XXH3_freeState(hash);
    return failed;
}

int guard__write(int fd, uint64_t length, const struct FileDriverRange *ranges, int64_t count) {
    uint64_t bytes = HEAD + (uint64_t)count * 16 + TAIL;
    bytes = bytes < GUARD_LEAST ? GUARD_LEAST : bytes;
    unsigned char *guard = memory_allocate(bytes, "a file's guard");
    memcpy(guard, magic, sizeof magic);
    put(guard + 8, length);
    put(guard + 16, (uint64_t)count);
    for (int64_t i = 0; i < count; i++) {
        put(guard + HEAD + 16 * i, ranges[i].offset);
        put(guard + HEAD + 16 * i + 8, ranges[i].bytes);
    }
    unsigned char *tail = guard + bytes - TAIL;
    put(tail + 16, bytes);
    memcpy(tail + 24, magic, sizeof magic);
    int failed = hash_file(fd, length, ranges, count, guard, bytes - TAIL, tail);
    if (!failed)
        failed = file_driver__pwrite_all(fd, guard, bytes, length);
    memory_release(guard);
    return failed;
}

/* The ranges of a guard of `bytes` bytes before `length`; NULL if they cannot be. */
static struct FileDriverRange *read_ranges(const unsigned char *guard, uint64_t bytes,
                                           uint64_t length, int64_t *count) {
    uint64_t number = get(guard + 16), end = 0;
    if (memcmp(guard, magic, sizeof magic) || get(guard + 8) != length ||
        number > (bytes - HEAD - TAIL) / 16)
        return NULL;
    struct FileDriverRange *ranges =
        memory_array(struct FileDriverRange, (int64_t)number + 1, "ranges");
    for (uint64_t i = 0; i < number; i++) {
        uint64_t offset = get(guard + HEAD + 16 * i), size = get(guard + HEAD + 16 * i + 8);
        if (offset < end || offset > length || size > length - offset) {
            memory_release(ranges);
            return NULL;
        }
        ranges[i] = (struct FileDriverRange){offset, size};
        end = offset + size;
    }
    *count = (int64_t)number;
    return ranges;
}

static enum GuardVerdict check(int fd, const unsigned char *guard, uint64_t bytes, uint64_t length,
                               struct FileDriverRange **ranges, int64_t *count) {
    unsigned char digest[16];
    *ranges = read_ranges(guard, bytes, length, count);
    if (!*ranges)
        return GUARD_BAD;
    if (hash_file(fd, length, *ranges, *count, guard, bytes - TAIL, digest))
        return GUARD_UNREADABLE;
    return memcmp(digest, guard + bytes - TAIL, 16) ? GUARD_BAD : GUARD_GOOD;
}

/* Without a whole guard at the end: was there one where the data end? */
static enum GuardVerdict look_for_begin(int fd, uint64_t bytes, uint64_t declared_end) {
    unsigned char begin[8];
    if (declared_end == 0 || declared_end > bytes || bytes - declared_end < sizeof begin)
        return GUARD_ABSENT;
    if (read_part(fd, begin, sizeof begin, declared_end))
        return GUARD_UNREADABLE;
    return memcmp(begin, magic, sizeof magic) ? GUARD_ABSENT : GUARD_BAD;
}

enum GuardVerdict guard__check(int fd, uint64_t bytes, uint64_t declared_end, uint64_t *length,
                               struct FileDriverRange **out, int64_t *count) {
    unsigned char end[16];
    if (bytes < GUARD_LEAST)
        return GUARD_ABSENT;
    if (read_part(fd, end, sizeof end, bytes - sizeof end))
        return GUARD_UNREADABLE;
    if (memcmp(end + 8, magic, sizeof magic))
        return look_for_begin(fd, bytes, declared_end);
    uint64_t size = get(end);
    if (size < GUARD_LEAST || size > bytes || !memory_can_hold(size))
        return GUARD_BAD;
    unsigned char *guard = memory_allocate(size, "a file's guard");
    struct FileDriverRange *ranges = NULL;
    int64_t number = 0;
    enum GuardVerdict verdict = read_part(fd, guard, size, bytes - size)
                                    ? GUARD_UNREADABLE
                                    : check(fd, guard, size, bytes - size, &ranges, &number);
    memory_release(guard);
    if (verdict == GUARD_GOOD)
        *length = bytes - size;
    if (verdict == GUARD_GOOD && out) {
        *out = ranges;
        *count = number;
    } else {
        memory_release(ranges);
    }
    return verdict;
}
