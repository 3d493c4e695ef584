/* Writing: HDF5 writes the structure of the file through the driver, into pages in memory; arrays
 * are written directly at their offsets. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/internal.h"

static int start_hdf5(struct H5Writer *writer, struct Error *error) {
    h5__quiet();
    hid_t access = h5__writer_access(writer);
    if (access >= 0) {
        writer->id = H5Fcreate(writer->path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
        H5Pclose(access);
    }
    if (writer->id < 0)
        return fail(error, ERROR_SYSTEM, "%s: HDF5 cannot start a new file", writer->path);
    return OK;
}

int h5_create_in_memory(struct H5Writer **out, const char *path, struct Error *error) {
    struct H5Writer *writer = h5__make_writer(path);
    int code = start_hdf5(writer, error);
    if (code != OK) {
        h5_abandon(writer);
        writer = NULL;
    }
    *out = writer;
    return code;
}

int h5_create(struct H5Writer **out, const char *path, struct Error *error) {
    struct H5Writer *writer = h5__make_writer(path);
    writer->guarded = true;
    int code = h5__create_temporary(writer, error);
    if (code == OK)
        code = start_hdf5(writer, error);
    if (code != OK) {
        h5_abandon(writer);
        writer = NULL;
    }
    *out = writer;
    return code;
}

static int not_written(struct H5Writer *writer, const char *name, struct Error *error) {
    char reason[200];
    h5__reason(reason);
    return fail(error, ERROR_SYSTEM, "%s:/%s: cannot be written (%s)", writer->path, name, reason);
}

static void note_written(struct H5Writer *writer, const char *name) {
    size_t length = strcspn(name, "/");
    length += name[length] ? 1 + strcspn(name + length + 1, "/") : 0;
    if (writer->driver.fd < 0)
        return;
    if (!writer->written.length)
        text_add(&writer->written, "\n");
    char *line = memory_print("\n%.*s\n", (int)length, name);
    if (!strstr(writer->written.data, line))
        text_add(&writer->written, "%s", line + 1);
    memory_release(line);
}

const char *h5_written(const struct H5Writer *writer) {
    return writer->written.length ? writer->written.data + 1 : "";
}

/* Makes an empty dataset and the groups that lead to it. Negative on failure. */
static hid_t create_dataset(struct H5Writer *writer, const char *name, hid_t type, hid_t space) {
    hid_t link = H5Pcreate(H5P_LINK_CREATE), create = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(create, false); /* so that equal content gives equal files */
    H5Pset_create_intermediate_group(link, 1);
    H5Pset_layout(create, H5D_CONTIGUOUS);
    H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
    H5Pset_attr_phase_change(create, 8, 6);
    hid_t id = H5Dcreate2(writer->id, name, type, space, link, create, H5P_DEFAULT);
    if (id >= 0) { /* closing would clear the error stack that the caller reports */
        H5Pclose(link);
        H5Pclose(create);
    }
    return id;
}

static bool same_room(hid_t id, hid_t type, hid_t space) {
    hid_t its_type = H5Dget_type(id), its_space = H5Dget_space(id);
    hid_t create = H5Dget_create_plist(id);
    bool same = H5Tequal(its_type, type) > 0 && H5Sextent_equal(its_space, space) > 0 &&
                H5Pget_layout(create) == H5D_CONTIGUOUS && H5Pget_external_count(create) == 0;
    H5Pclose(create);
    H5Sclose(its_space);
    H5Tclose(its_type);
    return same;
}

/* Room for a dataset of that shape under a name that may exist. Returns its offset if what is there
 * has that type and shape and lies in one run of bytes; otherwise removes what is there and returns
 * HADDR_UNDEF. */
static haddr_t take_over(struct H5Writer *writer, const char *name, hid_t type, hid_t space) {
    haddr_t offset = HADDR_UNDEF;
    hid_t id = H5Oopen(writer->id, name, H5P_DEFAULT);
    if (id < 0)
        return offset;
    if (H5Iget_type(id) == H5I_DATASET && same_room(id, type, space))
        offset = H5Dget_offset(id);
    H5Oclose(id);
    if (offset == HADDR_UNDEF)
        H5Ldelete(writer->id, name, H5P_DEFAULT);
    return offset;
}

