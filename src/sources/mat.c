/* Source: "MAT-File Format" by MathWorks, level 5. A file is a sequence of elements: a tag of 8
 * bytes (type and number of bytes) and data, padded to 8 bytes. A matrix is an element that
 * consists of elements: flags, dimensions, name, values. A compressed element is a matrix packed by
 * zlib. Numbers may be stored in a smaller type than the matrix has. The library matio is not used,
 * because it has had many memory errors on damaged files and reads far more than data sets need. */
#include "sources/mat.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "base/text.h"

#define HEAD 128
#define BLOCK 65536
#define MOST_ARRAYS 200
#define MOST_NAME 256
#define MOST_FIELDS 65536 /* bytes of the names of all members of a structure */
#define MOST_DEPTH 16

enum { ITEM_INT8 = 1, ITEM_INT32 = 5, ITEM_UINT32 = 6, ITEM_MATRIX = 14, ITEM_PACKED = 15 };
enum {
    CLASS_CELLS = 1,
    CLASS_STRUCTURE = 2,
    CLASS_TEXT = 4,
    CLASS_SPARSE = 5,
    CLASS_FIRST_NUMBER = 6,
    CLASS_LAST_NUMBER = 15
};
#define FLAG_COMPLEX 0x800

struct MatArray {
    struct Array array; /* its `bytes` are NULL */
    int64_t element;    /* byte of the file where its element begins, with the tag */
    int64_t place;      /* where its values begin: bytes after that tag, in the unpacked element */
    const char *holds;  /* what it holds instead of real numbers; NULL: real numbers */
};

struct Mat {
    char *path;
    int file;
    int64_t bytes;
    bool swapped;
    struct MatArray arrays[MOST_ARRAYS];
    int count;
};

/* The content of one element of the file. */
struct Stream {
    const struct Mat *mat;
    struct Mat *found; /* the list to which arrays are added; NULL: an array is being read */
    int64_t element;
    int64_t at, end; /* bytes of the file */
    int64_t place;   /* unpacked bytes that were read so far */
    bool packed;
    z_stream zlib;
    uint8_t block[BLOCK];
};

struct Item {
    uint32_t type;
    int64_t bytes;
    bool is_small; /* its data are in the tag */
    uint8_t small[4];
};

static int damaged(const struct Stream *stream, struct Error *error) {
    return fail(error, ERROR_DATA, "%s: damaged MATLAB file, in the element at byte %" PRId64,
                stream->mat->path, stream->element);
}

static int fetch(struct Stream *stream, void *bytes, int64_t count, struct Error *error) {
    if (count > stream->end - stream->at)
        return damaged(stream, error);
    int64_t got = read_file_part(stream->mat->file, bytes, (uint64_t)count, (uint64_t)stream->at);
    if (got < 0)
        return fail_errno(error, "%s: cannot read", stream->mat->path);
    stream->at += got;
    return got < count ? damaged(stream, error) : OK;
}

static int unpack(struct Stream *stream, uint8_t *bytes, int64_t count, struct Error *error) {
    z_stream *zlib = &stream->zlib;
    while (count > 0) {
        if (zlib->avail_in == 0) {
            int64_t left = stream->end - stream->at, part = left < BLOCK ? left : BLOCK;
            int code = part ? fetch(stream, stream->block, part, error) : damaged(stream, error);
            if (code != OK)
                return code;
            zlib->next_in = stream->block;
            zlib->avail_in = (uInt)part;
        }
        int64_t room = count < BLOCK ? count : BLOCK;
        zlib->next_out = bytes;
        zlib->avail_out = (uInt)room;
        int said = inflate(zlib, Z_NO_FLUSH);
        int64_t made = room - zlib->avail_out;
        bytes += made;
        count -= made;
        if (said != Z_OK && (said != Z_STREAM_END || count > 0))
            return damaged(stream, error);
    }
    return OK;
}

static int take(struct Stream *stream, void *bytes, int64_t count, struct Error *error) {
    stream->place += count;
    return stream->packed ? unpack(stream, bytes, count, error)
                          : fetch(stream, bytes, count, error);
}

