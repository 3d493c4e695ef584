#include "base/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file_lock.h"
#include "base/memory.h"
#include "base/temporary.h"

static int cannot(const struct WholeFile *file, struct Error *error) {
    return fail_errno(error, "%s: cannot be written", file->path);
}

int whole_file_open(struct WholeFile *file, const char *path, struct Error *error) {
    *file = (struct WholeFile){.path = memory_copy_text(path)};
    int fd = create_temporary(path, &file->temporary);
    if (fd < 0)
        return cannot(file, error);
    file->stream = fdopen(fd, "w");
    if (file->stream)
        return OK;
    int code = cannot(file, error);
    unlink(file->temporary);
    close(fd);
    return code;
}

int whole_file_flush(struct WholeFile *file, struct Error *error) {
    if (!fflush(file->stream) && !ferror(file->stream) && !fsync(fileno(file->stream)))
        return OK;
    clearerr(file->stream);
    return cannot(file, error);
}

int whole_file_publish(struct WholeFile *file, struct Error *error) {
    int code = whole_file_flush(file, error);
    if (code)
        return code;
    code = temporary_publish(file->temporary, file->path, error);
    if (code)
        return code;
    file_lock_release(fileno(file->stream));
    memory_release(file->temporary);
    file->temporary = NULL;
    return OK;
}

void whole_file_close(struct WholeFile *file) {
    if (file->stream && file->temporary)
        unlink(file->temporary);
    if (file->stream)
        fclose(file->stream);
    memory_release(file->temporary);
    memory_release(file->path);
    *file = (struct WholeFile){0};
}

int sync_folder(const char *folder, struct Error *error) {
    int result = OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* EINVAL: the file system has nothing to synchronise. */
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        result = fail_errno(error, "%s: the folder cannot be written to disk", folder);
    if (fd >= 0)
        close(fd);
    return result;
}
