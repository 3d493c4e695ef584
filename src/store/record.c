/* Arrays whose elements are records (compound types), of which one member is read,
 * "records/member", or are arrays themselves, whose dimensions are added to the array's own. */
#include <string.h>

#include "base/memory.h"
#include "store/internal.h"

/* The type of the records of a dataset; −1: it holds none. */
static hid_t record_type(hid_t dataset) {
    hid_t type = H5Iget_type(dataset) == H5I_DATASET ? H5Dget_type(dataset) : -1;
    if (type < 0 || H5Tget_class(type) == H5T_COMPOUND)
        return type;
    H5Tclose(type);
    return -1;
}

/* The type of a member; −1: it lies beyond its record. */
static hid_t member_type(hid_t record, unsigned member) {
    hid_t type = H5Tget_member_type(record, member);
    size_t offset = H5Tget_member_offset(record, member), size = type < 0 ? 0 : H5Tget_size(type);
    size_t whole = H5Tget_size(record);
    if (type < 0 || (size > 0 && offset <= whole && size <= whole - offset))
        return type;
    H5Tclose(type);
    return -1;
}

bool h5__open_member(struct H5File *file, const char *name, struct H5Opened *opened) {
    const char *slash = strrchr(name, '/');
    if (!slash)
        return false;
    char *parent = memory_copy_span(name, (size_t)(slash - name));
    hid_t dataset = H5Oopen(file->id, parent, H5P_DEFAULT);
    hid_t record = dataset < 0 ? -1 : record_type(dataset);
    int member = record < 0 ? -1 : H5Tget_member_index(record, slash + 1);
    hid_t type = member < 0 ? -1 : member_type(record, (unsigned)member);
    memory_release(parent);
    if (type >= 0) {
        opened->id = dataset;
        opened->type = type;
        opened->whole = record;
        opened->member = (unsigned)member;
        return true;
    }
    if (record >= 0)
        H5Tclose(record);
    if (dataset >= 0)
        H5Oclose(dataset);
    return false;
}

bool h5__is_member(struct H5File *file, const char *name) {
    struct H5Opened opened = {.space = -1, .create = -1};
    bool found = h5__open_member(file, name, &opened);
    if (found)
        h5__close_dataset(&opened);
    return found;
}

bool h5__enter_array(struct H5Opened *opened) {
    struct H5Info *info = &opened->info;
    hsize_t size[H5S_MAX_RANK];
    if (H5Tget_class(opened->type) != H5T_ARRAY)
        return true;
    int rank = H5Tget_array_ndims(opened->type);
    hid_t element = H5Tget_super(opened->type);
    if (rank < 1 || rank > H5_RANK - info->rank || element < 0 ||
        H5Tget_array_dims2(opened->type, size) != rank) {
        if (element >= 0)
            H5Tclose(element);
        return false;
    }
    for (int i = 0; i < rank; i++)
        info->size[info->rank++] = (int64_t)size[i];
    int64_t all[H5_RANK + 1] = {(int64_t)H5Tget_size(element)};
    memcpy(all + 1, info->size + opened->own_rank, (size_t)rank * sizeof *all);
    bool fits = memory_product(all, rank + 1) == (int64_t)H5Tget_size(opened->type);
    if (opened->whole < 0)
        opened->whole = opened->type;
    else
        H5Tclose(opened->type);
    opened->type = element;
    return fits;
}

/* Values in arrays of the dimensions that h5__enter_array added. */
static hid_t array_type(const struct H5Opened *opened, hid_t value) {
    hsize_t size[H5_RANK];
    int rank = opened->info.rank - opened->own_rank;
    for (int i = 0; i < rank; i++)
        size[i] = (hsize_t)opened->info.size[opened->own_rank + i];
    return rank > 0 ? H5Tarray_create2(value, (unsigned)rank, size) : H5Tcopy(value);
}

hid_t h5__memory_type(const struct H5Opened *opened, hid_t value) {
    hid_t element = array_type(opened, value);
    if (opened->whole < 0 || H5Tget_class(opened->whole) != H5T_COMPOUND || element < 0)
        return element;
    char *name = H5Tget_member_name(opened->whole, opened->member);
    hid_t record = H5Tcreate(H5T_COMPOUND, H5Tget_size(element));
    if (name && record >= 0)
        H5Tinsert(record, name, 0, element);
    H5free_memory(name);
    H5Tclose(element);
    return record;
}

hid_t h5__native_member(hid_t record, unsigned member) {
    const char *unused;
    struct H5Opened opened = {.type = member_type(record, member), .whole = record};
    opened.member = member;
    if (opened.type < 0)
        return -1;
    bool sane = h5__enter_array(&opened);
    enum H5Type kind = h5__classify(opened.type, &unused);
    bool fixed = kind < H5_TEXT || (kind == H5_TEXT && H5Tis_variable_str(opened.type) == 0);
    hid_t value = sane && fixed ? H5Tget_native_type(opened.type, H5T_DIR_DEFAULT) : -1;
    hid_t found = value < 0 ? -1 : h5__memory_type(&opened, value);
    if (value >= 0)
        H5Tclose(value);
    H5Tclose(opened.type);
    return found;
}

void h5_record_members(struct H5File *file, const char *name,
                       void (*visit)(void *context, const char *member), void *context) {
    h5__quiet();
    hid_t dataset = H5Oopen(file->id, h5__relative(name), H5P_DEFAULT);
    hid_t record = dataset < 0 ? -1 : record_type(dataset);
    for (int i = 0; record >= 0 && i < H5Tget_nmembers(record); i++) {
        char *member = H5Tget_member_name(record, (unsigned)i);
        if (member && !strchr(member, '/'))
            visit(context, member);
        H5free_memory(member);
    }
    if (record >= 0)
        H5Tclose(record);
    if (dataset >= 0)
        H5Oclose(dataset);
}