static int skip(struct Stream *stream, int64_t count, struct Error *error) {
    uint8_t unused[4096];
    int code = OK;
    if (count < 0 || (!stream->packed && count > stream->end - stream->at))
        return damaged(stream, error);
    if (!stream->packed) {
        stream->at += count;
        stream->place += count;
        return OK;
    }
    for (int64_t part; count > 0 && code == OK; count -= part) {
        part = count < (int64_t)sizeof unused ? count : (int64_t)sizeof unused;
        code = take(stream, unused, part, error);
    }
    return code;
}

static uint32_t word(const struct Mat *mat, const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return mat->swapped ? __builtin_bswap32(value) : value;
}

static int take_tag(struct Stream *stream, struct Item *item, struct Error *error) {
    uint8_t tag[8];
    int code = take(stream, tag, 8, error);
    if (code != OK)
        return code;
    item->type = word(stream->mat, tag);
    item->bytes = word(stream->mat, tag + 4);
    item->is_small = item->type >> 16 != 0;
    if (!item->is_small)
        return OK;
    item->bytes = item->type >> 16;
    item->type &= 0xFFFF;
    memcpy(item->small, tag + 4, 4);
    return item->bytes > 4 ? damaged(stream, error) : OK;
}

/* Reads an item of a type, of at most `most` bytes, into `bytes`. Sets *count to its bytes. */
static int take_item(struct Stream *stream, uint32_t type, void *bytes, int64_t most,
                     int64_t *count, struct Error *error) {
    struct Item item = {0};
    int code = take_tag(stream, &item, error);
    *count = 0;
    if (code == OK && (item.type != type || item.bytes > most))
        code = damaged(stream, error);
    if (code != OK)
        return code;
    *count = item.bytes;
    if (item.is_small) {
        memcpy(bytes, item.small, (size_t)item.bytes);
        return OK;
    }
    code = take(stream, bytes, item.bytes, error);
    return code == OK ? skip(stream, -item.bytes & 7, error) : code;
}

/* Sets how numbers of a type are stored. Returns false if it is no type of numbers. */
static bool number_type(uint32_t type, struct Array *array) {
    static const struct {
        enum NumberKind kind;
        int64_t element;
    } types[] = {{0, 0},
                 {NUMBER_SIGNED, 1},
                 {NUMBER_UNSIGNED, 1},
                 {NUMBER_SIGNED, 2},
                 {NUMBER_UNSIGNED, 2},
                 {NUMBER_SIGNED, 4},
                 {NUMBER_UNSIGNED, 4},
                 {NUMBER_FLOAT, 4},
                 {0, 0},
                 {NUMBER_FLOAT, 8},
                 {0, 0},
                 {0, 0},
                 {NUMBER_SIGNED, 8},
                 {NUMBER_UNSIGNED, 8}};
    if (type >= sizeof types / sizeof *types || !types[type].element)
        return false;
    array->kind = types[type].kind;
    array->element = types[type].element;
    return true;
}

static int note(struct Stream *stream, const struct MatArray *array, struct Error *error) {
    struct Mat *mat = stream->found;
    if (mat->count == MOST_ARRAYS)
        return fail(error, ERROR_DATA, "%s: holds more than %d arrays", mat->path, MOST_ARRAYS);
    mat->arrays[mat->count++] = *array;
    return OK;
}

/* Records where the values of a matrix begin, which come next. */
static int note_numbers(struct Stream *stream, struct Array *array, struct Error *error) {
    struct Item item = {0};
    int code = take_tag(stream, &item, error);
    if (code == OK && !number_type(item.type, array))
        code = damaged(stream, error);
    if (code == OK)
        code = array__lay_out(array, true, error);
    if (code == OK && array__bytes(array) != item.bytes)
        code = damaged(stream, error);
    int64_t back = item.is_small ? (int64_t)sizeof item.small : 0;
    const struct MatArray found = {*array, stream->element, stream->place - back, NULL};
    return code == OK ? note(stream, &found, error) : code;
}

/* Returns what a matrix holds that has no real numbers, and how MATLAB converts it to numbers. */
static const char *other_content(uint32_t class, bool is_complex) {
    return class == CLASS_CELLS || class == CLASS_TEXT
               ? "texts or cells, which double(categorical(...)) in MATLAB converts to numbers"
           : class == CLASS_SPARSE
               ? "a sparse matrix, which full(...) in MATLAB converts to a full one"
           : is_complex ? "complex numbers, which abs(...) in MATLAB converts to real ones"
                        : NULL;
}

