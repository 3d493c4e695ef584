#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/mutate.h"

#define MOST_STRUCTURES 4000
#define MOST_BYTES 4200 /* of a structure whose end is searched for */

/* ---- The checksum: Bob Jenkins' lookup3, hashlittle(), 2006 ---- */

static uint32_t rotate(uint32_t x, int k) {
    return x << k | x >> (32 - k);
}

static uint32_t word(const unsigned char *at, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4 && i < count; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

static void mix(uint32_t v[3]) {
    static const int by[] = {4, 6, 8, 16, 19, 4};
    for (int i = 0; i < 6; i++) {
        uint32_t *x = &v[i % 3], *y = &v[(i + 2) % 3], *z = &v[(i + 1) % 3];
        *x -= *y;
        *x ^= rotate(*y, by[i]);
        *y += *z;
    }
}

static void final(uint32_t v[3]) {
    static const int by[] = {14, 11, 25, 16, 4, 14, 24};
    for (int i = 0; i < 7; i++) {
        uint32_t *x = &v[(i + 2) % 3], *y = &v[(i + 1) % 3];
        *x ^= *y;
        *x -= rotate(*y, by[i]);
    }
}

static uint32_t lookup3(const unsigned char *bytes, size_t count) {
    uint32_t start = 0xdeadbeef + (uint32_t)count, v[3] = {start, start, start};
    for (; count > 12; count -= 12, bytes += 12) {
        uint32_t words[3];
        memcpy(words, bytes, sizeof words);
        for (size_t i = 0; i < 3; i++)
            v[i] += words[i];
        mix(v);
    }
    if (!count)
        return v[2];
    for (size_t i = 0; i < 3 && 4 * i < count; i++)
        v[i] += word(bytes + 4 * i, count - 4 * i);
    final(v);
    return v[2];
}

static void put(unsigned char *at, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get(const unsigned char *at, size_t width) {
    uint64_t value = 0;
    for (size_t i = width; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

/* ---- Finding them ---- */

static struct Structure *add(struct Structures *all, const char *kind, size_t at, size_t bytes,
                             size_t checksum) {
    for (int i = 0; i < all->count; i++)
        if (all->items[i].at == at && all->items[i].bytes == bytes)
            return &all->items[i];
    if (all->count == MOST_STRUCTURES || bytes == 0)
        return NULL;
    struct Structure *structure = &all->items[all->count++];
    *structure = (struct Structure){.at = at, .bytes = bytes, .checksum = checksum};
    memcpy(structure->kind, kind, strlen(kind) < 4 ? strlen(kind) : 4);
    return structure;
}

static void add_message(struct Structures *all, int type, size_t at, size_t bytes) {
    struct Structure *message = add(all, "msg", at, bytes, 0);
    if (message)
        message->message = type;
}

/* The messages of an object header of version 2 between `at` and `end`. */
static void add_messages_2(struct Structures *all, const unsigned char *bytes, size_t at,
                           size_t end, bool tracked) {
    size_t head = tracked ? 6 : 4;
    while (at + head <= end) {
        size_t size = (size_t)get(bytes + at + 1, 2);
        if (at + head + size > end)
            return;
        add_message(all, bytes[at], at, head + size);
        at += head + size;
    }
}

/* Whether the checksum of the structure at `at` stands `size` bytes after its begin. */
static bool ends_after(const unsigned char *bytes, size_t at, size_t size) {
    return get(bytes + at + size, 4) == lookup3(bytes + at, size);
}

/* The checksum of a direct block of a fractal heap stands in its head, and counts as zeros. */
static void add_direct_block(struct Structures *all, unsigned char *bytes, size_t length,
                             size_t at) {
    for (size_t size = 256; size <= 65536 && at + size <= length; size *= 2)
        for (size_t place = 14; place <= 21; place++) {
            uint64_t stored = get(bytes + at + place, 4);
            put(bytes + at + place, 0, 4);
            bool right = lookup3(bytes + at, size) == stored;
            put(bytes + at + place, stored, 4);
            if (right) {
                add(all, "FHDB", at, size, place);
                return;
            }
        }
}

static void add_with_checksum(struct Structures *all, unsigned char *bytes, size_t length,
                              size_t at) {
    char kind[5] = "";
    memcpy(kind, bytes + at, 4);
    for (size_t size = 8; size < MOST_BYTES && at + size + 4 <= length; size++) {
        if (!ends_after(bytes, at, size))
            continue;
        add(all, kind, at, size + 4, size);
        if (!strcmp(kind, "OHDR")) {
            unsigned flags = bytes[at + 5];
            size_t head =
                6u + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0) + (1u << (flags & 3));
            add(all, "msg", at, head, 0);
            add_messages_2(all, bytes, at + head, at + size, flags & 4);
        } else if (!strcmp(kind, "OCHK")) {
            add_messages_2(all, bytes, at + 4, at + size, false);
        }
        return;
    }
}

/* Messages of an object header of version 1; they may go on elsewhere. */
static void add_messages_1(struct Structures *all, const unsigned char *bytes, size_t length,
                           size_t at, size_t end, int depth) {
    while (at + 8 <= end && end <= length) {
        size_t type = (size_t)get(bytes + at, 2), size = (size_t)get(bytes + at + 2, 2);
        if (at + 8 + size > end)
            return;
        add_message(all, (int)type, at, 8 + size);
        uint64_t next = size >= 16 ? get(bytes + at + 8, 8) : 0;
        uint64_t more = size >= 16 ? get(bytes + at + 16, 8) : 0;
        if (type == 0x10 && depth < 8 && next < length && more <= length - next)
            add_messages_1(all, bytes, length, (size_t)next, (size_t)(next + more), depth + 1);
        at += 8 + size;
    }
}

static void add_header_1(struct Structures *all, const unsigned char *bytes, size_t length,
                         uint64_t at) {
    if (at + 16 > length || at == 0 || bytes[at] != 1)
        return;
    uint64_t size = get(bytes + at + 8, 4);
    if (size > length - at - 16)
        return;
    add(all, "oh1", (size_t)at, 16, 0);
    add_messages_1(all, bytes, length, (size_t)at + 16, (size_t)(at + 16 + size), 0);
}

/* Entries of a node of a symbol table: each has the address of an object header. */
static void add_symbols(struct Structures *all, const unsigned char *bytes, size_t length,
                        size_t at) {
    size_t count = (size_t)get(bytes + at + 6, 2), bytes_all = 8 + 40 * count;
    if (at + bytes_all > length)
        return;
    add(all, "SNOD", at, bytes_all, 0);
    for (size_t i = 0; i < count; i++)
        add_header_1(all, bytes, length, get(bytes + at + 8 + 40 * i + 8, 8));
}

static void add_superblock(struct Structures *all, unsigned char *bytes, size_t length) {
    if (length < 100 || memcmp(bytes, "\211HDF\r\n\032\n", 8))
        return;
    if (bytes[8] >= 2) {
        add(all, "SB2", 0, 48, ends_after(bytes, 0, 44) ? 44 : 0);
        return;
    }
    add(all, "SB0", 8, 88, 0);
    add_header_1(all, bytes, length, get(bytes + 64 + (bytes[8] == 1 ? 4 : 0), 8));
}

struct Structures structures_find(const unsigned char *original, size_t length) {
    static const char *const sealed[] = {"OHDR", "OCHK", "FRHP", "FHIB", "BTHD", "BTIN",
                                         "BTLF", "EAHD", "EAIB", "EASB", "EADB", "FAHD",
                                         "FADB", "FSHD", "FSSE", "SMTB", "SMLI"};
    static const char *const plain[] = {"TREE", "HEAP", "GCOL"};
    struct Structures all = {.items = calloc(MOST_STRUCTURES, sizeof *all.items)};
    unsigned char *bytes = malloc(length + 1);
    memcpy(bytes, original, length);
    add_superblock(&all, bytes, length);
    for (size_t at = 8; at + 32 <= length; at++) {
        for (size_t i = 0; i < sizeof sealed / sizeof *sealed; i++)
            if (!memcmp(bytes + at, sealed[i], 4))
                add_with_checksum(&all, bytes, length, at);
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
            if (!memcmp(bytes + at, plain[i], 4))
                add(&all, plain[i], at, length - at < 96 ? length - at : 96, 0);
        if (!memcmp(bytes + at, "SNOD", 4))
            add_symbols(&all, bytes, length, at);
        else if (!memcmp(bytes + at, "FHDB", 4))
            add_direct_block(&all, bytes, length, at);
    }
    free(bytes);
    return all;
}

void structures_release(struct Structures *structures) {
    free(structures->items);
    free(structures->places);
}

/* ---- Changing them ---- */

/* Values at which sizes, counts, addresses and types go wrong. */
static uint64_t odd_value(const struct Structures *all, uint64_t old, size_t width, size_t length,
                          struct Draws *draws) {
    uint64_t most = width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;
    switch (draw(draws, 14)) {
    case 0:
        return 0;
    case 1:
        return most;
    case 2:
        return most >> 1;
    case 3:
        return most / 2 + 1;
    case 4:
        return old + 1;
    case 5:
        return old - 1;
    case 6:
        return old * 2;
    case 7:
        return old / 2;
    case 8:
        return length - draw(draws, 16);
    case 9:
        return all->items[draw(draws, (size_t)all->count)].at;
    case 10:
        return 1ull << draw(draws, 8 * width);
    case 11:
        return old ^ 1ull << draw(draws, 8 * width);
    case 12:
        return draw(draws, 32);
    default:
        return draw(draws, 1u << 31) * (uint64_t)draw(draws, 1u << 31);
    }
}

static const struct Structure *choose(const struct Structures *all, struct Draws *draws) {
    const struct Structure *chosen = &all->items[draw(draws, (size_t)all->count)];
    return chosen;
}

static void change_field(const struct Structures *all, unsigned char *bytes, size_t length,
                         struct Draws *draws, const struct Structure *structure) {
    size_t width = (size_t)1 << draw(draws, 4);
    size_t usable = structure->bytes < 200 ? structure->bytes : 200;
    if (structure->bytes > 200 && draw(draws, 4) == 0)
        usable = structure->bytes;
    while (width > usable)
        width /= 2;
    size_t at = structure->at + draw(draws, usable - width + 1);
    if (draw(draws, 2)) /* fields are often aligned */
        at = structure->at + (at - structure->at) / width * width;
    put(bytes + at, odd_value(all, get(bytes + at, width), width, length, draws), width);
}

/* Another structure of the same kind and size takes this one's place. */
static void take_place(const struct Structures *all, unsigned char *bytes, struct Draws *draws,
                       const struct Structure *structure) {
    int first = (int)draw(draws, (size_t)all->count);
    for (int i = 0; i < all->count; i++) {
        const struct Structure *other = &all->items[(first + i) % all->count];
        if (other != structure && other->bytes == structure->bytes &&
            !strcmp(other->kind, structure->kind)) {
            memmove(bytes + structure->at, bytes + other->at, structure->bytes);
            return;
        }
    }
}

/* The size of an object header may have been changed: its checksum is looked for at its end. */
static void repair_header(unsigned char *bytes, size_t length, size_t at) {
    unsigned flags = bytes[at + 5];
    size_t head = 6u + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0), width = 1u << (flags & 3);
    uint64_t size = get(bytes + at + head, width);
    if (at + head + width < length && size < length - at - head - width - 4) {
        size_t all = head + width + (size_t)size;
        put(bytes + at + all, lookup3(bytes + at, all), 4);
    }
}

static void repair(const struct Structures *all, unsigned char *bytes, size_t length) {
    for (int i = 0; i < all->count; i++) {
        const struct Structure *structure = &all->items[i];
        unsigned char *begin = bytes + structure->at;
        if (!structure->checksum)
            continue;
        if (!strcmp(structure->kind, "FHDB")) {
            put(begin + structure->checksum, 0, 4);
            put(begin + structure->checksum, lookup3(begin, structure->bytes), 4);
            continue;
        }
        put(begin + structure->checksum, lookup3(begin, structure->checksum), 4);
        if (!strcmp(structure->kind, "OHDR"))
            repair_header(bytes, length, structure->at);
    }
}

void structures_mutate(const struct Structures *structures, unsigned char *bytes, size_t length,
                       struct Draws *draws, const char **what) {
    static char words[80];
    const char *kind = "";
    for (uint32_t changes = 1 + draw(draws, 3); changes > 0; changes--) {
        const struct Structure *structure = choose(structures, draws);
        kind = structure->kind;
        if (draw(draws, 12) == 0)
            take_place(structures, bytes, draws, structure);
        else
            change_field(structures, bytes, length, draws, structure);
    }
    repair(structures, bytes, length);
    *what = strcat(strcpy(words, "structures, the last "), kind);
}

/* ---- Flipping each of their bits ---- */

#define TYPE 0x03
#define ATTRIBUTE 0x0c
#define MOST_FLIPPED 256 /* bytes of a structure: what follows is data */

void structures_choose(struct Structures *structures, size_t length, bool types) {
    bool *chosen = calloc(length, 1);
    for (int i = 0; i < structures->count; i++) {
        const struct Structure *structure = &structures->items[i];
        size_t bytes = structure->bytes < MOST_FLIPPED ? structure->bytes : MOST_FLIPPED;
        if (!types || structure->message == TYPE || structure->message == ATTRIBUTE)
            memset(chosen + structure->at, 1, bytes);
    }
    structures->places = calloc(length, sizeof *structures->places);
    for (size_t at = 0; at < length; at++)
        if (chosen[at])
            structures->places[structures->place_count++] = at;
    free(chosen);
}

void structures_flip(const struct Structures *structures, unsigned char *bytes, size_t length,
                     size_t bit, const char **what) {
    static char words[80];
    size_t place = structures->places[bit / 8];
    bytes[place] ^= (unsigned char)(1u << bit % 8);
    repair(structures, bytes, length);
    snprintf(words, sizeof words, "bit %zu of byte %zu", bit % 8, place);
    *what = words;
}
