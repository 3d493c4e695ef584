#include "sources/npy.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/memory.h"
#include "base/read_file.h"
#include "base/text.h"

#define MOST_HEAD 65536

/* Reads the next `count` bytes. */
typedef int ReadBytes(void *context, void *bytes, int64_t count, struct Error *error);

/* Returns the text after 'KEY': in a head such as {'descr': '<f4', 'fortran_order': False, 'shape':
 * (3,)}; NULL if there is none. */
static const char *value_of(const char *head, const char *key) {
    const char *at = strstr(head, key);
    if (!at)
        return NULL;
    at += strlen(key);
    while (*at == '\'' || *at == '"' || *at == ':' || isspace((unsigned char)*at))
        at++;
    return at;
}

/* Parses a type: '<f4' is the byte order, the kind, and the bytes of an element (for texts: the
 * characters). */
static bool take_type(const char *type, struct Array *array) {
    bool big_endian = type[0] == '>';
    if (!strchr("<>|=", type[0]) || !type[0] || !type[1])
        return false;
    char *end;
    int64_t size = isdigit((unsigned char)type[2]) ? strtol(type + 2, &end, 10) : 0;
    if (size < 1 || size > MOST_HEAD || (*end != '\'' && *end != '"'))
        return false;
    array->swapped = big_endian == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    array->element = size;
    array->letter = 1;
    switch (type[1]) {
    case 'b':
    case 'u':
        array->kind = NUMBER_UNSIGNED;
        return size == 1 || (type[1] == 'u' && (size == 2 || size == 4 || size == 8));
    case 'i':
        array->kind = NUMBER_SIGNED;
        return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f':
        array->kind = NUMBER_FLOAT;
        return size == 2 || size == 4 || size == 8;
    case 'S':
    case 'U':
        array->kind = NUMBER_TEXT;
        array->letter = type[1] == 'U' ? 4 : 1;
        array->element = size * array->letter;
        return true;
    default:
        return false;
    }
}

static bool take_shape(const char *shape, struct Array *array) {
    array->rank = 0;
    if (*shape++ != '(')
        return false;
    for (char *end; *shape && *shape != ')'; shape = end) {
        while (*shape == ' ' || *shape == ',')
            shape++;
        if (*shape == ')')
            break;
        errno = 0;
        array->size[array->rank] = isdigit((unsigned char)*shape) ? strtoll(shape, &end, 10) : -1;
        if (array->size[array->rank] < 0 || errno || ++array->rank == ARRAY_RANK)
            return false;
    }
    return array->rank > 0;
}

static int parse_head(const char *head, struct Array *array, struct Error *error) {
    const char *type = value_of(head, "'descr'"), *order = value_of(head, "'fortran_order'");
    const char *shape = value_of(head, "'shape'");
    if (!type || !order || !shape)
        return fail(error, ERROR_DATA,
                    "%s: damaged NPY: its head lacks the type, the order or the shape",
                    array->name);
    if (!take_type(type, array))
        return fail(error, ERROR_DATA,
                    "%s: holds %s%.*s; expected integers, floats, booleans or texts", array->name,
                    *type == '[' ? "records" : "elements of type ",
                    *type == '[' ? 0 : (int)strcspn(type, "'\""), type);
    if (!take_shape(shape, array))
        return fail(error, ERROR_DATA, "%s: has shape %.*s; expected 1 to %d dimensions",
                    array->name, (int)strcspn(shape, "}"), shape, ARRAY_RANK - 1);
    return array__lay_out(array, !strncmp(order, "True", 4), error);
}

/* Reads the head. Sets *length to its bytes up to the first element. */
static int read_head(ReadBytes *read_bytes, void *context, struct Array *array, int64_t *length,
                     struct Error *error) {
    uint8_t start[12];
    int code = read_bytes(context, start, 10, error);
    if (code != OK)
        return code;
    if (memcmp(start, "\x93NUMPY", 6) != 0 || start[6] < 1 || start[6] > 3)
        return fail(error, ERROR_DATA, "%s: does not begin like an NPY array", array->name);
    int64_t bytes = start[8] | start[9] << 8;
    *length = 10;
    if (start[6] > 1) {
        code = read_bytes(context, start + 10, 2, error);
        bytes |= (int64_t)start[10] << 16 | (int64_t)start[11] << 24;
        *length = 12;
    }
    if (code != OK)
        return code;
    if (bytes > MOST_HEAD)
        return fail(error, ERROR_DATA, "%s: damaged NPY: its head has %" PRId64 " bytes",
                    array->name, bytes);
    char *head = memory_array(char, bytes + 1, "the head of an array");
    code = read_bytes(context, head, bytes, error);
    if (code == OK)
        code = parse_head(head, array, error);
    memory_release(head);
    *length += bytes;
    return code;
}

