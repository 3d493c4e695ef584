#include "search/ledger.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/whole_file.h"
#include "checkpoint/checkpoint.h"

#define PATIENCE 150.0 /* seconds; longer than a lock that is left over stays */
#define STARTS 10      /* in a row that came to nothing */
#define LINE 64        /* bytes of a start */

static const char *const status_names[] = {[TRIAL_NEW] = "new",
                                           [TRIAL_OPEN] = "open",
                                           [TRIAL_PAUSED] = "paused",
                                           [TRIAL_FINISHED] = "finished",
                                           [TRIAL_DIVERGED] = "diverged",
                                           [TRIAL_FAILED] = "failed",
                                           NULL};

#define RECORD_AT(member) offsetof(struct TrialRecord, member)
#define COUNT_KEY(key_name, member, start)                                                         \
    {                                                                                              \
        .name = key_name, .type = KEY_INT, .offset = RECORD_AT(member), .fallback = start,         \
        .minimum = 0, .maximum = 9e15, .help = "-"                                                 \
    }
#define TEXT_KEY(key_name, member)                                                                 \
    {                                                                                              \
        .name = key_name, .type = KEY_STRING, .offset = RECORD_AT(member), .optional = true,       \
        .help = "-"                                                                                \
    }
static const struct Key record_keys[] = {
    COUNT_KEY("trial", number, NULL),
    COUNT_KEY("stage", stage, NULL),
    {.name = "status",
     .type = KEY_ENUM,
     .offset = RECORD_AT(status),
     .names = status_names,
     .help = "-"},
    {.name = "values", .type = KEY_STRINGS, .offset = RECORD_AT(values), .help = "-"},
    TEXT_KEY("figure", figure),
    {.name = "metrics",
     .type = KEY_REALS,
     .offset = RECORD_AT(metrics),
     .is_double = true,
     .fallback = "[]",
     .help = "-"},
    COUNT_KEY("step", step, "0"),
    COUNT_KEY("total_steps", total_steps, "0"),
    COUNT_KEY("best_step", best_step, "0"),
    {.name = "seconds",
     .type = KEY_REAL,
     .offset = RECORD_AT(seconds),
     .is_double = true,
     .fallback = "0",
     .help = "-"},
    TEXT_KEY("digest", digest),
    TEXT_KEY("error", error),
    KEY_END};

static char *entry_path(const char *folder, int64_t number, const char *name) {
    return memory_print("%s/ledger/%04" PRId64 "/%s", folder, number, name);
}

char *ledger_trial_folder(const char *folder, int64_t number) {
    return memory_print("%s/trials/%04" PRId64, folder, number);
}

int ledger_make(const char *folder, struct Error *error) {
    static const char *const names[] = {"ledger", "trials"};
    int code = OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && !code; i++) {
        char *path = memory_print("%s/%s", folder, names[i]);
        code = path_make_folders(path, NULL, error);
        memory_release(path);
    }
    return code;
}

int ledger_lock(struct FolderLock **lock, const char *folder, struct Error *error) {
    char *path = memory_print("%s/ledger", folder);
    int code = folder_lock_take(lock, path, PATIENCE, NULL, NULL, error);
    memory_release(path);
    return code;
}

/* ---- Records ---- */

static int read_entry(const char *folder, int64_t number, struct LedgerEntry *entry,
                      struct Error *error) {
    char *path = entry_path(folder, number, "record.yaml");
    int code = OK;
    if (!access(path, F_OK))
        code = runfile_parse(&entry->file, path, NULL, NULL, 0, record_keys, &entry->record, error);
    memory_release(path);
    return code;
}

int ledger_read(const char *folder, int64_t first, int64_t count, struct LedgerEntry *entries,
                struct Error *error) {
    memset(entries, 0, (size_t)count * sizeof *entries);
    int code = OK;
    for (int64_t i = 0; i < count && !code; i++)
        code = read_entry(folder, first + i, &entries[i], error);
    return code;
}