/* *range: where the array lies. */
static int reserve(struct H5Writer *writer, const char *name, enum H5Type type, int rank,
                   const int64_t *size, struct FileDriverRange *range, struct Error *error) {
    *range = (struct FileDriverRange){0};
    h5__quiet();
    name = h5__relative(name);
    CHECK(rank >= 0 && rank <= H5_RANK);
    hsize_t extent[H5_RANK];
    for (int i = 0; i < rank; i++)
        extent[i] = (hsize_t)size[i];
    int64_t elements = memory_product(size, rank), bytes;
    if (elements < 0 || __builtin_mul_overflow(elements, (int64_t)h5__size(type), &bytes)) {
        char shape[H5_SHAPE_TEXT];
        return fail(error, ERROR_SYSTEM, "%s:/%s: shape %s is beyond any file", writer->path, name,
                    h5__shape(rank, size, shape));
    }
    hid_t space = rank ? H5Screate_simple(rank, extent, NULL) : H5Screate(H5S_SCALAR);
    haddr_t offset = HADDR_UNDEF;
    if (writer->replaces)
        offset = take_over(writer, name, h5__native(type), space);
    if (offset == HADDR_UNDEF) {
        hid_t id = create_dataset(writer, name, h5__native(type), space);
        if (id < 0)
            return not_written(writer, name, error);
        offset = H5Dget_offset(id);
        H5Dclose(id);
    }
    H5Sclose(space);
    note_written(writer, name);
    if (bytes == 0)
        return OK;
    CHECK(offset != HADDR_UNDEF);
    file_driver__claim(&writer->driver, offset, (uint64_t)bytes);
    *range = (struct FileDriverRange){offset, (uint64_t)bytes};
    /* Reports a disk that is too small now, if the file system can tell. */
    if (writer->driver.fd >= 0 &&
        fallocate(writer->driver.fd, 0, (off_t)offset, (off_t)bytes) != 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS)
        return fail_errno(error, "%s:/%s: %" PRId64 " bytes cannot be written", writer->path, name,
                          bytes);
    return OK;
}

/* The guard leaves these bytes out. */
static void leave_out(struct H5Writer *writer, struct FileDriverRange range) {
    size_t count = (size_t)writer->apart_count;
    size_t at = count;
    while (at > 0 && writer->apart[at - 1].offset >= range.offset)
        at--;
    if (range.bytes == 0 || (at < count && writer->apart[at].offset == range.offset))
        return; /* an array that is written again */
    writer->apart = memory_room(writer->apart, writer->apart_count, "ranges");
    memmove(writer->apart + at + 1, writer->apart + at, (count - at) * sizeof range);
    writer->apart[at] = range;
    writer->apart_count++;
}

int h5_reserve(struct H5Writer *writer, const char *name, enum H5Type type, int rank,
               const int64_t *size, struct Error *error) {
    struct FileDriverRange range;
    int code = reserve(writer, name, type, rank, size, &range, error);
    if (code == OK)
        leave_out(writer, range);
    return code;
}

/* The offset and the bytes of rows [first, first + count) of a reserved dataset. Returns −1 if HDF5
 * cannot open the dataset. */
static int locate_rows(struct H5Writer *writer, const char *name, enum H5Type type, int64_t first,
                       int64_t count, uint64_t *offset, uint64_t *bytes) {
    hid_t id = H5Dopen2(writer->id, name, H5P_DEFAULT);
    if (id < 0)
        return -1;
    hid_t space = H5Dget_space(id), stored = H5Dget_type(id);
    hsize_t size[H5_RANK] = {1};
    int rank = H5Sget_simple_extent_dims(space, size, NULL);
    uint64_t row = h5__size(type);
    for (int i = 1; i < rank; i++)
        row *= size[i];
    CHECK(H5Tequal(stored, h5__native(type)) > 0);
    CHECK(first >= 0 && count >= 0 && (uint64_t)first + (uint64_t)count <= size[0]);
    *offset = H5Dget_offset(id) + (uint64_t)first * row;
    *bytes = (uint64_t)count * row;
    H5Tclose(stored);
    H5Sclose(space);
    H5Dclose(id);
    return 0;
}

int h5_write_rows(struct H5Writer *writer, const char *name, enum H5Type type, int64_t first,
                  int64_t count, const void *data, struct Error *error) {
    h5__quiet();
    name = h5__relative(name);
    uint64_t offset, bytes;
    if (locate_rows(writer, name, type, first, count, &offset, &bytes) != 0)
        return not_written(writer, name, error);
    if (bytes && file_driver__write(&writer->driver, offset, data, bytes) != 0)
        return fail_errno(error, "%s:/%s: cannot be written", writer->path, name);
    return OK;
}

