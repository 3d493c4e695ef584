#include "report/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/whole_file.h"

#define READ_AT_ONCE 3072 /* a multiple of three: no padding in the middle */

/* Half transparent colours do on white and on dark paper. */
static const char style[] =
    ":root{color-scheme:light dark}\n"
    "body{margin:0 auto;padding:1rem;max-width:84rem;color:#1f2328;background:#fff;"
    "font:16px/1.5 system-ui,sans-serif}\n"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}}\n"
    "h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid #8886}"
    "h3{font-size:1rem}\n"
    "figure{display:inline-block;vertical-align:top;margin:1rem .5rem 0 0;max-width:100%}\n"
    "figcaption{opacity:.75;font-size:.9rem;max-width:34rem}img{max-width:100%;height:auto}\n"
    "img[src^='data:image/svg']{width:34rem}\n"
    ".small{width:min-content}.small img{max-width:none}\n"
    /* What is written in pictures cannot be read if they are made smaller. */
    "@media(max-width:40rem){figure{overflow-x:auto}"
    "img:not([src^='data:image/svg']){max-width:none}}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;"
    "font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.25rem .6rem;border:1px solid #8886;text-align:right;white-space:nowrap}"
    "th{white-space:normal;vertical-align:bottom}"
    "th:first-child,td:first-child,.words th,.words td{text-align:left}\n"
    ".words td+td{white-space:normal;overflow-wrap:anywhere;min-width:10rem}\n"
    "@media(max-width:40rem){.words td:first-child{white-space:normal}}\n"
    ".note{padding:.5rem .8rem;background:#fc03;border-radius:6px}\n"
    "pre{overflow-x:auto;padding:.8rem;border:1px solid #8886;border-radius:6px;"
    "font-size:.8rem}summary{cursor:pointer}\n";

static void add_escaped(struct Page *page, const char *words, bool lines) {
    char *safe = memory_copy_text(words);
    if (!lines)
        text_hide_controls(safe);
    for (const char *at = safe; *at; at++) {
        const char *name = *at == '&'   ? "&amp;"
                           : *at == '<' ? "&lt;"
                           : *at == '>' ? "&gt;"
                           : *at == '"' ? "&quot;"
                                        : NULL;
        if (name)
            text_add(&page->html, "%s", name);
        else if ((unsigned char)*at >= ' ' || *at == '\n')
            text_add(&page->html, "%c", *at);
    }
    memory_release(safe);
}

static void add_formatted(struct Page *page, const char *format, va_list arguments) {
    char *words = memory_print_list(format, arguments);
    add_escaped(page, words, false);
    memory_release(words);
}

static void add_element(struct Page *page, const char *name, const char *words) {
    text_add(&page->html, "<%s>", name);
    add_escaped(page, words, false);
    text_add(&page->html, "</%s>\n", name);
}

void page_start(struct Page *page, const char *title) {
    *page = (struct Page){0};
    text_add(&page->html,
             PAGE_BEGINNING "<meta name=\"viewport\" content=\"width=device-width\">\n");
    add_element(page, "title", title);
    text_add(&page->html, "<style>\n%s</style>\n</head>\n<body>\n", style);
    add_element(page, "h1", title);
}

void page_release(struct Page *page) {
    text_release(&page->html);
    *page = (struct Page){0};
}

void page_section(struct Page *page, const char *title) {
    if (page->in_section)
        text_add(&page->html, "</section>\n");
    text_add(&page->html, "<section>\n");
    page->in_section = true;
    add_element(page, "h2", title);
}

void page_heading(struct Page *page, const char *title) {
    add_element(page, "h3", title);
}

void page_words(struct Page *page, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_add(&page->html, "<p>");
    add_formatted(page, format, arguments);
    text_add(&page->html, "</p>\n");
    va_end(arguments);
}

void page_note(struct Page *page, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_add(&page->html, "<p class=\"note\">");
    add_formatted(page, format, arguments);
    text_add(&page->html, "</p>\n");
    va_end(arguments);
}

void page_listing(struct Page *page, const char *title, const char *text, bool open) {
    text_add(&page->html, "<details%s>", open ? " open" : "");
    add_element(page, "summary", title);
    text_add(&page->html, "<pre>");
    add_escaped(page, text, true);
    text_add(&page->html, "</pre></details>\n");
}

static void begin_table(struct Page *page, const char *class, const char *const *heads, int count) {
    text_add(&page->html, "<div class=\"wide\"><table%s>\n<tr>", class);
    for (int i = 0; i < count; i++)
        add_element(page, "th", heads[i]);
}

void page_table(struct Page *page, const char *const *heads, int count) {
    begin_table(page, "", heads, count);
}

void page_text_table(struct Page *page, const char *const *heads, int count) {
    begin_table(page, " class=\"words\"", heads, count);
}

void page_row(struct Page *page) {
    text_add(&page->html, "<tr>");
}

void page_cell(struct Page *page, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_add(&page->html, "<td>");
    add_formatted(page, format, arguments);
    va_end(arguments);
}

void page_shaded_cell(struct Page *page, double share, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_add(&page->html, "<td style=\"background:rgba(68,119,170,%.3f)\">",
             share > 0 ? share < 1 ? share : 1 : 0);
    add_formatted(page, format, arguments);
    va_end(arguments);
}

void page_table_end(struct Page *page) {
    text_add(&page->html, "</table></div>\n");
}

static void add_base64(struct Text *text, const uint8_t *bytes, size_t count) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        text_add(text, "%c%c%c%c", digits[three >> 18], digits[three >> 12 & 63],
                 left > 1 ? digits[three >> 6 & 63] : '=', left > 2 ? digits[three & 63] : '=');
    }
}

static int embed(struct Page *page, FILE *file, const char *path, struct Error *error) {
    uint8_t bytes[READ_AT_ONCE];
    size_t count;
    while ((count = fread(bytes, 1, sizeof bytes, file)) > 0)
        add_base64(&page->html, bytes, count);
    return ferror(file) ? fail_errno(error, "%s: cannot be read", path) : OK;
}

static int add_picture(struct Page *page, const char *path, const char *caption, const char *figure,
                       struct Error *error) {
    FILE *file = fopen(path, "re");
    if (!file)
        return fail_errno(error, "%s: cannot be read", path);
    text_add(&page->html, "%s<img alt=\"", figure);
    add_escaped(page, caption, false);
    text_add(&page->html, "\" src=\"data:image/%s;base64,",
             text_ends_with(path, ".svg") ? "svg+xml" : "png");
    int code = embed(page, file, path, error);
    fclose(file);
    text_add(&page->html, "\">");
    add_element(page, "figcaption", caption);
    text_add(&page->html, "</figure>\n");
    return code;
}

int page_picture(struct Page *page, const char *path, const char *caption, struct Error *error) {
    return add_picture(page, path, caption, "<figure>", error);
}

int page_small_picture(struct Page *page, const char *path, const char *caption,
                       struct Error *error) {
    return add_picture(page, path, caption, "<figure class=\"small\">", error);
}

int page_write(struct Page *page, const char *path, struct Error *error) {
    struct WholeFile file;
    text_add(&page->html, "%s</body>\n</html>\n", page->in_section ? "</section>\n" : "");
    int code = whole_file_open(&file, path, error);
    if (code == OK) {
        fwrite(page->html.data, 1, page->html.length, file.stream);
        code = whole_file_publish(&file, error);
    }
    whole_file_close(&file);
    return code;
}
