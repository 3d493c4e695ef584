/* To write protobuf's encoding takes no more than tags, variable-length integers and fixed numbers
 * in little-endian order; a library would bring a code generator into the build for
 * that. The numbers of the fields are those of tensorflow/core/util/event.proto and
 * tensorflow/core/framework/summary.proto. */
#include "report/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/process.h"

struct EventFile {
    char *path;
    FILE *stream;
    int failed; /* the first failure's errno; 0: none */
};

/* ---- Messages ---- */

struct Bytes {
    uint8_t *data;
    size_t length, capacity;
};

static void append(struct Bytes *bytes, const void *data, size_t length) {
    if (bytes->length + length > bytes->capacity) {
        size_t capacity = 2 * (bytes->length + length);
        bytes->data = memory_resize(bytes->data, bytes->length, capacity, "an event");
        bytes->capacity = capacity;
    }
    if (length)
        memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void append_little(struct Bytes *bytes, uint64_t value, int width) {
    uint8_t little[8];
    for (int i = 0; i < width; i++)
        little[i] = (uint8_t)(value >> (8 * i));
    append(bytes, little, (size_t)width);
}

static void append_varint(struct Bytes *bytes, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        append(bytes, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
    append(bytes, &(uint8_t){(uint8_t)value}, 1);
}

enum Wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

static void put_key(struct Bytes *message, int field, enum Wire wire) {
    append_varint(message, (uint64_t)field << 3 | wire);
}

static void put_integer(struct Bytes *message, int field, int64_t value) {
    put_key(message, field, WIRE_VARINT);
    append_varint(message, (uint64_t)value);
}

static void append_double(struct Bytes *bytes, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    append_little(bytes, bits, 8);
}

static void put_double(struct Bytes *message, int field, double value) {
    put_key(message, field, WIRE_64);
    append_double(message, value);
}

static void put_float(struct Bytes *message, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(message, field, WIRE_32);
    append_little(message, bits, 4);
}

static void put_bytes(struct Bytes *message, int field, const void *data, size_t length) {
    put_key(message, field, WIRE_BYTES);
    append_varint(message, length);
    append(message, data, length);
}

static void put_text(struct Bytes *message, int field, const char *text) {
    put_bytes(message, field, text, strlen(text));
}

/* Puts the inner message, and releases it. */
static void put_message(struct Bytes *message, int field, struct Bytes *inner) {
    put_bytes(message, field, inner->data, inner->length);
    memory_release(inner->data);
}

/* ---- Records ---- */

/* CRC-32C (Castagnoli), bit by bit: events are few and small. */
static uint32_t crc32c(const uint8_t *data, size_t length) {
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1));
    }
    return ~crc;
}

/* As records store it, so that the checksum of data with checksums in it stays a good one. */
static uint32_t masked_crc(const uint8_t *data, size_t length) {
    uint32_t crc = crc32c(data, length);
    return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

/* Length, its checksum, the message, its checksum; releases the message. */
static void write_record(struct EventFile *file, struct Bytes *message) {
    struct Bytes record = {0};
    append_little(&record, message->length, 8);
    append_little(&record, masked_crc(record.data, 8), 4);
    append(&record, message->data, message->length);
    append_little(&record, masked_crc(message->data, message->length), 4);
    if (!file->failed && fwrite(record.data, 1, record.length, file->stream) != record.length)
        file->failed = errno ? errno : EIO;
    memory_release(record.data);
    memory_release(message->data);
}

static struct Bytes begin_event(int64_t step) {
    struct Bytes event = {0};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    put_double(&event, 1, (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
    put_integer(&event, 2, step);
    return event;
}

/* An event whose summary holds the one value, which is released. */
static void write_value(struct EventFile *file, int64_t step, struct Bytes *value) {
    struct Bytes event = begin_event(step), summary = {0};
    put_message(&summary, 1, value);
    put_message(&event, 5, &summary);
    write_record(file, &event);
}

static void write_head(struct EventFile *file, int64_t step) {
    struct Bytes version = begin_event(0);
    put_text(&version, 3, "brain.Event:2");
    write_record(file, &version);
    if (step == 0)
        return;
    struct Bytes start = begin_event(step + 1), session = {0};
    put_integer(&session, 1, 1); /* SessionLog.START: forget these steps and later ones */
    put_message(&start, 7, &session);
    write_record(file, &start);
}

/* ---- Files ---- */

int event_file_create(struct EventFile **made, const char *folder, int64_t step,
                      struct Error *error) {
    char host[128];
    process_own_host(host, sizeof host);
    char *path = memory_print("%s/events.out.tfevents.%010" PRId64 ".%s.%d", folder,
                              (int64_t)time(NULL), host, (int)getpid());
    FILE *stream = fopen(path, "wxe");
    if (!stream) {
        int code = fail_errno(error, "%s: cannot be written", path);
        memory_release(path);
        return code;
    }
    struct EventFile *file = memory_array(struct EventFile, 1, "an event file");
    *file = (struct EventFile){.path = path, .stream = stream};
    write_head(file, step);
    *made = file;
    return event_file_flush(file, error);
}

void event_file_close(struct EventFile *file) {
    if (!file)
        return;
    fclose(file->stream);
    memory_release(file->path);
    memory_release(file);
}

int event_file_flush(struct EventFile *file, struct Error *error) {
    if (!file->failed && fflush(file->stream))
        file->failed = errno;
    if (!file->failed)
        return OK;
    errno = file->failed;
    return fail_errno(error, "%s: cannot be written", file->path);
}

/* ---- Values ---- */

void event_file_scalar(struct EventFile *file, int64_t step, const char *tag, double value) {
    struct Bytes message = {0};
    put_text(&message, 1, tag);
    put_float(&message, 2, (float)value);
    write_value(file, step, &message);
}

static void put_doubles(struct Bytes *message, int field, int count, const double *values) {
    put_key(message, field, WIRE_BYTES);
    append_varint(message, (uint64_t)count * sizeof(double));
    for (int i = 0; i < count; i++)
        append_double(message, values[i]);
}

/* A bucket ends at its limit; the first begins at the least value. */
void event_file_histogram(struct EventFile *file, int64_t step, const char *tag,
                          const struct EventHistogram *histogram) {
    struct Bytes message = {0}, histo = {0};
    double count = 0;
    for (int b = 0; b < histogram->bins; b++)
        count += histogram->counts[b];
    put_double(&histo, 1, histogram->least);
    put_double(&histo, 2, histogram->most);
    put_double(&histo, 3, count);
    put_double(&histo, 4, histogram->sum);
    put_double(&histo, 5, histogram->sum_of_squares);
    put_doubles(&histo, 6, histogram->bins, histogram->edges + 1);
    put_doubles(&histo, 7, histogram->bins, histogram->counts);
    put_text(&message, 1, tag);
    put_message(&message, 5, &histo);
    write_value(file, step, &message);
}

void event_file_png(struct EventFile *file, int64_t step, const char *tag, int64_t height,
                    int64_t width, const void *png, size_t bytes) {
    struct Bytes message = {0}, image = {0};
    put_integer(&image, 1, height);
    put_integer(&image, 2, width);
    put_integer(&image, 3, 3);
    put_bytes(&image, 4, png, bytes);
    put_text(&message, 1, tag);
    put_message(&message, 4, &image);
    write_value(file, step, &message);
}
