#include "data/sheets/grid.h"

#include "data/sheets/sheet.h"

/* The size of an item with the gap after it. */
struct Cell {
    int64_t width, height;
};

static int64_t enlargement(const struct GridItem *item) {
    return sheet__enlargement(item->image.height, item->image.width);
}

static struct Cell measure(const struct GridItem *items, int64_t count) {
    struct Cell cell = {0};
    for (int64_t i = 0; i < count; i++) {
        int64_t width = items[i].image.width * enlargement(&items[i]);
        int64_t height = items[i].image.height * enlargement(&items[i]);
        cell.width = width > cell.width ? width : cell.width;
        cell.height = height > cell.height ? height : cell.height;
    }
    return (struct Cell){cell.width + SHEET_GAP, cell.height + SHEET_GAP};
}

static void draw(struct Sheet *sheet, const struct GridItem *item, int64_t left, int64_t top) {
    float range = item->white - item->black;
    struct Shade shade = {item->black, range > 0 ? 255 / range : 0};
    sheet__image(sheet, left, top, enlargement(item), &item->image, shade);
}

int grid_write(const struct GridItem *items, int64_t count, int64_t columns, const char *path,
               struct Error *error) {
    struct Sheet sheet;
    struct Cell cell = measure(items, count);
    columns = columns < count ? columns : count;
    int64_t rows = (count + columns - 1) / columns;
    int code =
        sheet__create(&sheet, rows * cell.height + SHEET_GAP, columns * cell.width + SHEET_GAP,
                      path, "choose fewer pictures", error);
    if (code != OK)
        return code;
    for (int64_t i = 0; i < count; i++)
        draw(&sheet, &items[i], SHEET_GAP + i % columns * cell.width,
             SHEET_GAP + i / columns * cell.height);
    code = sheet__write(&sheet, path, error);
    sheet__release(&sheet);
    return code;
}
