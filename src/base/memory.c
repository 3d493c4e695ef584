#include "base/memory.h"

#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

#define HUGE_PAGE ((size_t)2 << 20)

void *memory_allocate(size_t bytes, const char *purpose) {
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : MEMORY_ALIGNMENT;
    if (bytes > SIZE_MAX - alignment)
        memory_failed(bytes, purpose);
    size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    if (rounded == 0)
        rounded = alignment;
    void *pointer = aligned_alloc(alignment, rounded);
    if (!pointer)
        memory_failed(bytes, purpose);
    if (alignment == HUGE_PAGE)
        madvise(pointer, rounded, MADV_HUGEPAGE); /* if this fails, memory is only slower */
    memset(pointer, 0, rounded);
    return pointer;
}

void *memory_resize(void *old, size_t old_bytes, size_t new_bytes, const char *purpose) {
    void *pointer = memory_allocate(new_bytes, purpose);
    if (old)
        memcpy(pointer, old, old_bytes < new_bytes ? old_bytes : new_bytes);
    memory_release(old);
    return pointer;
}

void memory_release(void *pointer) {
    free(pointer);
}

void memory_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

char *memory_copy_span(const char *text, size_t length) {
    char *copy = memory_allocate(length + 1, "a string");
    memcpy(copy, text, length);
    return copy;
}

void *memory_copy(const void *data, size_t bytes, const char *purpose) {
    void *copy = memory_allocate(bytes, purpose);
    if (bytes)
        memcpy(copy, data, bytes);
    return copy;
}

static size_t bytes_of(int64_t count, size_t element) {
    size_t bytes;
    CHECK(count >= 0 && !__builtin_mul_overflow((size_t)count, element, &bytes));
    return bytes;
}

void *memory_allocate_array(int64_t count, size_t element, const char *purpose) {
    return memory_allocate(bytes_of(count, element), purpose);
}

void *memory_room_for_one(void *items, int64_t count, size_t element, const char *purpose) {
    CHECK(count >= 0 && count < INT64_MAX / 2);
    if (count & (count - 1))
        return items;
    return memory_resize(items, bytes_of(count, element), bytes_of(count ? 2 * count : 1, element),
                         purpose);
}

void *memory_copy_elements(const void *values, int64_t count, size_t element, const char *purpose) {
    return values ? memory_copy(values, bytes_of(count, element), purpose) : NULL;
}

char *memory_copy_text(const char *text) {
    return memory_copy_span(text, strlen(text));
}

char *memory_print_list(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    CHECK(length >= 0);
    char *text = memory_allocate((size_t)length + 1, "a string");
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return text;
}

char *memory_print(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = memory_print_list(format, arguments);
    va_end(arguments);
    return text;
}

void memory_release_texts(char **texts, int64_t count) {
    for (int64_t i = 0; texts && i < count; i++)
        memory_release(texts[i]);
    memory_release(texts);
}

static uint64_t physical_memory(void) {
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool memory_can_hold(uint64_t bytes) {
    return bytes < physical_memory();
}

char *memory_too_large(int64_t bytes, char buffer[MEMORY_WORDS]) {
    char takes[32], has[32];
    snprintf(buffer, MEMORY_WORDS, "takes %s, and this machine has %s of memory",
             bytes < 0 ? "more than any memory" : text_bytes((double)bytes, takes),
             text_bytes((double)physical_memory(), has));
    return buffer;
}

int64_t memory_product(const int64_t *sizes, int count) {
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        if (sizes[i] < 0 || __builtin_mul_overflow(product, sizes[i], &product))
            return -1;
    return product;
}

int narrow_int(int64_t value) {
    CHECK(value >= INT_MIN && value <= INT_MAX);
    return (int)value;
}