int h5_write(struct H5Writer *writer, const char *name, enum H5Type type, int rank,
             const int64_t *size, const void *data, struct Error *error) {
    struct FileDriverRange range;
    int code = reserve(writer, name, type, rank, size, &range, error);
    if (code != OK)
        return code;
    return h5_write_rows(writer, name, type, 0, rank ? size[0] : 1, data, error);
}

int h5_write_finite(struct H5Writer *writer, const char *name, int rank, const int64_t *size,
                    const float *values, struct Error *error) {
    int64_t count = memory_product(size, rank);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return fail(error, ERROR_NUMERIC, "%s is not written: %s[%" PRId64 "] is %g",
                        writer->path, h5__relative(name), i, (double)values[i]);
    return h5_write(writer, name, H5_FLOAT32, rank, size, values, error);
}

/* ---- text and attributes: small, through HDF5 ---- */

static hid_t text_type(
    size_t length) { /* UTF-8 of fixed length: needs no heap, which could be damaged */
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, length ? length : 1);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

static int write_text_dataset(struct H5Writer *writer, const char *name, size_t length, hid_t space,
                              const void *data, struct Error *error) {
    hid_t type = text_type(length);
    if (writer->replaces)
        take_over(writer, name, H5T_NATIVE_OPAQUE,
                  space); /* no text has this type, so an old one is removed */
    hid_t id = create_dataset(writer, name, type, space);
    int code = OK;
    if (id < 0 || H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        code = not_written(writer, name, error);
    else
        note_written(writer, name);
    if (id >= 0)
        H5Dclose(id);
    H5Tclose(type);
    return code;
}

int h5_write_text(struct H5Writer *writer, const char *name, const char *text,
                  struct Error *error) {
    h5__quiet();
    hid_t space = H5Screate(H5S_SCALAR);
    int code = write_text_dataset(writer, h5__relative(name), strlen(text), space, text, error);
    H5Sclose(space);
    return code;
}

int h5_write_texts(struct H5Writer *writer, const char *name, const char *const *texts,
                   int64_t count, struct Error *error) {
    h5__quiet();
    size_t length = 1;
    for (int64_t i = 0; i < count; i++)
        if (strlen(texts[i]) > length)
            length = strlen(texts[i]);
    char *table = memory_array(char, count *(int64_t)length, "a table of texts");
    for (int64_t i = 0; i < count; i++)
        memcpy(table + (size_t)i * length, texts[i], strlen(texts[i]));
    hsize_t extent = (hsize_t)count;
    hid_t space = H5Screate_simple(1, &extent, NULL);
    int code = write_text_dataset(writer, h5__relative(name), length, space, table, error);
    H5Sclose(space);
    memory_release(table);
    return code;
}

/* Opens the object; if there is none of that name, makes a group. */
static hid_t open_object(struct H5Writer *writer, const char *name) {
    if (*name == '\0')
        return H5Oopen(writer->id, "/", H5P_DEFAULT);
    hid_t id = H5Oopen(writer->id, name, H5P_DEFAULT);
    if (id >= 0)
        return id;
    hid_t link = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(link, 1);
    id = H5Gcreate2(writer->id, name, link, H5P_DEFAULT, H5P_DEFAULT);
    H5Pclose(link);
    return id;
}

int h5_write_attribute(struct H5Writer *writer, const char *object, const char *name,
                       enum H5Type type, const void *value, struct Error *error) {
    h5__quiet();
    object = h5__relative(object);
    hid_t id = open_object(writer, object);
    if (id < 0)
        return not_written(writer, object, error);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t stored = type == H5_TEXT ? text_type(strlen(value)) : H5Tcopy(h5__native(type));
    if (writer->replaces && H5Aexists(id, name) > 0)
        H5Adelete(id, name);
    hid_t attribute = H5Acreate2(id, name, stored, space, H5P_DEFAULT, H5P_DEFAULT);
    int code = OK;
    if (attribute < 0 || H5Awrite(attribute, stored, value) < 0) {
        char reason[200];
        h5__reason(reason);
        code = fail(error, ERROR_SYSTEM, "%s:/%s, attribute %s: cannot be written (%s)",
                    writer->path, object, name, reason);
    }
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Tclose(stored);
    H5Sclose(space);
    H5Oclose(id);
    return code;
}
