/* Random edits of a text, the same for the same number. */
#ifndef TESTS_SOURCES_MUTATE_H
#define TESTS_SOURCES_MUTATE_H

#include <stdint.h>
#include <string.h>

#include "base/random.h"

enum { MOST_EDITS = 4, MUTANT_ROOM = 4096 };

/* Makes up to MOST_EDITS edits: replaces a byte, by any or by one that has a meaning; removes or
 * doubles a span; cuts off the end. `text` has room for MUTANT_ROOM bytes.
 * Returns the new length. */
static inline size_t mutate(char *text, size_t length, uint64_t mutant) {
    static const char meaning[] = "\",\n\r\0 \xEF\xFF-+.eExn0";
    for (uint64_t edit = 0; edit <= mutant % MOST_EDITS; edit++) {
        struct RandomStream stream = random_stream(3, RANDOM_TEST, 0, edit, mutant);
        uint32_t words[4];
        random_block(&stream, 0, words);
        size_t at = random_below(words[0], (uint32_t)length + 1);
        size_t span = random_below(words[1], (uint32_t)(length - at) + 1);
        switch (words[2] % 5) {
        case 0:
            text[at] = meaning[words[3] % (sizeof meaning - 1)];
            length += at == length;
            break;
        case 1:
            text[at] = (char)words[3];
            length += at == length;
            break;
        case 2:
            memmove(text + at, text + at + span, length - at - span);
            length -= span;
            break;
        case 3:
            span = length + span < MUTANT_ROOM - MOST_EDITS ? span : 0;
            memmove(text + at + span, text + at, length - at);
            length += span;
            break;
        default:
            length = at;
        }
    }
    return length;
}

#endif
