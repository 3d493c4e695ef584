#include "sources/records.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_kind.h"
#include "base/memory.h"
#include "base/read_file.h"

#define CHUNK ((size_t)1 << 18) /* bytes that are read at a time */

#define DOS_END '\x1A' /* ends text files of DOS; it is no part of the text */

/* A field in the buffer, before its quotes are removed. */
struct Span {
    size_t from, to;
    bool quoted;
};

struct Records {
    char *path;
    FILE *copy; /* a copy of what is not a regular file; or NULL */
    int fd;
    bool at_end; /* the buffer holds the rest of the file */
    struct RecordForm form;
    bool ends[256]; /* bytes that end an unquoted field; 0 marks the end of the buffer */
    char *buffer;   /* `length` bytes of the file, from byte `base` on, followed by a zero byte */
    size_t capacity, length, from; /* from: where the next record begins */
    int64_t base, line;
    size_t stopped; /* where the field begins whose end is not in the buffer */
    struct Span *spans;
    char **fields;
    int64_t count, room; /* of fields */
};

/* ---- Bytes ---- */

/* Copies what is not a regular file, such as a pipe, to a temporary file that can be read twice. */
static int open_copy(struct Records *records, struct Error *error) {
    static const char problem[] = "%s: cannot be copied, and it is not a regular file";
    char bytes[1 << 14];
    size_t got;
    FILE *from;
    int code = read_file_stream(records->path, &from, error);
    if (code)
        return code;
    records->copy = tmpfile();
    if (!records->copy)
        code = fail_errno(error, problem, records->path);
    else
        records->fd = fileno(records->copy);
    while (!code && (got = fread(bytes, 1, sizeof bytes, from)) > 0) {
        if (fwrite(bytes, 1, got, records->copy) != got)
            code = fail_errno(error, problem, records->path);
        if (memchr(bytes, 0, got))
            break; /* the reader of the copy refuses it with the line */
    }
    if (!code && ferror(from))
        code = fail_errno(error, "%s: cannot be read", records->path);
    if (!code && fflush(records->copy))
        code = fail_errno(error, problem, records->path);
    fclose(from);
    return code;
}

