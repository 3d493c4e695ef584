#include "base/table.h"

#include <string.h>

#include "base/error.h"

#define MOST_COLUMNS 80

struct Column {
    char side; /* l or r */
    int gap;   /* blanks before it */
    int width;
};

static int read_columns(const char *columns, struct Column list[MOST_COLUMNS]) {
    int count = 0;
    while (*columns) {
        int gap = (int)strspn(columns, " ");
        columns += gap;
        CHECK(count < MOST_COLUMNS && (*columns == 'l' || *columns == 'r'));
        list[count++] = (struct Column){.side = *columns++, .gap = gap};
    }
    return count;
}

/* The number of characters of a cell of valid UTF-8. */
static int width_of(const char *cell, size_t length) {
    int width = 0;
    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)cell[i] & 0xC0) != 0x80;
    return width;
}

/* Whether `row` has cells. */
static bool has_cells(const char *row) {
    return row[strcspn(row, "\t\n")] == '\t';
}

/* The beginning of the next row. */
static const char *after(const char *row) {
    row += strcspn(row, "\n");
    return *row ? row + 1 : row;
}

static void widen(struct Column *list, int count, const char *row) {
    if (!has_cells(row))
        return;
    for (int i = 0;; i++) {
        CHECK(i < count);
        size_t length = strcspn(row, "\t\n");
        int width = width_of(row, length);
        list[i].width = width > list[i].width ? width : list[i].width;
        row += length;
        if (*row++ != '\t')
            return;
    }
}

/* Adds a row without its end. */
static void add_row(struct Text *text, const struct Column *list, const char *row) {
    int blanks = 0; /* before the next cell */
    for (const struct Column *column = list;; column++) {
        size_t length = strcspn(row, "\t\n");
        int left = column->width - width_of(row, length);
        blanks += column->gap + (column->side == 'r' ? left : 0);
        if (length) {
            text_add(text, "%*s%.*s", blanks, "", (int)length, row);
            blanks = 0;
        }
        blanks += column->side == 'l' ? left : 0;
        row += length;
        if (*row++ != '\t')
            return;
    }
}

void table_align(struct Text *rows, const char *columns) {
    struct Column list[MOST_COLUMNS];
    int count = read_columns(columns, list);
    struct Text text = {0};
    for (const char *row = rows->data; row && *row; row = after(row))
        widen(list, count, row);
    for (const char *row = rows->data; row && *row; row = after(row)) {
        if (has_cells(row))
            add_row(&text, list, row);
        else
            text_add(&text, "%.*s", (int)strcspn(row, "\n"), row);
        text_add(&text, "\n");
    }
    text_release(rows);
    *rows = text;
}

void table_print(FILE *out, struct Text *rows, const char *columns) {
    table_align(rows, columns);
    if (rows->length)
        fputs(rows->data, out);
    text_release(rows);
}
