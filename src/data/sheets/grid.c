#include "data/sheets/grid.h"

#include <stdio.h>

#include "data/sheets/sheet.h"

#define NARROWEST 110 /* pixels: room for about nine characters */
#define WIDEST 200    /* of what is made wider for its words */

/* The size of an item with the gap after it. */
struct Cell {
    int64_t width, height, image_height;
};

static int64_t enlargement(const struct GridItem *item) {
    return sheet__enlargement(item->image.height, item->image.width);
}

static struct Cell measure(const struct GridItem *items, int64_t count, int lines) {
    struct Cell cell = {.width = lines ? NARROWEST : 0};
    for (int64_t i = 0; i < count; i++)
        for (int k = 0; k < lines; k++) {
            int64_t words = items[i].words[k] ? sheet__text_width(items[i].words[k]) : 0;
            cell.width = words > cell.width ? words : cell.width;
        }
    cell.width = cell.width < WIDEST ? cell.width : WIDEST;
    for (int64_t i = 0; i < count; i++) {
        int64_t width = items[i].image.width * enlargement(&items[i]);
        int64_t height = items[i].image.height * enlargement(&items[i]);
        cell.width = width > cell.width ? width : cell.width;
        cell.image_height = height > cell.image_height ? height : cell.image_height;
    }
    cell.width += SHEET_GAP;
    cell.height = cell.image_height + SHEET_GAP + lines * (SHEET_TEXT_HEIGHT + SHEET_GAP);
    return cell;
}

/* Words that do not fit are cut, so that they do not run into the next item's. */
static void draw_words(struct Sheet *sheet, const char *words, int64_t left, int64_t top,
                       int64_t width) {
    char cut[SHEET_LONGEST_NAME + 1];
    size_t room = (size_t)(width / sheet__text_width("M"));
    if (room > sizeof cut - 1)
        room = sizeof cut - 1;
    snprintf(cut, room + 1, "%s", words);
    sheet__text(sheet, left, top, cut);
}

static void draw(struct Sheet *sheet, const struct GridItem *item, const struct Cell *cell,
                 int lines, int64_t left, int64_t top) {
    float range = item->white - item->black;
    struct Shade shade = {item->black, range > 0 ? 255 / range : 0};
    sheet__image(sheet, left, top, enlargement(item), &item->image, shade);
    for (int k = 0; k < lines; k++)
        if (item->words[k])
            draw_words(sheet, item->words[k], left,
                       top + cell->image_height + SHEET_GAP + k * (SHEET_TEXT_HEIGHT + SHEET_GAP),
                       cell->width - SHEET_GAP);
}

int grid_write(const struct GridItem *items, int64_t count, int64_t columns, int lines,
               const char *path, struct Error *error) {
    struct Sheet sheet;
    struct Cell cell = measure(items, count, lines);
    columns = columns < count ? columns : count;
    int64_t rows = (count + columns - 1) / columns;
    int code =
        sheet__create(&sheet, rows * cell.height + SHEET_GAP, columns * cell.width + SHEET_GAP,
                      path, "choose fewer pictures", error);
    if (code != OK)
        return code;
    for (int64_t i = 0; i < count; i++)
        draw(&sheet, &items[i], &cell, lines, SHEET_GAP + i % columns * cell.width,
             SHEET_GAP + i / columns * cell.height);
    code = sheet__write(&sheet, path, error);
    sheet__release(&sheet);
    return code;
}
