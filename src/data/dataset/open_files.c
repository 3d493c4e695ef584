#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "data/dataset/opening.h"

int opening__file(struct Opening *opening, const char *path, struct H5File **file,
                  struct Error *error) {
    const struct DataOptions *options = opening->request->options;
    for (int i = 0; i < opening->file_count; i++)
        if (!strcmp(h5_path(opening->files[i].file), path)) {
            *file = opening->files[i].file;
            return OK;
        }
    int code = h5_open(file, path, ERROR_DATA, error);
    if (code != OK && !opening->unopened.code && access(path, F_OK) == 0)
        opening->unopened = *error;
    if (code != OK)
        return code;
    if (options && options->plugins == PLUGINS_LOAD)
        h5_allow_plugins(*file);
    h5_follow_links(*file, options && options->links == LINKS_FOLLOW);
    opening->files = memory_room(opening->files, opening->file_count, "open files");
    opening->files[opening->file_count++] = (struct OpenFile){.file = *file, .map = -1};
    return OK;
}

int opening__map(struct Opening *opening, struct H5File *file, const void **image,
                 struct Error *error) {
    struct DatasetStorage *storage = opening->dataset->storage;
    int i = 0;
    while (opening->files[i].file != file)
        i++;
    if (opening->files[i].map < 0) {
        struct H5Map *map;
        int code = h5_map(file, &map, error);
        if (code != OK)
            return code;
        storage->maps = memory_room(storage->maps, storage->map_count, "maps of files");
        storage->maps[storage->map_count] = map;
        opening->files[i].map = storage->map_count++;
    }
    *image = storage->maps[opening->files[i].map]->image;
    return OK;
}

char *opening__place(const struct Opening *opening, const char *file) {
    const char *path = opening->request->path, *slash = strrchr(file, '/');
    if (!path)
        return memory_copy_text(file);
    if (path_is_folder(path))
        return memory_print("%s/%s", path, slash ? slash + 1 : file);
    return memory_copy_text(path);
}
