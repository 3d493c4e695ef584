#include "store/unpack.h"

#include <errno.h>
#include <string.h>

#include <lzf.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"

bool unpack__understands(hid_t create, struct Packing *packing) {
    int count = H5Pget_nfilters(create);
    *packing = (struct Packing){.element = 1};
    if (count < 0 || count > UNPACK_FILTERS)
        return false;
    for (int i = 0; i < count; i++) {
        unsigned flags, config, values[8] = {0};
        size_t number = sizeof values / sizeof *values;
        int id = H5Pget_filter2(create, (unsigned)i, &flags, &number, values, 0, NULL, &config);
        bool known = id == H5Z_FILTER_DEFLATE || id == H5Z_FILTER_SHUFFLE ||
                     id == H5Z_FILTER_FLETCHER32 || id == UNPACK_LZF;
        if (!known || (id == H5Z_FILTER_SHUFFLE && (number < 1 || values[0] < 1)))
            return false;
        if (id == H5Z_FILTER_SHUFFLE)
            packing->element = values[0];
        packing->filters[packing->count++] = id;
    }
    return true;
}

struct Unpacker {
    size_t chunk, room;
    unsigned char *buffers[2];
    z_stream zip;
    bool has_zip;
};

/* More than any of the filters makes of data that it cannot pack, with a word for each checksum. */
static size_t most_packed(size_t chunk) {
    return chunk + chunk / 16 + 1024;
}

struct Unpacker *unpacker__create(size_t chunk_bytes) {
    struct Unpacker *unpacker = memory_allocate(sizeof *unpacker, "an unpacker");
    unpacker->chunk = chunk_bytes;
    unpacker->room = most_packed(chunk_bytes);
    for (int i = 0; i < 2; i++)
        unpacker->buffers[i] = memory_allocate(unpacker->room, "a chunk of an HDF5 file");
    unpacker->has_zip = inflateInit(&unpacker->zip) == Z_OK;
    if (!unpacker->has_zip)
        memory_failed(sizeof unpacker->zip, "unpacking gzip");
    return unpacker;
}

void unpacker__release(struct Unpacker *unpacker) {
    if (!unpacker)
        return;
    inflateEnd(&unpacker->zip);
    memory_release(unpacker->buffers[0]);
    memory_release(unpacker->buffers[1]);
    memory_release(unpacker);
}

void *unpacker__buffer(struct Unpacker *unpacker, size_t *room) {
    *room = unpacker->room;
    return unpacker->buffers[0];
}

static const char *inflate_all(struct Unpacker *unpacker, const unsigned char *from, size_t *bytes,
                               unsigned char *to) {
    z_stream *zip = &unpacker->zip;
    if (*bytes > UINT32_MAX || unpacker->room > UINT32_MAX)
        return "it has more than 4 GiB";
    inflateReset(zip);
    zip->next_in = (unsigned char *)(uintptr_t)from;
    zip->avail_in = (uInt)*bytes;
    zip->next_out = to;
    zip->avail_out = (uInt)unpacker->room;
    if (inflate(zip, Z_FINISH) != Z_STREAM_END)
        return "its gzip data are damaged";
    *bytes = zip->total_out;
    return NULL;
}

static const char *inflate_lzf(const struct Unpacker *unpacker, const unsigned char *from,
                               size_t *bytes, unsigned char *to) {
    if (*bytes > UINT32_MAX || unpacker->room > UINT32_MAX)
        return "it has more than 4 GiB";
    *bytes = lzf_decompress(from, (unsigned)*bytes, to, (unsigned)unpacker->room);
    return *bytes ? NULL : "its lzf data are damaged";
}

/* The inverse of HDF5's shuffle: all first bytes of the elements lie together, then all second
 * ones. Bytes after the last whole element stay where they are. */
