/* Types, shapes and names as HDF5 has them and as messages say them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/internal.h"

void h5__quiet(void) {
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static herr_t take_innermost(unsigned depth, const H5E_error2_t *entry, void *buffer) {
    if (depth == 0 && entry->desc)
        snprintf(buffer, 200, "%s", entry->desc);
    return 0;
}

const char *h5__reason(char buffer[200]) {
    snprintf(buffer, 200, "HDF5 gives no reason");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, buffer);
    return buffer;
}

bool h5__is_circle(const char *reason) {
    return !strcmp(reason, "too many links");
}

bool h5__is_newer(const char *reason) {
    return strstr(reason, "version") != NULL;
}

int h5__fail_newer(const struct H5File *file, const char *name, const char *reason,
                   struct Error *error) {
    char version[H5_VERSION_LENGTH];
    fail(error, file->failure, "%s%s%s: is written in a newer format than HDF5 %s reads (%s)",
         file->path, *name ? ":/" : "", name, h5_version(version), reason);
    return error_advise(error, ADVICE_NEWER, file->path, NULL, 0);
}

const char *h5__relative(const char *name) {
    while (*name == '/')
        name++;
    return name;
}

hid_t h5__native(enum H5Type type) {
    switch (type) {
    case H5_UINT8:
        return H5T_NATIVE_UINT8;
    case H5_INT32:
        return H5T_NATIVE_INT32;
    case H5_INT64:
        return H5T_NATIVE_INT64;
    case H5_FLOAT32:
        return H5T_NATIVE_FLOAT;
    case H5_FLOAT64:
        return H5T_NATIVE_DOUBLE;
    default:
        check_failed(__FILE__, __LINE__, "the type is a number");
    }
}

size_t h5__size(enum H5Type type) {
    static const size_t size[] = {1, 4, 8, 4, 8};
    CHECK((unsigned)type < sizeof size / sizeof *size);
    return size[type];
}

static enum H5Type classify_integer(hid_t type, const char **name) {
    bool has_sign = H5Tget_sign(type) != H5T_SGN_NONE;
    switch (H5Tget_size(type)) {
    case 1:
        *name = has_sign ? "int8" : "uint8";
        return has_sign ? H5_INT32 : H5_UINT8;
    case 2:
        *name = has_sign ? "int16" : "uint16";
        return H5_INT32;
    case 4:
        *name = has_sign ? "int32" : "uint32";
        return has_sign ? H5_INT32 : H5_INT64;
    case 8:
        *name = has_sign ? "int64" : "uint64";
        return H5_INT64;
    default:
        *name = "an unusual integer";
        return H5Tget_size(type) < 8 ? H5_INT64 : H5_OTHER;
    }
}

/* h5py stores booleans as an enumeration of FALSE and TRUE. */
bool h5__is_boolean(hid_t type) {
    static const char *const names[] = {"FALSE", "TRUE"};
    bool boolean = H5Tget_nmembers(type) == 2 && H5Tget_size(type) == 1;
    for (unsigned i = 0; boolean && i < 2; i++) {
        char value = 2, *name = H5Tget_member_name(type, i);
        boolean = name && !strcmp(name, names[i]) && H5Tget_member_value(type, i, &value) >= 0 &&
                  value == (char)i;
        H5free_memory(name);
    }
    return boolean;
}

static enum H5Type classify_enumeration(hid_t type, const char **name) {
    if (h5__is_boolean(type)) {
        *name = "booleans";
        return H5_UINT8;
    }
    hid_t base = H5Tget_super(type);
    enum H5Type found = base < 0 ? H5_OTHER : classify_integer(base, name);
    if (base >= 0)
        H5Tclose(base);
    *name = "an enumeration";
    return found;
}

/* Runs of bytes, each of its own length: files inside the file. */
static enum H5Type classify_lists(hid_t type, const char **name) {
    hid_t base = H5Tget_super(type);
    bool bytes = base >= 0 && H5Tget_class(base) == H5T_INTEGER && H5Tget_size(base) == 1;
    if (base >= 0)
        H5Tclose(base);
    *name = bytes ? "variable-length bytes" : "variable-length lists";
    return bytes ? H5_BYTES : H5_OTHER;
}

