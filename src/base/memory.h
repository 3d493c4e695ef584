/* The only allocator. If memory runs out, the process ends by memory_failed() (base/error.h); a
 * caller that takes sizes from a file checks them with memory_can_hold() first. */
#ifndef TRAINER_BASE_MEMORY_H
#define TRAINER_BASE_MEMORY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_ALIGNMENT 64 /* bytes: a cache line, an AVX-512 register */
/* The next multiple of it. */
static inline size_t memory_round_up(size_t bytes) {
    return (bytes + MEMORY_ALIGNMENT - 1) / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
}

/* Zeroed memory, aligned to MEMORY_ALIGNMENT; large blocks ask for huge pages. Zero bytes give a
 * valid pointer. `purpose` is for the message, e.g. "activations". Release with memory_release. */
void *memory_allocate(size_t bytes, const char *purpose);
/* Moves `old` (NULL: nothing) to a new block; what is added is zeroed. */
void *memory_resize(void *old, size_t old_bytes, size_t new_bytes, const char *purpose);
void memory_release(void *pointer); /* NULL is allowed */
/* Zeroed room for `count` elements of a type: `double *sums = memory_array(double, n, "sums");` */
#define memory_array(type, count, purpose)                                                         \
    ((type *)memory_allocate_array((count), sizeof(type), (purpose)))
/* Makes room for one more element in an array that holds `count`, and returns its new address:
 * `list->items = memory_room(list->items, list->count, "names");`
 * The room is for the next power of two, so only an array that began as NULL and grew by this alone
 * can be passed. New room is zeroed. */
#define memory_room(items, count, purpose)                                                         \
    memory_room_for_one((items), (count), sizeof *(items), (purpose))
/* A copy of `count` elements at `values`; NULL if `values` is NULL. */
#define memory_copy_array(values, count, purpose)                                                  \
    memory_copy_elements((values), (count), sizeof *(values), (purpose))
/* What the three macros call. A negative or overflowing count is a bug. */
void *memory_allocate_array(int64_t count, size_t element, const char *purpose);
void *memory_room_for_one(void *items, int64_t count, size_t element, const char *purpose);
void *memory_copy_elements(const void *values, int64_t count, size_t element, const char *purpose);
/* A copy of `bytes` bytes at `data`, which may be NULL if they are 0. */
void *memory_copy(const void *data, size_t bytes, const char *purpose);
/* Copies of a text, of its first `length` bytes,
 * and what printf would print; all NUL-terminated. */
char *memory_copy_text(const char *text);
char *memory_copy_span(const char *text, size_t length);
char *memory_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *memory_print_list(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

/* Releases an array of texts, and each of them; NULL is allowed for either. */
void memory_release_texts(char **texts, int64_t count);

/* True if `bytes` is below the machine's physical memory. */
bool memory_can_hold(uint64_t bytes);
/* What to say of bytes that it cannot hold: "takes 24.0 GiB, and this machine has 15.6 GiB of
 * memory"; a negative number is beyond 64 bits. Into `buffer`, which is returned. */
#define MEMORY_WORDS 100
char *memory_too_large(int64_t bytes, char buffer[MEMORY_WORDS]);

/* Bytes that the processes of this computer may use: its memory, or what the control group or the
 * limits of this process (ulimit) leave of it. */
int64_t memory_granted(void);

/* The product of `count` sizes; −1 if it overflows int64_t or a size is negative. */
int64_t memory_product(const int64_t *sizes, int count);

/* Checked narrowing, for BLAS, MPI and oneDNN, whose counts are int. A value that does not fit is a
 * bug. */
int narrow_int(int64_t value);

#endif