static int note_array(struct Stream *stream, const char *name, struct Array *array,
                      const char *holds, struct Error *error) {
    array->name = memory_print("%s:%s", stream->mat->path, name);
    array->swapped = stream->mat->swapped;
    array->element = 1;
    const struct MatArray other = {*array, stream->element, 0, holds};
    int code = holds ? note(stream, &other, error) : note_numbers(stream, array, error);
    if (code != OK)
        memory_release(array->name);
    return code;
}

static int list_matrix(struct Stream *stream, const char *outer, int depth, struct Error *error);

/* Lists the members of a single structure: names of one length, then the matrices. */
static int list_members(struct Stream *stream, const char *outer, int depth, struct Error *error) {
    uint8_t width_bytes[4];
    int64_t count = 0, total = 0;
    int code = take_item(stream, ITEM_INT32, width_bytes, 4, &count, error);
    int64_t width = code == OK && count == 4 ? word(stream->mat, width_bytes) : 0;
    if (code == OK && (width < 1 || width > MOST_NAME))
        code = damaged(stream, error);
    if (code != OK)
        return code;
    char *names = memory_array(char, MOST_FIELDS, "names of members");
    code = take_item(stream, ITEM_INT8, names, MOST_FIELDS, &total, error);
    for (int64_t i = 0; i < total / width && code == OK; i++) {
        char *name =
            memory_print("%s%s%.*s", outer, *outer ? "." : "", (int)width, names + i * width);
        code = list_matrix(stream, name, depth + 1, error);
        memory_release(name);
    }
    memory_release(names);
    return code;
}

static int take_sizes(struct Stream *stream, struct Array *array, struct Error *error) {
    uint8_t sizes[4 * ARRAY_RANK];
    int64_t count;
    int code = take_item(stream, ITEM_INT32, sizes, sizeof sizes, &count, error);
    array->rank = (int)(count / 4);
    for (int i = 0; i < array->rank; i++)
        array->size[i] = (int32_t)word(stream->mat, sizes + (size_t)4 * (size_t)i);
    return code;
}

/* Lists the content of a matrix after its tag. */
static int list_content(struct Stream *stream, const char *outer, int depth, struct Error *error) {
    uint8_t flags[8] = {0};
    char name[MOST_NAME + 1] = {0};
    int64_t count;
    struct Array array = {.file = -1};
    int code = take_item(stream, ITEM_UINT32, flags, sizeof flags, &count, error);
    uint32_t class = word(stream->mat, flags) & 0xFF;
    bool is_complex = (word(stream->mat, flags) & FLAG_COMPLEX) != 0;
    bool is_number = class >= CLASS_FIRST_NUMBER && class <= CLASS_LAST_NUMBER;
    const char *holds = other_content(class, is_complex);
    if (code != OK || (!is_number && !holds && class != CLASS_STRUCTURE))
        return code;
    code = take_sizes(stream, &array, error);
    if (code == OK)
        code = take_item(stream, ITEM_INT8, name, MOST_NAME, &count, error);
    int64_t elements = memory_product(array.size, array.rank);
    const char *called = depth ? outer : name;
    if (code != OK || elements < 1)
        return code;
    if (is_number || holds)
        return note_array(stream, called, &array, holds, error);
    return elements == 1 && depth < MOST_DEPTH ? list_members(stream, called, depth, error) : OK;
}

static int list_matrix(struct Stream *stream, const char *outer, int depth, struct Error *error) {
    struct Item item = {0};
    int code = take_tag(stream, &item, error);
    int64_t end = stream->place + item.bytes;
    if (code == OK && (item.type != ITEM_MATRIX || item.is_small))
        code = damaged(stream, error);
    if (code == OK && item.bytes > 0)
        code = list_content(stream, outer, depth, error);
    return code == OK ? skip(stream, end - stream->place, error) : code;
}

