/* The head of HDF5's part of a file. */
#include <string.h>
#include <unistd.h>

#include "base/read_file.h"
#include "store/internal.h"

#define SIGNATURE "\211HDF\r\n\032\n"
#define SIGNATURE_BYTES 8
#define HEAD_BYTES 64 /* of a superblock: all that is read here */

static uint64_t little_endian_64(const unsigned char *bytes) {
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* Format specification, "Disk Format: Level 0A - Format Signature and Superblock". Byte 8 is the
 * version. The size of an offset must be 8 bytes to be read here. */
static uint64_t declared_end(const unsigned char *superblock) {
    switch (superblock[8]) {
    case 0:
        return superblock[13] == 8 ? little_endian_64(superblock + 40) : 0;
    case 1:
        return superblock[13] == 8 ? little_endian_64(superblock + 44) : 0;
    case 2:
    case 3:
        return superblock[9] == 8 ? little_endian_64(superblock + 28) : 0;
    default:
        return 0;
    }
}

bool h5__begins(const void *head, uint64_t bytes) {
    return bytes >= SIGNATURE_BYTES && !memcmp(head, SIGNATURE, SIGNATURE_BYTES);
}

/* A user block, which HDF5 does not read, has 512 bytes, or 1024, 2048 and so on. */
struct Superblock h5__find_superblock(struct FileDriver *driver) {
    unsigned char head[HEAD_BYTES];
    for (uint64_t at = 0; file_driver__read(driver, at, head, sizeof head); at = at ? 2 * at : 512)
        if (h5__begins(head, sizeof head))
            return (struct Superblock){.at = (int64_t)at, .end = declared_end(head)};
    return (struct Superblock){.at = -1};
}

bool h5__was_never_closed(struct FileDriver *driver) {
    unsigned char head[72], version = 1;
    if (!file_driver__read(driver, 0, head, sizeof head) || !h5__begins(head, sizeof head) ||
        head[8] != 0)
        return false;
    uint64_t root = little_endian_64(head + 64);
    return root < driver->bytes && file_driver__read(driver, root, &version, 1) && version == 0;
}

/* The driver's name stands in the block that follows an older superblock, or in the superblock's
 * extension, which HDF5 puts there, too. */
bool h5__is_part(struct FileDriver *driver, const struct Superblock *superblock) {
    unsigned char head[256];
    uint64_t left = driver->bytes - (uint64_t)superblock->at;
    uint64_t length = left < sizeof head ? left : sizeof head;
    return file_driver__read(driver, (uint64_t)superblock->at, head, length) &&
           (memmem(head, length, "NCSAfami", 8) || memmem(head, length, "NCSAmult", 8));
}

bool h5_has_signature(const char *path) {
    struct stat about;
    int file = read_file_open(path, &about);
    if (file < 0)
        return false;
    struct FileDriver driver = {.fd = file, .bytes = (uint64_t)about.st_size};
    bool found = h5__find_superblock(&driver).at >= 0;
    close(file);
    return found;
}