static int open_file(struct Records *records, struct Error *error) {
    struct stat status;
    if (stat(records->path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return open_copy(records, error);
    /* if it is a folder, reading it reports that */
    records->fd = open(records->path, O_RDONLY | O_CLOEXEC);
    return records->fd < 0 ? fail_errno(error, "%s: cannot be read", records->path) : OK;
}

static int64_t count_lines(const char *text, size_t length) {
    int64_t lines = 0;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
    return lines;
}

/* Refuses zero bytes early, so that devices and archives are not read as a whole. */
static int check_text(const struct Records *records, size_t got, struct Error *error) {
    const char *zero = memchr(records->buffer + records->length, 0, got);
    if (!zero)
        return OK;
    const char *begin = records->buffer + records->from;
    const char *kind =
        records->base == 0 ? file_kind(records->buffer, records->length + got) : NULL;
    if (kind)
        return fail(error, ERROR_DATA, "%s: %s", records->path, kind);
    const char *wide =
        records->base == 0 ? file_utf16(records->buffer, records->length + got) : NULL;
    return fail(error, ERROR_DATA, "%s:%" PRId64 ": holds a zero byte%s%s", records->path,
                records->line + count_lines(begin, (size_t)(zero - begin)),
                wide ? ": it " : "; expected text", wide ? wide : "");
}

/* Makes room after the rest of the buffer: moves the rest to the front, or enlarges the buffer. */
static int make_room(struct Records *records, struct Error *error) {
    size_t left = records->length - records->from;
    if (left > (size_t)RECORD_BYTES)
        return fail(error, ERROR_DATA,
                    "%s:%" PRId64 ": the record that begins here is longer than %" PRId64
                    " MiB; is a quote never closed?",
                    records->path, records->line, RECORD_BYTES >> 20);
    if (records->from) {
        memmove(records->buffer, records->buffer + records->from, left);
        records->base += (int64_t)records->from;
        records->from = 0;
        records->length = left;
    }
    size_t wanted = left + (left > CHUNK ? left : CHUNK) + 1;
    if (records->capacity < wanted) {
        records->buffer = memory_resize(records->buffer, records->capacity, wanted, "a table");
        records->capacity = wanted;
    }
    return OK;
}

/* Reads more of the file, as much as the buffer holds, so that a long record is scanned only a few
 * times. */
static int read_more(struct Records *records, struct Error *error) {
    int code = make_room(records, error);
    if (code != OK)
        return code;
    char *at = records->buffer + records->length;
    ssize_t got;
    do
        got = pread(records->fd, at, records->capacity - records->length - 1,
                    (off_t)(records->base + (int64_t)records->length));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail_errno(error, "%s: cannot be read", records->path);
    code = check_text(records, (size_t)got, error);
    records->at_end = got == 0;
    records->length += (size_t)got;
    while (records->at_end && records->length > records->from &&
           records->buffer[records->length - 1] == DOS_END)
        records->length--;
    records->buffer[records->length] = 0;
    return code;
}

/* ---- Fields ---- */

static void add_span(struct Records *records, struct Span span) {
    if (records->count == records->room) {
        int64_t room = 2 * records->room + 64;
        records->spans = memory_resize(records->spans, (size_t)records->room * sizeof span,
                                       (size_t)room * sizeof span, "a table");
        records->fields =
            memory_resize(records->fields, (size_t)records->room * sizeof *records->fields,
                          (size_t)room * sizeof *records->fields, "a table");
        records->room = room;
    }
    records->spans[records->count++] = span;
}

/* Returns whether the byte after `at` is known. It is needed because "\r" may be the first half of
 * a line end, and a quote the first half of a doubled one. */
static bool next_is_known(const struct Records *records, const char *at) {
    return records->at_end || at + 1 < records->buffer + records->length;
}

/* Returns the byte after the quoted text that begins at `at`; NULL: it is not in the buffer. */
static char *find_quote(const struct Records *records, char *at) {
    const char *end = records->buffer + records->length;
    for (;; at += 2) {
        at = memchr(at, '"', (size_t)(end - at));
        if (!at || !next_is_known(records, at))
            return NULL;
        if (at[1] != '"')
            return at + 1;
    }
}

/* Returns where the field that begins at `at` ends; NULL: not in the buffer. */
static char *find_end(const struct Records *records, char *at, bool *quoted) {
    *quoted = *at == '"';
    if (*quoted)
        at = find_quote(records, at + 1);
    while (at && !records->ends[(unsigned char)*at])
        at++;
    return at && next_is_known(records, at) ? at : NULL;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool ends_line(char c) {
    return c == '\n' || c == '\r' || c == 0;
}

/* Returns the byte after a line end. */
static char *step_over_end(char *at) {
    return at + (*at == 0 ? 0 : *at == '\r' && at[1] == '\n' ? 2 : 1);
}

/* Returns the byte after a separator and after blanks before a line end. */
static char *step_over(const struct Records *records, char *at) {
    if (records->form.separator)
        return at + 1;
    while (is_blank(*at))
        at++;
    return at;
}

/* Finds the fields of the record at `from`. Returns where the next record begins; 0 if the buffer
 * does not hold the whole record. */
static size_t find_fields(struct Records *records) {
    char *at = records->buffer + records->from;
    records->count = 0;
    for (;;) {
        struct Span span = {.from = (size_t)(at - records->buffer)};
        char *end = find_end(records, at, &span.quoted);
        records->stopped = span.from;
        if (!end)
            return 0;
        span.to = (size_t)(end - records->buffer);
        add_span(records, span);
        at = end;
        if (!ends_line(*end))
            at = step_over(records, end);
        if (!next_is_known(records, at))
            return 0;
        if (ends_line(*end) || (!records->form.separator && ends_line(*at)))
            return (size_t)(step_over_end(at) - records->buffer);
    }
}

/* Removes a field's quotes and terminates it in place, since it never grows. Text after a closing
 * quote belongs to the field unchanged. */
static char *cut(char *buffer, const struct Span *span) {
    char *from = buffer + span->from, *end = buffer + span->to, *to = from, *field = from;
    bool quoted = span->quoted;
    for (from += quoted; span->quoted && from < end;) {
        if (quoted && *from == '"' && from[1] != '"') {
            quoted = false;
            from++;
            continue;
        }
        from += quoted && *from == '"';
        *to++ = *from++;
    }
    *(span->quoted ? to : end) = 0;
    return field;
}

/* Skips blank lines and comments. Returns whether a record begins after them. */
static bool skip_other_lines(struct Records *records) {
    char separator = records->form.separator, comment = records->form.comment;
    for (;;) {
        char *at = records->buffer + records->from;
        while (is_blank(*at) && *at != separator)
            at++;
        if (comment && *at == comment)
            at += strcspn(at, "\r\n");
        if (!next_is_known(records, at) || *at == 0)
            return false;
        if (!ends_line(*at)) {
            if (!separator)
                records->from = (size_t)(at - records->buffer);
            return true;
        }
        records->from = (size_t)(step_over_end(at) - records->buffer);
        records->line++;
    }
}

/* Handles the end of the file, where only blanks may be left. */
static int end_file(const struct Records *records, struct Error *error) {
    const char *begin = records->buffer + records->from;
    const char *left = begin + strspn(begin, " \t");
    if (!*left || *left == records->form.comment)
        return OK;
    return fail(error, ERROR_DATA, "%s:%" PRId64 ": the quote that begins here is never closed",
                records->path,
                records->line + count_lines(begin, records->stopped - records->from));
}

int records__next(struct Records *records, struct Record *record, struct Error *error) {
    size_t next = 0;
    while (!(skip_other_lines(records) && (next = find_fields(records))) && !records->at_end) {
        int code = read_more(records, error);
        if (code != OK)
            return code;
    }
    *record =
        (struct Record){.line = records->line, .offset = records->base + (int64_t)records->from};
    if (!next)
        return end_file(records, error);
    records->line++;
    for (int64_t i = 0; i < records->count; i++) {
        const struct Span *span = &records->spans[i];
        if (span->quoted)
            records->line += count_lines(records->buffer + span->from, span->to - span->from);
        records->fields[i] = cut(records->buffer, span);
    }
    record->fields = records->fields;
    record->count = records->count;
    records->from = next;
    return OK;
}

void records__seek(struct Records *records, int64_t offset, int64_t line) {
    records->line = line;
    int64_t from = offset - records->base;
    if (from >= (int64_t)records->from && from <= (int64_t)records->length) {
        records->from = (size_t)from; /* earlier records were changed in the buffer */
        return;
    }
    records->base = offset;
    records->from = records->length = 0;
    records->buffer[0] = 0;
    records->at_end = false;
}

/* Takes the separator from Excel's first line, "sep=;", if there is one. */
static void take_separator(struct Records *records) {
    const char *at = records->buffer + records->from;
    if (strncmp(at, "sep=", 4) || !at[4] || !(at[5] == '\r' || at[5] == '\n'))
        return;
    records->form.separator = at[4];
    records->from = (size_t)(step_over_end((char *)(uintptr_t)at + 5) - records->buffer);
    records->line = 2;
}

int records__open(struct Records **out, const char *path, const struct RecordForm *form,
                  struct Error *error) {
    struct Records *records = memory_allocate(sizeof *records, "a table");
    *out = NULL;
    *records = (struct Records){.path = memory_copy_text(path), .fd = -1, .line = 1};
    records->form = *form;
    int code = open_file(records, error);
    if (code == OK)
        code = read_more(records, error);
    if (code != OK) {
        records__close(records);
        return code;
    }
    if (!strncmp(records->buffer, "\xEF\xBB\xBF", 3))
        records->from = 3;
    take_separator(records);
    char separator = records->form.separator;
    records->ends[0] = records->ends['\n'] = records->ends['\r'] = true;
    records->ends[separator ? (unsigned char)separator : ' '] = true;
    records->ends[separator ? (unsigned char)separator : '\t'] = true;
    *out = records;
    return OK;
}

char records__separator(const struct Records *records) {
    return records->form.separator;
}

void records__close(struct Records *records) {
    if (!records)
        return;
    if (records->copy)
        fclose(records->copy);
    else if (records->fd >= 0)
        close(records->fd);
    memory_release(records->buffer);
    memory_release(records->spans);
    memory_release(records->fields);
    memory_release(records->path);
    memory_release(records);
}
