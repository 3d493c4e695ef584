#include "fuzz/mutate.h"

#include <string.h>

size_t mutate_plain(unsigned char *bytes, size_t length, struct Draws *draws, const char **what) {
    size_t at = draw(draws, length), other = draw(draws, length), run = 1 + draw(draws, 64);
    switch (draw(draws, 5)) {
    case 0:
        *what = "a bit";
        bytes[at] ^= (unsigned char)(1u << draw(draws, 8));
        return length;
    case 1:
        *what = "a byte";
        bytes[at] = (unsigned char)(bytes[at] + 1 + draw(draws, 255));
        return length;
    case 2:
        *what = "a block of zeros";
        memset(bytes + at, 0, length - at < 512 ? length - at : 512);
        return length;
    case 3:
        *what = "bytes from elsewhere";
        run = run < length - at ? run : length - at;
        run = run < length - other ? run : length - other;
        memmove(bytes + at, bytes + other, run);
        return length;
    default:
        *what = "a length";
        return at;
    }
}