static void unshuffle(size_t element, size_t bytes, const unsigned char *restrict from,
                      unsigned char *restrict to) {
    size_t count = bytes / element;
    for (size_t b = 0; b < element; b++)
        for (size_t i = 0; i < count; i++)
            to[i * element + b] = from[b * count + i];
    memcpy(to + count * element, from + count * element, bytes - count * element);
}

static uint32_t fold(uint32_t sum) {
    return (sum & 0xffff) + (sum >> 16);
}

/* HDF5 file format specification, "Fletcher's checksum". */
static uint32_t fletcher32(const unsigned char *data, size_t bytes) {
    uint32_t first = 0, second = 0;
    for (size_t words = bytes / 2; words;) {
        size_t run = words > 360 ? 360 : words; /* no sum overflows before it is folded */
        words -= run;
        for (; run; run--, data += 2) {
            first += (uint32_t)data[0] << 8 | data[1];
            second += first;
        }
        first = fold(first);
        second = fold(second);
    }
    if (bytes % 2) {
        first += (uint32_t)*data << 8;
        second += first;
        first = fold(first);
        second = fold(second);
    }
    return fold(second) << 16 | fold(first);
}

static const char *check_fletcher(const unsigned char *data, size_t *bytes) {
    if (*bytes < 4)
        return "its checksum is cut off";
    *bytes -= 4;
    const unsigned char *at = data + *bytes;
    uint32_t stored = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    uint32_t found = fletcher32(data, *bytes);
    /* HDF5 before 1.6.3 stored the bytes of each half in the other order. */
    uint32_t swapped = (found & 0x00ff00ff) << 8 | (found & 0xff00ff00) >> 8;
    return stored == found || stored == swapped ? NULL : "its checksum is wrong";
}

const void *unpacker__run(struct Unpacker *unpacker, const struct Packing *packing, uint32_t mask,
                          size_t bytes, const char **why) {
    unsigned char *from = unpacker->buffers[0], *to = unpacker->buffers[1];
    *why = NULL;
    for (int i = packing->count - 1; i >= 0 && !*why; i--) {
        int filter = packing->filters[i];
        if (mask >> i & 1)
            continue;
        if (filter == H5Z_FILTER_FLETCHER32) {
            *why = check_fletcher(from, &bytes);
            continue;
        }
        if (filter == H5Z_FILTER_DEFLATE)
            *why = inflate_all(unpacker, from, &bytes, to);
        else if (filter == UNPACK_LZF)
            *why = inflate_lzf(unpacker, from, &bytes, to);
        else
            unshuffle(packing->element, bytes, from, to);
        unsigned char *other = from;
        from = to;
        to = other;
    }
    if (!*why && bytes != unpacker->chunk)
        *why = "it has another size than the chunks of the array";
    return *why ? NULL : from;
}

/* ---- lzf for HDF5 itself ---- */

/* Only unpacks. values[2] is the size of a chunk. */
static size_t lzf_filter(unsigned flags, size_t count, const unsigned values[], size_t bytes,
                         size_t *room, void **buffer) {
    if (!(flags & H5Z_FLAG_REVERSE) || bytes > UINT32_MAX)
        return 0;
    size_t most = count >= 3 && values[2] ? values[2] : *room;
    void *unpacked = H5allocate_memory(most, false);
    unsigned found =
        unpacked ? lzf_decompress(*buffer, (unsigned)bytes, unpacked, (unsigned)most) : 0;
    if (!found) {
        H5free_memory(unpacked);
        return 0;
    }
    H5free_memory(*buffer);
    *buffer = unpacked;
    *room = most;
    return found;
}

void unpack__register_lzf(void) {
    static const H5Z_class2_t lzf = {.version = H5Z_CLASS_T_VERS,
                                     .id = UNPACK_LZF,
                                     .encoder_present = 0,
                                     .decoder_present = 1,
                                     .name = "lzf",
                                     .filter = lzf_filter};
    if (H5Zfilter_avail(UNPACK_LZF) <= 0)
        H5Zregister(&lzf);
}
