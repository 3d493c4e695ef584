/* Reading texts, and runs of bytes. Those with a length of their own are in heaps. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "store/heap.h"
#include "store/internal.h"

/* ---- what is in heaps ---- */

/* Has `take` copy what each of `count` references leads to, which says what is wrong, or returns
 * NULL. */
static int follow(struct H5File *file, const char *name, const struct HeapSource *from,
                  int64_t count,
                  const char *(*take)(struct Heap *heap, const struct HeapReference *reference,
                                      int64_t i, void *context),
                  void *context, struct Error *error) {
    struct HeapReference *references =
        memory_array(struct HeapReference, count, "references of an HDF5 file");
    struct Heap *heap = NULL;
    const char *why = NULL;
    int64_t i = 0;
    int code = heap__references(file, name, from, count, references, error);
    if (code == OK)
        code = heap__open(&heap, file, from->object, error);
    for (; code == OK && !why && i < count; i++)
        why = take(heap, &references[i], i, context);
    if (why && file->driver.failed)
        code = h5_check(file, error);
    else if (why) {
        fail(error, file->failure, "%s:/%s: is damaged: element %" PRId64 ": %s", file->path, name,
             i - 1, why);
        code = h5__keep_damage(file, error);
    }
    heap__close(heap);
    memory_release(references);
    return code;
}

/* ---- runs of bytes ---- */

#define BYTES_MOST ((uint64_t)1 << 30) /* of one element: no picture is larger */

static const char *take_bytes(struct Heap *heap, const struct HeapReference *reference, int64_t i,
                              void *items) {
    struct H5Bytes *item = (struct H5Bytes *)items + i;
    if (reference->length > BYTES_MOST)
        return "has more bytes than any picture";
    item->bytes = reference->length;
    item->data = memory_allocate(item->bytes, "bytes of an HDF5 file");
    return heap__read(heap, reference, item->bytes, item->data);
}

/* Reads rows of elements of a fixed length. If what a file says of its type does not fit its
 * chunks, HDF5 reads beyond them: the reader compares their sizes. */
static int read_fixed_rows(struct H5File *file, const char *name, int64_t first, int64_t count,
                           void *buffer, struct Error *error) {
    struct H5Reader *reader;
    int code = h5_reader_open(&reader, file, name, H5_BYTES, 0, error);
    if (code != OK)
        return code;
    if (count > 0)
        code = h5_reader_read(reader, first, count, buffer, error);
    h5_reader_close(reader);
    return code;
}

/* The same of elements of one length. */
static int read_fixed_bytes(struct H5File *file, const char *name, const struct H5Opened *opened,
                            int64_t first, int64_t count, struct H5Bytes *items,
                            struct Error *error) {
    size_t size = H5Tget_size(opened->type);
    int64_t bytes = memory_product((int64_t[]){count, (int64_t)size}, 2);
    if (size > BYTES_MOST || bytes < 0 || !memory_can_hold((uint64_t)bytes))
        return fail(error, file->failure, "%s:/%s: has rows of %zu bytes, more than any picture",
                    file->path, name, size);
    char *found = memory_array(char, bytes, "bytes of an HDF5 file");
    int code = read_fixed_rows(file, name, first, count, found, error);
    for (int64_t i = 0; i < count && code == OK; i++)
        items[i] = (struct H5Bytes){
            memory_copy(found + (size_t)i * size, size, "bytes of an HDF5 file"), size};
    memory_release(found);
    return code;
}

static int read_one_fixed(struct H5File *file, const char *name, const struct H5Opened *opened,
                          struct H5Bytes *item, struct Error *error) {
    item->bytes = H5Tget_size(opened->type);
    if (item->bytes > BYTES_MOST)
        return fail(error, file->failure, "%s:/%s: has more bytes than any picture", file->path,
                    name);
    item->data = memory_allocate(item->bytes, "bytes of an HDF5 file");
    return h5__read_part(file, name, opened, H5_BYTES, NULL, NULL, item->data, error);
}

