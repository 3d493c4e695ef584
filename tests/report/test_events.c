/* Event files: every record's length and checksums are right, and its message holds what was
 * written. tests/train/test_tensorboard.py reads them with TensorBoard itself. */
#include "report/events.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* after error.h: it has a macro called fail */

#include "store/scratch.h"

#include <dirent.h>

#define MOST 100000

struct File {
    uint8_t bytes[MOST];
    size_t length, at;
};
struct Span {
    const uint8_t *data;
    size_t length;
};

/* Bit by bit from the other end: the polynomial x^32 + x^28 + x^27 + … (Castagnoli) as it is
 * written on paper, on bytes whose bits are turned around. */
static uint32_t reverse(uint32_t word, int bits) {
    uint32_t turned = 0;
    for (int i = 0; i < bits; i++)
        turned |= (word >> i & 1) << (bits - 1 - i);
    return turned;
}

static uint32_t naive_crc32c(const uint8_t *data, size_t length) {
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < length; i++) {
        crc ^= reverse(data[i], 8) << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000 ? crc << 1 ^ 0x1EDC6F41 : crc << 1;
    }
    return ~reverse(crc, 32);
}

static uint64_t little(const uint8_t *data, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

static void check_crc(const uint8_t *data, size_t length, const uint8_t *stored) {
    uint32_t crc = naive_crc32c(data, length);
    uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    assert_int_equal(little(stored, 4), masked);
}

/* The next record's message; none: no data. */
static struct Span next_record(struct File *file) {
    if (file->at == file->length)
        return (struct Span){0};
    const uint8_t *head = file->bytes + file->at;
    size_t length = (size_t)little(head, 8);
    check_crc(head, 8, head + 8);
    check_crc(head + 12, length, head + 12 + length);
    file->at += 16 + length;
    assert_true(file->at <= file->length);
    return (struct Span){head + 12, length};
}

static uint64_t varint(const uint8_t **at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

/* The field `number` of a message: the bytes of its value, for numbers 4 or 8, and 8 for a varint,
 * whose value is in *integer. No data: it is not there. */
static struct Span field(struct Span message, uint64_t number, uint64_t *integer) {
    const uint8_t *at = message.data, *end = message.data + message.length;
    while (at < end) {
        uint64_t key = varint(&at), value = 0;
        struct Span found = {at, 8};
        if ((key & 7) == 0)
            value = varint(&at);
        else if ((key & 7) == 2)
            found.length = (size_t)varint(&at);
        else
            found.length = (key & 7) == 1 ? 8 : 4;
        if ((key & 7) != 0) {
            found.data = at;
            at += found.length;
        }
        assert_true(at <= end);
        if (key >> 3 != number)
            continue;
        if (integer)
            *integer = value;
        return found;
    }
    return (struct Span){0};
}

static double double_at(struct Span span, size_t index) {
    uint64_t bits = little(span.data + 8 * index, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The one value of an event's summary, which has this step and tag. */
static struct Span value_of(struct Span event, uint64_t step, const char *tag) {
    uint64_t found;
    assert_non_null(field(event, 2, &found).data);
    assert_int_equal(found, step);
    struct Span value = field(field(event, 5, NULL), 1, NULL), name = field(value, 1, NULL);
    assert_int_equal(name.length, strlen(tag));
    assert_memory_equal(name.data, tag, name.length);
    return value;
}

static void read_file(struct File *file) {
    DIR *folder = opendir(scratch_path("."));
    const char *name = NULL;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (!strncmp(entry->d_name, "events.out.tfevents.", 20))
            name = scratch_path(entry->d_name);
    closedir(folder);
    FILE *stream = fopen(name, "rb");
    assert_non_null(stream);
    *file = (struct File){0};
    file->length = fread(file->bytes, 1, MOST, stream);
    fclose(stream);
}

static void test_values(void **unused) {
    (void)unused;
    struct EventFile *events;
    struct Error error;
    struct File file;
    const double edges[] = {-1, 0, 0.5, 2}, counts[] = {3, 0, 300};
    const struct EventHistogram histogram = {3, edges, counts, -0.7, 1.9, 123.5, 456.25};
    assert_int_equal(event_file_create(&events, scratch_path("."), 40, &error), OK);
    event_file_scalar(events, 300, "step/loss", 2.5);
    event_file_histogram(events, 41, "weights", &histogram);
    event_file_png(events, 42, "filters", 5, 260, "\x89PNG", 4);
    assert_int_equal(event_file_flush(events, &error), OK);
    event_file_close(events);
    read_file(&file);
    struct Span version = field(next_record(&file), 3, NULL);
    assert_memory_equal(version.data, "brain.Event:2", version.length);
    struct Span start = next_record(&file);
    uint64_t integer;
    field(start, 2, &integer);
    assert_int_equal(integer, 41); /* forget what earlier files say from here on */
    field(field(start, 7, NULL), 1, &integer);
    assert_int_equal(integer, 1);
    struct Span scalar = field(value_of(next_record(&file), 300, "step/loss"), 2, NULL);
    float number;
    memcpy(&number, scalar.data, sizeof number);
    assert_true(scalar.length == 4 && number == 2.5f);
    struct Span histo = field(value_of(next_record(&file), 41, "weights"), 5, NULL);
    const double head[] = {-0.7, 1.9, 303, 123.5, 456.25};
    for (uint64_t i = 0; i < 5; i++)
        assert_true(double_at(field(histo, 1 + i, NULL), 0) == head[i]);
    for (size_t b = 0; b < 3; b++) {
        assert_true(double_at(field(histo, 6, NULL), b) == edges[b + 1]);
        assert_true(double_at(field(histo, 7, NULL), b) == counts[b]);
    }
    struct Span image = field(value_of(next_record(&file), 42, "filters"), 4, NULL);
    field(image, 2, &integer);
    assert_int_equal(integer, 260);
    assert_memory_equal(field(image, 4, NULL).data, "\x89PNG", 4);
    assert_null(next_record(&file).data);
}

/* A folder that is not there. */
static void test_no_folder(void **unused) {
    (void)unused;
    struct EventFile *events;
    struct Error error;
    assert_int_equal(event_file_create(&events, scratch_path("none"), 0, &error), ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "cannot be written"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
