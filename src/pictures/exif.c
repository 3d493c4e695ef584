#include <string.h>

#include "pictures/formats.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TYPE_LONG 4 /* not allowed, but written by some programs */

static uint32_t number(const uint8_t *bytes, int count, bool little_endian) {
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[little_endian ? count - 1 - i : i];
    return value;
}

int exif__orientation(const uint8_t *block, size_t count) {
    if (count >= 6 && memcmp(block, "Exif\0\0", 6) == 0) {
        block += 6;
        count -= 6;
    }
    if (count < 14 || block[0] != block[1] || (block[0] != 'I' && block[0] != 'M'))
        return 1;
    bool little_endian = block[0] == 'I';
    size_t directory = number(block + 4, 4, little_endian);
    if (number(block + 2, 2, little_endian) != 42 || directory > count - 2)
        return 1;
    size_t entries = number(block + directory, 2, little_endian);
    for (size_t i = 0, at = directory + 2; i < entries && at + 12 <= count; i++, at += 12) {
        const uint8_t *entry = block + at;
        if (number(entry, 2, little_endian) != TAG_ORIENTATION)
            continue;
        uint32_t type = number(entry + 2, 2, little_endian);
        uint32_t value = number(entry + 8, type == TYPE_LONG ? 4 : 2, little_endian);
        bool is_known = (type == TYPE_SHORT || type == TYPE_LONG) && value <= 8;
        return is_known && value > 0 ? (int)value : 1;
    }
    return 1;
}
