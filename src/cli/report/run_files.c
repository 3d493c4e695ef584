/* The run files and their differences. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/child.h"
#include "base/memory.h"
#include "base/read_file.h"
#include "cli/report/report.h"

#define MOST_DIFFERENCE (1 << 20) /* bytes */

/* Writes the output of `diff` for two run files to `file`; false if diff cannot be run. */
static bool compare(const char *first, const char *second, int file, int *status) {
    struct Error ignored;
    const char *const words[] = {"diff", "-U", "2",   "--label", first, "--label",
                                 second, "--", first, second,    NULL};
    return child_run(words, NULL, -1, file, status, &ignored) == OK && *status <= 1;
}

static void add_difference(struct Report *report, const struct ReportRun *run) {
    const struct ReportRun *first = &report->runs[0];
    char *one = memory_print("%s/run.yaml", first->folder);
    char *other = memory_print("%s/run.yaml", run->folder);
    char *text = memory_array(char, MOST_DIFFERENCE + 1, "a difference");
    char *title = memory_print("%s against %s", run->name, first->name);
    int file = memfd_create("difference", MFD_CLOEXEC), status;
    if (file >= 0 && compare(one, other, file, &status)) {
        if (status == 0)
            page_words(&report->page, "%s: the same run file.", title);
        else if (read_file_part(file, text, MOST_DIFFERENCE, 0) >= 0)
            page_listing(&report->page, title, text, true);
    }
    if (file >= 0)
        close(file);
    memory_release(one);
    memory_release(other);
    memory_release(text);
    memory_release(title);
}

int report_add_run_files(struct Report *report, struct Error *error) {
    (void)error;
    page_section(&report->page, report->run_count > 1 ? "Run files" : "Run file");
    for (int i = 1; i < report->run_count; i++)
        add_difference(report, &report->runs[i]);
    for (int i = 0; i < report->run_count; i++)
        page_listing(&report->page, report->runs[i].name, report->runs[i].run_text, false);
    return OK;
}

int report_add_file(struct Report *report, const char *folder, const char *name,
                    struct Error *error) {
    char *path = memory_print("%s/%s", folder, name);
    char *text = memory_array(char, REPORT_RUN_FILE + 1, "a file");
    int code = OK;
    if (read_file_head(path, text, REPORT_RUN_FILE))
        page_listing(&report->page, name, text, false);
    else
        code = fail(error, ERROR_SYSTEM, "%s: cannot be read", path);
    memory_release(text);
    memory_release(path);
    return code;
}
