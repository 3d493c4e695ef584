/* The only allocator. If memory runs out, memory_failed() (base/error.h) ends the process. A caller
 * that reads a size from a file first checks it with memory_can_hold(). */
#ifndef TRAINER_BASE_MEMORY_H
#define TRAINER_BASE_MEMORY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_ALIGNMENT 64 /* bytes: a cache line, an AVX-512 register */
/* The next multiple of MEMORY_ALIGNMENT. */
static inline size_t memory_round_up(size_t bytes) {
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

/* Returns zeroed memory, aligned to MEMORY_ALIGNMENT, in huge pages if the block is large. For 0
 * bytes the pointer is valid, too. `purpose` is for the message of a failure: "activations".
 * Release with memory_release. */
void *memory_allocate(size_t bytes, const char *purpose);
/* Moves the contents of `old` (which may be NULL) to a new block, releases `old`, and returns the
 * new block, whose additional bytes are 0. */
void *memory_resize(void *old, size_t old_bytes, size_t new_bytes, const char *purpose);
void memory_release(void *pointer); /* NULL is allowed */
/* Gives back to the system what was released and the allocator kept for later. */
void memory_trim(void);
/* A zeroed array of `count` elements: `double *sums = memory_array(double, n, "sums");` */
#define memory_array(type, count, purpose)                                                         \
    ((type *)memory_allocate_array((count), sizeof(type), (purpose)))
/* Makes room for one more element in an array that holds `count`, and returns its new address:
 * `list->items = memory_room(list->items, list->count, "names");` The capacity is the next power of
 * two, so the array must have begun as NULL and have grown only by this macro. New elements are
 * 0. */
#define memory_room(items, count, purpose)                                                         \
    memory_room_for_one((items), (count), sizeof *(items), (purpose))
/* A copy of `count` elements at `values`; NULL if `values` is NULL. */
#define memory_copy_array(values, count, purpose)                                                  \
    memory_copy_elements((values), (count), sizeof *(values), (purpose))
/* The functions that the three macros call. A negative count or one that overflows is a bug. */
void *memory_allocate_array(int64_t count, size_t element, const char *purpose);
void *memory_room_for_one(void *items, int64_t count, size_t element, const char *purpose);
void *memory_copy_elements(const void *values, int64_t count, size_t element, const char *purpose);
/* A copy of `bytes` bytes at `data`, which may be NULL if `bytes` is 0. */
void *memory_copy(const void *data, size_t bytes, const char *purpose);
/* A copy of a text, a copy of its first `length` bytes, and a formatted text. All are
 * NUL-terminated. */
char *memory_copy_text(const char *text);
char *memory_copy_span(const char *text, size_t length);
char *memory_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *memory_print_list(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

/* Releases an array of `count` texts and each text in it. The array and the texts may be NULL. */
void memory_release_texts(char **texts, int64_t count);

/* True if `bytes` is below the machine's physical memory. */
bool memory_can_hold(uint64_t bytes);
/* Words for a size that memory cannot hold: "takes 24.0 GiB, and this machine has 15.6 GiB of
 * memory". A negative `bytes` stands for a size beyond 64 bits. Writes to `buffer` and returns
 * it. */
#define MEMORY_WORDS 100
char *memory_too_large(int64_t bytes, char buffer[MEMORY_WORDS]);

/* The bytes of memory that this process may use: the machine's memory, or the limit of the control
 * group or of the process (ulimit) if that is less. */
int64_t memory_granted(void);

/* The product of `count` sizes; −1 if it overflows int64_t or a size is negative. */
int64_t memory_product(const int64_t *sizes, int count);

/* Narrows a count for BLAS, MPI and oneDNN, whose counts are int. A value that does not fit is a
 * bug. */
int narrow_int(int64_t value);

#endif