/* Begins to read the element at byte `element`. Sets *next to where the next one begins. */
static int begin(struct Stream *stream, const struct Mat *mat, int64_t element, int64_t *next,
                 struct Error *error) {
    struct Item item = {0};
    *stream = (struct Stream){.mat = mat, .element = element, .at = element, .end = mat->bytes};
    int code = take_tag(stream, &item, error);
    if (code != OK)
        return code;
    if (item.is_small || item.bytes > stream->end - stream->at)
        return damaged(stream, error);
    stream->packed = item.type == ITEM_PACKED;
    *next = stream->at + item.bytes;
    if (!stream->packed)
        stream->at = element; /* a matrix begins with its tag */
    stream->end = *next;
    stream->place = 0;
    if (stream->packed && inflateInit(&stream->zlib) != Z_OK)
        return fail(error, ERROR_SYSTEM, "%s: zlib cannot begin", mat->path);
    if (!stream->packed && item.type != ITEM_MATRIX)
        stream->at = stream->end; /* an element of no use here */
    return OK;
}

static void finish(struct Stream *stream) {
    if (stream->packed)
        inflateEnd(&stream->zlib);
}

static int list(struct Mat *mat, struct Error *error) {
    struct Stream *stream = memory_allocate(sizeof *stream, "a MATLAB file");
    int64_t at = HEAD, next = 0;
    int code = OK;
    while (code == OK && mat->bytes - at >= 8) {
        code = begin(stream, mat, at, &next, error);
        stream->found = mat;
        if (code == OK && stream->at < stream->end)
            code = list_matrix(stream, "", 0, error);
        finish(stream);
        at = next;
    }
    memory_release(stream);
    return code;
}

bool mat__is_one(const char *path) {
    static const char start[] = "MATLAB 5.0 MAT-file";
    char head[HEAD];
    return read_file_head(path, head, HEAD) == HEAD && !memcmp(head, start, sizeof start - 1) &&
           (!memcmp(head + 126, "IM", 2) || !memcmp(head + 126, "MI", 2));
}

int mat__open(struct Mat **out, const char *path, struct Error *error) {
    struct stat about;
    uint8_t head[HEAD];
    struct Mat *mat = memory_allocate(sizeof *mat, "a MATLAB file");
    *out = NULL;
    mat->path = memory_copy_text(path);
    mat->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int code = OK;
    if (mat->file < 0 || fstat(mat->file, &about) != 0)
        code = fail_errno(error, "%s: cannot open", path);
    else if (!S_ISREG(about.st_mode) || read_file_part(mat->file, head, HEAD, 0) != HEAD)
        code = fail(error, ERROR_DATA, "%s: is not a MATLAB file", path);
    if (code == OK) {
        mat->bytes = about.st_size;
        mat->swapped = (head[126] == 'I') != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
        code = list(mat, error);
    }
    if (code == OK)
        *out = mat;
    else
        mat__close(mat);
    return code;
}

void mat__close(struct Mat *mat) {
    if (!mat)
        return;
    for (int i = 0; i < mat->count; i++)
        memory_release(mat->arrays[i].array.name);
    if (mat->file >= 0)
        close(mat->file);
    memory_release(mat->path);
    memory_release(mat);
}

int mat__count(const struct Mat *mat) {
    return mat->count;
}

const char *mat__name(const struct Mat *mat, int index) {
    return mat->arrays[index].array.name + strlen(mat->path) + 1;
}

int mat__read(const struct Mat *mat, int index, struct Array *array, struct Error *error) {
    const struct MatArray *found = &mat->arrays[index];
    struct Stream *stream = memory_allocate(sizeof *stream, "a MATLAB file");
    int64_t next;
    *array = found->array;
    array->name = memory_copy_text(found->array.name);
    int code = OK;
    if (found->holds)
        code = fail(error, ERROR_DATA, "%s: holds %s", array->name, found->holds);
    else
        code = array__check_size(array, error);
    if (code == OK) {
        array->bytes = memory_array(uint8_t, array__bytes(array), "an array");
        code = begin(stream, mat, found->element, &next, error);
        if (code == OK)
            code = skip(stream, found->place, error);
        if (code == OK)
            code = take(stream, array->bytes, array__bytes(array), error);
        finish(stream);
    }
    memory_release(stream);
    return code;
}
