/* A fixed bitmap font for labels in pictures: 5x7 dots, ASCII. */
#ifndef TRAINER_DATA_SHEETS_FONT_H
#define TRAINER_DATA_SHEETS_FONT_H

#include <stdint.h>

#define FONT_WIDTH 5
#define FONT_HEIGHT 7
#define FONT_ADVANCE (FONT_WIDTH + 1)

/* The seven rows of a character, top first; bit 4 is the leftmost dot. A character that is not
 * printable ASCII is a filled box. */
const uint8_t *font__rows(char character);

#endif
