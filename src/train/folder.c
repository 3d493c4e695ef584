/* The folder that a run writes to, from its lock to the first checkpoint in it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/temporary.h"
#include "base/whole_file.h"
#include "train/trainer.h"

#define PATIENCE 5.0 /* seconds in which the ranks of a run that was killed end */
#define ATTEMPTS 3   /* at a folder that another run removes because it cannot start */

#define STATISTICS "statistics.h5" /* what the run measured of its training split */

static const char *const own_names[] = {"run.yaml", "metrics.jsonl", "monitor.jsonl",
                                        "environment.jsonl", STATISTICS};

/* Refuses a file, or a link that leads nowhere, if it is in the place of the folder or of one that
 * it lies in. */
static int refuse_files(const char *folder, struct Error *error) {
    char *path = memory_copy_text(folder);
    int code = OK;
    for (char *slash = strchr(path + 1, '/'); !code; slash = strchr(slash + 1, '/')) {
        struct stat status;
        if (slash)
            *slash = '\0';
        bool there = !stat(path, &status);
        if (there ? !S_ISDIR(status.st_mode) : !lstat(path, &status)) {
            fail(error, ERROR_SYSTEM, "%s is %s, expected a folder", path,
                 there ? "a file" : "a link that leads nowhere");
            code = error_blame_option(error, "out", NULL);
        }
        if (!slash)
            break;
        *slash = '/';
    }
    memory_release(path);
    return code;
}

/* Removes the folders of `path` that this process made, as far as they are empty. */
static void remove_made(const char *path, size_t made) {
    char *copy = memory_copy_text(path);
    while (made && strlen(copy) >= made) {
        rmdir(copy);
        char *slash = strrchr(copy, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    memory_release(copy);
}

static bool has(const struct Trainer *trainer, const char *name) {
    char *path = memory_print("%s/%s", trainer->request->folder, name);
    struct stat status;
    bool there = lstat(path, &status) == 0;
    memory_release(path);
    return there;
}

static int lock(struct Trainer *trainer, struct Error *error) {
    struct RunFolder *folder = &trainer->folder;
    const char *path = trainer->request->folder;
    int code = refuse_files(path, error);
    if (code)
        return code;
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        code = path_make_folders(path, &folder->made, error);
        if (!code)
            code = folder_lock_take(&folder->lock, path, PATIENCE, trainer__stop_is_pending,
                                    trainer, error);
        if (!code || !access(path, F_OK))
            break;
    }
    for (int i = 0; i < OWN_NAMES; i++)
        folder->had[i] = has(trainer, own_names[i]);
    if (code)
        remove_made(path, folder->made);
    return code;
}

int trainer__lock_folder(struct Trainer *trainer, struct Error *error) {
    int code = ranks_rank(trainer->ranks) == 0 ? lock(trainer, error) : OK;
    code = ranks_agree(trainer->ranks, code, error);
    if (code != OK && error->advice.kind == ADVICE_OTHER_FOLDER) {
        trainer__share_interrupts(trainer);
        if (trainer__is_stopping(trainer))
            code = trainer__stopped_waiting(trainer, error);
    }
    return code;
}

static int write_run_file(const struct Trainer *trainer, struct Error *error) {
    struct WholeFile file;
    char *path = memory_print("%s/run.yaml", trainer->request->folder);
    int code = whole_file_open(&file, path, error);
    if (!code) {
        fputs(trainer->run_text, file.stream);
        code = whole_file_publish(&file, error);
    }
    whole_file_close(&file);
    memory_release(path);
    return code;
}

static bool is_own(const char *name) {
    for (int i = 0; i < OWN_NAMES; i++)
        if (!strcmp(name, own_names[i]))
            return true;
    return !strcmp(name, FOLDER_LOCK_NAME);
}

static int write_statistics(const struct Trainer *trainer, struct Error *error) {
    const struct MeasuredStatistics *measured = &trainer->parts.measured;
    struct H5Writer *writer;
    if (!measured->split)
        return OK;
    char *path = memory_print("%s/" STATISTICS, trainer->request->folder);
    int code = h5_create(&writer, path, error);
    if (code == OK) {
        code = measured_saved.save(measured, writer, error);
        if (code == OK)
            code = h5_commit(writer, error);
        else
            h5_abandon(writer);
    }
    memory_release(path);
    return code;
}

int trainer__open_folder(struct Trainer *trainer, struct Error *error) {
    bool dry = trainer->request->dry;
    if (!dry) {
        remove_temporaries(trainer->request->folder, is_own);
        checkpoint_clean(trainer->checkpoints);
    }
    int code = trainer->saved.progress.step == 0 ? trainer__check_room(trainer, error) : OK;
    if (!code)
        code = path_make_folders(trainer->checkpoints, &trainer->folder.made_checkpoints, error);
    if (!code && !dry)
        code = write_run_file(trainer, error);
    return code || dry ? code : write_statistics(trainer, error);
}

/* Takes back what a run wrote that could not save its first checkpoint. */
static void discard(struct Trainer *trainer) {
    const struct RunFolder *folder = &trainer->folder;
    for (int i = 0; i < OWN_NAMES; i++)
        if (!folder->had[i]) {
            char *path = memory_print("%s/%s", trainer->request->folder, own_names[i]);
            unlink(path);
            memory_release(path);
        }
    if (folder->made_checkpoints)
        rmdir(trainer->checkpoints);
}

void trainer__close_folder(struct Trainer *trainer) {
    struct RunFolder *folder = &trainer->folder;
    if (!folder->lock)
        return;
    if (!folder->kept)
        discard(trainer);
    folder_lock_release(folder->lock);
    if (!folder->kept)
        remove_made(trainer->request->folder, folder->made);
    folder->lock = NULL;
}
