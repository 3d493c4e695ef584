#include "sources/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"

void name_list__add(struct NameList *names, char *name) {
    names->names = memory_room(names->names, names->count, "file names");
    names->names[names->count++] = name;
}

void name_list__release(struct NameList *names) {
    memory_release_texts(names->names, names->count);
    *names = (struct NameList){0};
}

static void sort(struct NameList *names) {
    if (names->count > 0)
        qsort(names->names, (size_t)names->count, sizeof(char *), text_compare);
}

bool folder__is_debris(const char *name) {
    static const char *const debris[] = {"Thumbs.db",    "ehthumbs.db", "ehthumbs_vista.db",
                                         "desktop.ini",  "Icon\r",      "__MACOSX",
                                         "$RECYCLE.BIN", "RECYCLER",    "System Volume Information",
                                         "lost+found",   "@eaDir",      "#recycle",
                                         "__pycache__"};
    if (name[0] == '.') /* .DS_Store, ._picture.jpg, .Trashes and all hidden files */
        return true;
    for (size_t i = 0; i < sizeof debris / sizeof *debris; i++)
        if (strcasecmp(name, debris[i]) == 0)
            return true;
    return false;
}

/* Handles a bad link: counts it with a notice, or returns the code of `error`, which says what is
 * wrong. */
static int leave_out(const struct BadLinks *links, struct Error *error) {
    if (!links->skip_bad)
        return error_advise(error, ADVICE_SKIP_BAD, NULL, NULL, 0);
    source_notice(links->ticker, error->text);
    ++*links->skipped;
    return OK;
}

static int add_entry(struct Folder *folder, const char *path, const char *name,
                     const struct BadLinks *links, struct Error *error) {
    struct stat about;
    if (stat(path, &about) == 0) {
        name_list__add(S_ISDIR(about.st_mode) ? &folder->folders : &folder->files,
                       memory_copy_text(name));
        return OK;
    }
    struct stat link;
    bool leads_nowhere = (errno == ENOENT || errno == ELOOP || errno == ENOTDIR) &&
                         lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    if (!leads_nowhere)
        return fail_errno(error, "%s: cannot open", path);
    fail(error, ERROR_DATA, "%s: is a link that leads nowhere", path);
    return leave_out(links, error);
}

int folder__list(struct Folder *folder, const char *path, const struct BadLinks *links,
                 struct Error *error) {
    *folder = (struct Folder){0};
    DIR *stream = opendir(path);
    if (!stream)
        return fail_errno(error, "%s: cannot open folder", path);
    int code = OK;
    for (struct dirent *entry; code == OK && (errno = 0, entry = readdir(stream));) {
        if (folder__is_debris(entry->d_name))
            continue;
        char *inner = memory_print("%s/%s", path, entry->d_name);
        code = add_entry(folder, inner, entry->d_name, links, error);
        memory_release(inner);
    }
    if (code == OK && errno != 0)
        code = fail_errno(error, "%s: cannot read folder", path);
    closedir(stream);
    sort(&folder->folders);
    sort(&folder->files);
    return code;
}

void folder__release(struct Folder *folder) {
    name_list__release(&folder->folders);
    name_list__release(&folder->files);
}

int folder__enter(struct FolderNest *nest, const char *path, const struct FolderNest *outer,
                  const struct BadLinks *links, bool *enters, struct Error *error) {
    *enters = true;
    nest->outer = outer;
    if (stat(path, &nest->about) != 0)
        return fail_errno(error, "%s: cannot open folder", path);
    for (; outer && *enters; outer = outer->outer)
        *enters =
            outer->about.st_dev != nest->about.st_dev || outer->about.st_ino != nest->about.st_ino;
    if (*enters)
        return OK;
    fail(error, ERROR_DATA, "%s: is a link to a folder that contains it", path);
    return leave_out(links, error);
}
