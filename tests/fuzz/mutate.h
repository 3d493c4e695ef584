/* How files are damaged: as disks, networks and careless programs do it (mutate.c), and as somebody
 * does it who knows the format and repairs its checksums (structures.c). A mutant follows from a
 * stream of random numbers alone. */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

struct Draws {
    struct RandomStream stream;
    uint64_t drawn;
};
static inline uint32_t draw(struct Draws *draws, size_t bound) {
    return random_below(random_word(&draws->stream, draws->drawn++), (uint32_t)bound);
}

/* Changes a bit or a byte, zeroes a block of 512 bytes, copies some bytes to another place, or cuts
 * the end off. Returns the new length, which is never longer. *what is for people. */
size_t mutate_plain(unsigned char *bytes, size_t length, struct Draws *draws, const char **what);

/* A structure of an HDF5 file ("HDF5 File Format Specification Version 3.0"). */
struct Structure {
    char kind[5]; /* its signature; "oh1" and "msg" for object headers of version 1 and messages */
    size_t at, bytes;
    size_t checksum; /* where its checksum stands, inside it; 0: it has none */
    int message;     /* the type of a message; 0 for other structures */
};
struct Structures {
    int count;
    struct Structure *items;
    /* What structures_flip changes. */
    size_t *places, place_count;
};
struct Structures structures_find(const unsigned char *bytes, size_t length);
void structures_release(struct Structures *structures);
/* Changes one to three fields of structures, and then repairs the checksums. */
void structures_mutate(const struct Structures *structures, unsigned char *bytes, size_t length,
                       struct Draws *draws, const char **what);

/* Chooses the bytes whose bits structures_flip flips: all of structures, or those of messages that
 * hold types alone. structures->place_count is how many they are. */
void structures_choose(struct Structures *structures, size_t length, bool types);
/* Flips one of 8 · place_count bits, and then repairs the checksums. */
void structures_flip(const struct Structures *structures, unsigned char *bytes, size_t length,
                     size_t bit, const char **what);

#endif