static int read_bytes(struct H5File *file, const char *name, const struct H5Opened *opened,
                      const int64_t *first, const int64_t *count, struct H5Bytes *items,
                      struct Error *error) {
    hsize_t start[H5_RANK], extent[H5_RANK];
    if (!heap__is_reference(opened->type) && !opened->info.rank)
        return read_one_fixed(file, name, opened, items, error);
    if (!heap__is_reference(opened->type))
        return read_fixed_bytes(file, name, opened, *first, *count, items, error);
    extent[0] = 1;
    for (int i = 0; i < opened->info.rank; i++) {
        start[i] = (hsize_t)first[i];
        extent[i] = (hsize_t)count[i];
    }
    hid_t memory = H5Screate_simple(1, extent, NULL);
    if (opened->info.rank)
        H5Sselect_hyperslab(opened->space, H5S_SELECT_SET, start, NULL, extent, NULL);
    const struct HeapSource from = {opened->id, false, memory, opened->space};
    int code = follow(file, name, &from, *count, take_bytes, items, error);
    H5Sclose(memory);
    return code;
}

/* Whether an array is a list of runs of bytes, or of texts of fixed length, or one of them. */
static bool is_list_of_bytes(const struct H5Opened *opened) {
    const struct H5Info *info = &opened->info;
    bool bytes =
        info->type == H5_BYTES || (info->type == H5_TEXT && !heap__is_reference(opened->type));
    for (int i = 1; i < info->rank; i++)
        bytes &= info->size[i] == 1;
    return bytes;
}

int h5_read_bytes(struct H5File *file, const char *name, int64_t first, int64_t count,
                  struct H5Bytes *items, struct Error *error) {
    name = h5__relative(name);
    struct H5Opened opened;
    int64_t start[H5_RANK] = {first}, part[H5_RANK] = {count};
    for (int64_t i = 0; i < count; i++)
        items[i] = (struct H5Bytes){0};
    int code = h5__open_dataset(file, name, &opened, error);
    if (code != OK)
        return code;
    for (int i = 1; i < opened.info.rank; i++)
        part[i] = 1;
    if (!is_list_of_bytes(&opened))
        code = fail(error, file->failure, "%s:/%s: holds %s, expected a list of bytes", file->path,
                    name, opened.info.type_name);
    if (code == OK && opened.info.rank)
        code = h5__check_part(file, name, &opened.info, opened.info.rank, start, part, error);
    if (code == OK && count > 0)
        code = read_bytes(file, name, &opened, start, part, items, error);
    h5__close_dataset(&opened);
    return code;
}

/* ---- text ---- */

/* Far more than any list of classes or any run file. A damaged file may declare any number. */
#define TEXT_COUNT ((int64_t)1000000)
#define TEXT_BYTES ((int64_t)64 << 20)

static int check_bytes(struct H5File *file, const char *name, int64_t count, int64_t size,
                       struct Error *error) {
    int64_t bytes = memory_product((int64_t[]){count, size}, 2);
    if (bytes >= 0 && bytes <= TEXT_BYTES)
        return OK;
    return fail(error, file->failure,
                "%s:/%s: holds %" PRId64 " texts of %" PRId64 " bytes, at most %" PRId64
                " bytes in all are read",
                file->path, name, count, size, TEXT_BYTES);
}

/* Copies the text in one element of fixed length: it ends at the first NUL or, if it is padded with
 * spaces, before the last run of spaces. */
static char *copy_fixed_text(const char *text, size_t size, bool spaces) {
    size_t length = strnlen(text, size);
    while (spaces && length && text[length - 1] == ' ')
        length--;
    return memory_copy_span(text, length);
}