static enum H5Type classify_float(hid_t type, const char **name) {
    switch (H5Tget_size(type)) {
    case 2:
        *name = "float16";
        return H5_FLOAT32;
    case 4:
        *name = "float32";
        return H5_FLOAT32;
    case 8:
        *name = "float64";
        return H5_FLOAT64;
    default:
        *name = H5Tget_size(type) == 16 ? "float128" : "an unusual float";
        return H5_FLOAT64;
    }
}

/* Whether the bits of a number lie inside it. HDF5 does not check what a file says of them, and
 * converts whatever lies beyond. */
static bool is_whole_number(hid_t type) {
    size_t bits = 8 * H5Tget_size(type), sign, exponent, exponent_bits, mantissa, mantissa_bits;
    size_t precision = H5Tget_precision(type);
    int offset = H5Tget_offset(type);
    if (precision == 0 || offset < 0 || precision > bits || (size_t)offset > bits - precision)
        return false;
    if (H5Tget_class(type) != H5T_FLOAT)
        return true;
    return H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) >= 0 &&
           sign < bits && exponent < bits && exponent_bits <= bits - exponent && mantissa < bits &&
           mantissa_bits <= bits - mantissa && exponent_bits > 0 && exponent_bits < 32;
}

static bool is_damaged(hid_t type) {
    H5T_class_t class = H5Tget_class(type);
    if (class == H5T_INTEGER || class == H5T_FLOAT)
        return !is_whole_number(type);
    hid_t base = class == H5T_ENUM || class == H5T_VLEN ? H5Tget_super(type) : -1;
    bool damaged = base >= 0 && is_damaged(base);
    /* HDF5 converts an enumeration in place as numbers of its base. */
    if (class == H5T_ENUM)
        damaged |= base < 0 || H5Tget_class(base) != H5T_INTEGER ||
                   H5Tget_size(base) != H5Tget_size(type) || H5Tget_nmembers(type) <= 0;
    if (base >= 0)
        H5Tclose(base);
    return damaged;
}

/* As h5py writes them: members r and i. */
static bool is_complex(hid_t type) {
    return H5Tget_nmembers(type) == 2 && H5Tget_member_index(type, "r") == 0 &&
           H5Tget_member_index(type, "i") == 1;
}

enum H5Type h5__classify(hid_t type, const char **name) {
    if (is_damaged(type)) {
        *name = "a damaged type";
        return H5_OTHER;
    }
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        return classify_integer(type, name);
    case H5T_FLOAT:
        return classify_float(type, name);
    case H5T_STRING:
        *name = "text";
        return H5_TEXT;
    case H5T_ENUM:
        return classify_enumeration(type, name);
    case H5T_COMPOUND:
        *name = is_complex(type) ? "complex numbers"
                                 : "records (compound; each member is an array, RECORDS/MEMBER)";
        return H5_OTHER;
    case H5T_VLEN:
        return classify_lists(type, name);
    case H5T_OPAQUE:
        *name = "opaque bytes";
        return H5_BYTES;
    case H5T_REFERENCE:
        *name = "references to other arrays";
        return H5Tequal(type, H5T_STD_REF_OBJ) > 0 ? H5_CELLS : H5_OTHER;
    default:
        *name = H5Tget_class(type) == H5T_ARRAY ? "arrays as elements" : "an unusual type";
        return H5_OTHER;
    }
}

char *h5__shape(int rank, const int64_t *size, char buffer[H5_SHAPE_TEXT]) {
    int used = snprintf(buffer, H5_SHAPE_TEXT, "(");
    for (int i = 0; i < rank && used < H5_SHAPE_TEXT - 30; i++)
        used += size[i] < 0 ? snprintf(buffer + used, 30, "%sany", i ? "," : "")
                            : snprintf(buffer + used, 30, "%s%" PRId64, i ? "," : "", size[i]);
    snprintf(buffer + used, 3, ")");
    return buffer;
}
