/* A page of HTML that needs nothing but itself: text, tables and pictures in one file, for light
 * and dark screens, wide and narrow ones. Whatever is added as words is shown as it is, never read
 * as HTML. Not collective. */
#ifndef TRAINER_REPORT_PAGE_H
#define TRAINER_REPORT_PAGE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/* How every page begins, and files of other programs hardly do. */
#define PAGE_BEGINNING "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"

struct Page { /* start with page_start, release with page_release */
    struct Text html;
    bool in_section;
};

void page_start(struct Page *page, const char *title);
void page_release(struct Page *page);
/* Ends the page. The file appears under its name when it is whole. */
int page_write(struct Page *page, const char *path, struct Error *error);

/* A section with a heading; it ends the one before. */
void page_section(struct Page *page, const char *title);
/* A smaller heading within it. */
void page_heading(struct Page *page, const char *title);
/* A paragraph. */
void page_words(struct Page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A paragraph that stands out: something to look at. */
void page_note(struct Page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text in lines of a fixed width below `title`, which folds it away and back; `open`: it is there
 * at first. */
void page_listing(struct Page *page, const char *title, const char *text, bool open);

/* A table: its heads, then rows of as many cells. */
void page_table(struct Page *page, const char *const *heads, int count);
/* The same, of words that may take several lines. */
void page_text_table(struct Page *page, const char *const *heads, int count);
void page_row(struct Page *page);
void page_cell(struct Page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A cell whose colour says how large a share is: 0 none, 1 the full colour. */
void page_shaded_cell(struct Page *page, double share, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void page_table_end(struct Page *page);

/* The picture in the file `path`, SVG or PNG, becomes part of the page. ERROR_SYSTEM if it cannot
 * be read. */
int page_picture(struct Page *page, const char *path, const char *caption, struct Error *error);
/* The same for a small one, whose caption takes no more width than the picture. */
int page_small_picture(struct Page *page, const char *path, const char *caption,
                       struct Error *error);

#endif