static int read_fixed(struct H5File *file, const char *name, const struct TextSource *from,
                      int64_t count, char **texts, struct Error *error) {
    size_t size = H5Tget_size(from->type);
    int code = check_bytes(file, name, count, (int64_t)size, error);
    if (code != OK)
        return code;
    char *buffer = memory_array(char, count *(int64_t)size, "texts of an HDF5 file");
    hid_t space = from->attribute ? -1 : H5Dget_space(from->id);
    hsize_t sizes[H5S_MAX_RANK] = {0};
    bool is_list = space >= 0 && H5Sget_simple_extent_ndims(space) > 0;
    if (is_list && H5Sget_simple_extent_dims(space, sizes, NULL) >= 0)
        code = read_fixed_rows(file, name, 0, count ? (int64_t)sizes[0] : 0, buffer, error);
    else if ((from->attribute
                  ? H5Aread(from->id, from->type, buffer)
                  : H5Dread(from->id, from->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer)) < 0)
        code = h5__damaged(file, name, "is damaged: its text cannot be read", error);
    if (space >= 0)
        H5Sclose(space);
    bool spaces = H5Tget_strpad(from->type) == H5T_STR_SPACEPAD;
    for (int64_t i = 0; code == OK && i < count; i++)
        texts[i] = copy_fixed_text(buffer + (size_t)i * size, size, spaces);
    memory_release(buffer);
    return code;
}

struct Texts {
    char **items;
    int64_t left; /* of TEXT_BYTES */
};

static const char *take_text(struct Heap *heap, const struct HeapReference *reference, int64_t i,
                             void *context) {
    struct Texts *texts = context;
    texts->left -= (int64_t)reference->length;
    if (texts->left < 0)
        return "more text than is read";
    char *text = memory_array(char, (int64_t)reference->length + 1, "texts of an HDF5 file");
    texts->items[i] = text;
    return heap__read(heap, reference, reference->length, text);
}

int h5__read_texts(struct H5File *file, const char *name, const struct TextSource *from,
                   int64_t count, char **texts, struct Error *error) {
    if (!heap__is_reference(from->type))
        return read_fixed(file, name, from, count, texts, error);
    int code = check_bytes(file, name, count, heap__reference_size(from->id), error);
    struct Texts taken = {texts, TEXT_BYTES};
    const struct HeapSource source = {from->id, from->attribute, H5S_ALL, H5S_ALL};
    if (code == OK)
        code = follow(file, name, &source, count, take_text, &taken, error);
    for (int64_t i = 0; code != OK && i < count; i++) {
        memory_release(texts[i]);
        texts[i] = NULL;
    }
    return code;
}

int h5_read_texts(struct H5File *file, const char *name, char ***texts, int64_t *count,
                  struct Error *error) {
    name = h5__relative(name);
    struct H5Opened opened;
    int code = h5__open_dataset(file, name, &opened, error);
    if (code != OK)
        return code;
    char shape[H5_SHAPE_TEXT];
    *texts = NULL;
    *count = memory_product(opened.info.size, opened.info.rank);
    bool cells = opened.info.type == H5_CELLS;
    if (opened.info.type != H5_TEXT && !cells)
        code = fail(error, file->failure, "%s:/%s: holds %s, expected text", file->path, name,
                    opened.info.type_name);
    else if (*count < 0 || *count > TEXT_COUNT)
        code =
            fail(error, file->failure,
                 "%s:/%s: has shape %s, expected a list of at most %" PRId64 " texts", file->path,
                 name, h5__shape(opened.info.rank, opened.info.size, shape), TEXT_COUNT);
    if (code == OK) {
        *texts = memory_array(char *, *count, "texts");
        const struct TextSource from = {false, opened.id, opened.type};
        code = cells ? h5__read_cells(file, name, &opened, *count, *texts, error)
                     : h5__read_texts(file, name, &from, *count, *texts, error);
    }
    if (code != OK) {
        memory_release(*texts);
        *texts = NULL;
        *count = 0;
    }
    h5__close_dataset(&opened);
    return code;
}

int h5_read_text(struct H5File *file, const char *name, char **text, struct Error *error) {
    char **texts;
    int64_t count;
    *text = NULL;
    int code = h5_read_texts(file, name, &texts, &count, error);
    if (code != OK)
        return code;
    if (count == 1)
        *text = texts[0];
    else
        code = fail(error, file->failure, "%s:/%s: holds %" PRId64 " texts, expected one",
                    file->path, h5__relative(name), count);
    memory_release_texts(texts, count == 1 ? 0 : count);
    return code;
}
