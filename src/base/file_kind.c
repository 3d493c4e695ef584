#include "base/file_kind.h"

#include <string.h>

#include "base/read_file.h"

#define KIND(bytes, words)                                                                         \
    { bytes, sizeof(bytes) - 1, words }

#define CLASSIC_NETCDF                                                                             \
    "is a NetCDF file of the classic format; nccopy -k nc4 makes an HDF5 file of it"
#define PICKLE                                                                                     \
    "is a pickle of Python; formats cifar10 and cifar100 import those of CIFAR, and numpy.savez "  \
    "makes arrays of others"
#define WEB_PAGE "is a web page, perhaps what a download failed with"

static const struct {
    const char *bytes;
    size_t count;
    const char *words;
} kinds[] = {
    KIND("MATLAB 5.0", "is a MATLAB file of version 5 to 7; format matlab imports it"),
    KIND("MATLAB 7.3", "is a MATLAB file of version 7.3, which is HDF5 and needs no import; a run "
                       "file names its arrays"),
    KIND("\x89HDF\r\n\x1a\n", "is an HDF5 file, which needs no import; a run file names its "
                              "arrays"),
    KIND("\x93NUMPY", "is an NPY array; format numpy imports it"),
    KIND("\x80\x02", PICKLE),
    KIND("\x80\x03", PICKLE),
    KIND("\x80\x04\x95", PICKLE),
    KIND("\x80\x05\x95", PICKLE),
    KIND("\x1f\x8b", "is packed by gzip; gunzip unpacks it"),
    KIND("BZh", "is packed by bzip2; bunzip2 unpacks it"),
    KIND("\xfd"
         "7zXZ",
         "is packed by xz; unxz unpacks it"),
    KIND("\x28\xb5\x2f\xfd", "is packed by zstd; unzstd unpacks it"),
    KIND("PK\3\4", "is a ZIP archive or a workbook of Excel; format numpy imports it if it is an "
                   "NPZ file, unzip unpacks it, and Excel saves a sheet as CSV"),
    KIND("\xd0\xcf\x11\xe0", "is a file of an older Excel, which saves a sheet as CSV"),
    KIND("PAR1", "is a Parquet file; pandas.read_parquet(...).to_csv(...) makes a table of it"),
    KIND("ARROW1", "is an Arrow file; pandas.read_feather(...).to_csv(...) makes a table of it"),
    KIND("SQLite format 3", "is an SQLite database; sqlite3 -csv -header makes a table of it"),
    KIND("CDF\1", CLASSIC_NETCDF),
    KIND("CDF\2", CLASSIC_NETCDF),
    KIND("CDF\5", CLASSIC_NETCDF),
    KIND("\x0e\x03\x13\x01", "is an HDF4 file; h4toh5 makes an HDF5 file of it"),
    KIND("version https://git-lfs",
         "is a pointer of Git LFS; git lfs pull fetches the file itself"),
    KIND("<!DOCTYPE html", WEB_PAGE),
    KIND("<!doctype html", WEB_PAGE),
    KIND("<html", WEB_PAGE),
    KIND("\x89PNG", "is a PNG picture; formats image-folder and image-list import pictures"),
    KIND("\xff\xd8\xff", "is a JPEG picture; formats image-folder and image-list import pictures"),
};

const char *file_kind(const void *head, size_t bytes) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (bytes >= kinds[i].count && !memcmp(head, kinds[i].bytes, kinds[i].count))
            return kinds[i].words;
    return NULL;
}

const char *file_kind_at(const char *path) {
    char head[FILE_KIND_HEAD];
    return file_kind(head, read_file_head(path, head, sizeof head));
}

const char *file_utf16(const void *head, size_t bytes) {
    const unsigned char *text = head;
    if (bytes < 2)
        return NULL;
    if (!memcmp(text, "\xFF\xFE", 2) || !memcmp(text, "\xFE\xFF", 2))
        return "is UTF-16, which iconv -f UTF-16 -t UTF-8 converts";
    if (!text[0] == !text[1])
        return NULL;
    return text[0] ? "is UTF-16, which iconv -f UTF-16LE -t UTF-8 converts"
                   : "is UTF-16, which iconv -f UTF-16BE -t UTF-8 converts";
}