static int read_file(void *context, void *bytes, int64_t count, struct Error *error) {
    const struct Array *array = context;
    for (int64_t done = 0; done < count;) {
        ssize_t got = read(array->file, (char *)bytes + done, (size_t)(count - done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, "%s: cannot read", array->name);
        if (got == 0)
            return fail(error, ERROR_DATA, "%s: damaged NPY: it ends in its head", array->name);
        done += got;
    }
    return OK;
}

bool npy__is_one(const char *path) {
    char head[6];
    return read_file_head(path, head, sizeof head) == 6 && !memcmp(head, "\x93NUMPY", 6);
}

int npy__open(const char *path, struct Array *array, struct Error *error) {
    struct stat about;
    *array = (struct Array){.name = memory_copy_text(path), .file = -1};
    array->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (array->file < 0 || fstat(array->file, &about) != 0)
        return fail_errno(error, "%s: cannot open", path);
    if (!S_ISREG(about.st_mode))
        return fail(error, ERROR_DATA, "%s: is not a regular file", path);
    int code = read_head(read_file, array, array, &array->offset, error);
    if (code == OK && about.st_size - array->offset < array__bytes(array))
        code = fail(error, ERROR_DATA,
                    "%s: declares %" PRId64 " bytes of elements, and holds %" PRId64, path,
                    array__bytes(array), about.st_size - array->offset);
    return code;
}

struct Npz {
    char *path;
    zip_t *zip;
    char **names;
    int count;
};

int npz__open(struct Npz **out, const char *path, struct Error *error) {
    int why = 0;
    zip_t *zip = zip_open(path, ZIP_RDONLY, &why);
    *out = NULL;
    if (!zip && why == ZIP_ER_OPEN)
        return fail_errno(error, "%s: cannot open", path);
    if (!zip)
        return fail(error, ERROR_DATA, "%s: is not an NPZ (ZIP) file, or is damaged", path);
    int64_t count = zip_get_num_entries(zip, 0);
    struct Npz *npz = memory_allocate(sizeof *npz, "an NPZ file");
    npz->path = memory_copy_text(path);
    npz->zip = zip;
    npz->count = count < 10000 ? (int)count : 10000;
    npz->names = memory_array(char *, npz->count, "names of arrays");
    for (int i = 0; i < npz->count; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        if (name && text_ends_with(name, ".npy"))
            npz->names[i] = memory_copy_span(name, strlen(name) - 4);
    }
    *out = npz;
    return OK;
}

void npz__close(struct Npz *npz) {
    if (!npz)
        return;
    zip_discard(npz->zip);
    memory_release_texts(npz->names, npz->count);
    memory_release(npz->path);
    memory_release(npz);
}

int npz__count(const struct Npz *npz) {
    return npz->count;
}

char *npz__name(const struct Npz *npz, int index) {
    return npz->names[index];
}

struct Member {
    const char *name;
    zip_file_t *file;
};

static int read_member(void *context, void *bytes, int64_t count, struct Error *error) {
    const struct Member *member = context;
    for (int64_t done = 0; done < count;) {
        int64_t got = zip_fread(member->file, (char *)bytes + done, (zip_uint64_t)(count - done));
        if (got <= 0)
            return fail(error, ERROR_DATA, "%s: %s", member->name,
                        got ? zip_file_strerror(member->file) : "ends too early");
        done += got;
    }
    return OK;
}

int npz__read(const struct Npz *npz, int index, struct Array *array, struct Error *error) {
    int64_t length;
    *array =
        (struct Array){.name = memory_print("%s:%s", npz->path, npz->names[index]), .file = -1};
    struct Member member = {array->name, zip_fopen_index(npz->zip, (zip_uint64_t)index, 0)};
    if (!member.file)
        return fail(error, ERROR_DATA, "%s: cannot unpack: %s", array->name,
                    zip_strerror(npz->zip));
    int code = read_head(read_member, &member, array, &length, error);
    if (code == OK)
        code = array__check_size(array, error);
    if (code == OK) {
        array->bytes = memory_array(uint8_t, array__bytes(array), "an array");
        code = read_member(&member, array->bytes, array__bytes(array), error);
    }
    char more;
    if (code == OK && zip_fread(member.file, &more, 1) != 0) /* also verifies the checksum */
        code =
            fail(error, ERROR_DATA, "%s: damaged, or goes on after its last element", array->name);
    zip_fclose(member.file);
    return code;
}