void ledger_forget(struct LedgerEntry *entry) {
    runfile_release(entry->file);
    *entry = (struct LedgerEntry){0};
}

int ledger_write(const char *folder, const struct TrialRecord *record, struct Error *error) {
    struct WholeFile file;
    char *path = entry_path(folder, record->number, "record.yaml");
    char *text = runfile_emit(record_keys, record);
    int code = whole_file_open(&file, path, error);
    if (!code) {
        fputs(text, file.stream);
        code = whole_file_publish(&file, error);
    }
    whole_file_close(&file);
    memory_release(text);
    memory_release(path);
    return code;
}

/* ---- Claims ---- */

int ledger_claim(struct FolderLock **lock, const char *folder, int64_t number,
                 struct Error *error) {
    char *path = memory_print("%s/ledger/%04" PRId64, folder, number);
    *lock = NULL;
    int code = path_make_folders(path, NULL, error);
    if (!code)
        code = folder_lock_take(lock, path, 0, NULL, NULL, error);
    if (code && error->advice.kind == ADVICE_OTHER_FOLDER) { /* another process holds it */
        *error = (struct Error){0};
        code = OK;
    }
    memory_release(path);
    return code;
}

/* ---- Starts and crashes ---- */

/* The name of the newest checkpoint of the trial's run; "none". */
static void newest_checkpoint(const char *folder, int64_t number, char name[LINE]) {
    char *run = ledger_trial_folder(folder, number), *path = memory_print("%s/checkpoints", run);
    char **paths = NULL;
    int count = 0;
    struct Error ignored = {0};
    snprintf(name, LINE, "none");
    if (!checkpoint_list(path, &paths, &count, &ignored) && count)
        snprintf(name, LINE, "%.*s", LINE - 1, path_base(paths[0]));
    memory_release_texts(paths, count);
    memory_release(path);
    memory_release(run);
}

/* How many lines at the end of the file of starts say `name`. */
static int idle_starts(FILE *stream, const char *name) {
    char line[LINE + 1];
    int idle = 0;
    rewind(stream);
    while (fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\n")] = '\0';
        idle = strcmp(line, name) ? 0 : idle + 1;
    }
    return idle;
}

static int64_t crashes_of(const char *folder, int64_t number) {
    struct stat status;
    char *path = entry_path(folder, number, "crashes");
    int64_t bytes = stat(path, &status) ? 0 : (int64_t)status.st_size;
    memory_release(path);
    return bytes;
}

int ledger_start(const char *folder, int64_t number, int64_t crashes, char **refusal,
                 struct Error *error) {
    char name[LINE];
    *refusal = NULL;
    if (crashes_of(folder, number) >= crashes) {
        *refusal = memory_print("the program crashed in it %" PRId64 " time%s",
                                crashes_of(folder, number), crashes > 1 ? "s" : "");
        return OK;
    }
    char *path = entry_path(folder, number, "starts");
    FILE *stream = fopen(path, "a+e");
    int code = stream ? OK : fail_errno(error, "%s: cannot be written", path);
    if (!code) {
        newest_checkpoint(folder, number, name);
        if (idle_starts(stream, name) >= STARTS)
            *refusal =
                memory_print("was killed %d times in a row before it saved anything new", STARTS);
        fprintf(stream, "%s\n", name);
        if (fflush(stream) || fsync(fileno(stream)))
            code = fail_errno(error, "%s: cannot be written", path);
    }
    if (stream)
        fclose(stream);
    memory_release(path);
    return code;
}

void ledger_end(const char *folder, int64_t number) {
    char *path = entry_path(folder, number, "starts");
    unlink(path);
    memory_release(path);
}

int ledger_crash_file(const char *folder, int64_t number, int64_t *place) {
    char *path = entry_path(folder, number, "crashes");
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    *place = crashes_of(folder, number);
    memory_release(path);
    return file;
}
