#include "cli/doctor/doctor.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"

const char *const verdict_names[VERDICTS] = {"ok", "note", "problem"};

void report_add(struct Report *report, enum Verdict verdict, const char *name, const char *advice,
                const char *format, ...) {
    va_list arguments;
    char *found = NULL;
    va_start(arguments, format);
    CHECK(vasprintf(&found, format, arguments) >= 0);
    va_end(arguments);
    report->findings = memory_room(report->findings, report->count, "findings");
    report->findings[report->count++] =
        (struct Finding){.verdict = verdict,
                         .name = name,
                         .found = memory_copy_text(found),
                         .advice = memory_copy_text(verdict && advice ? advice : "")};
    free(found);
}

enum Verdict report_verdict(const struct Report *report) {
    enum Verdict worst = VERDICT_OK;
    for (int i = 0; i < report->count; i++)
        if (report->findings[i].verdict > worst)
            worst = report->findings[i].verdict;
    return worst;
}

int report_count(const struct Report *report, enum Verdict verdict) {
    int count = 0;
    for (int i = 0; i < report->count; i++)
        count += report->findings[i].verdict == verdict;
    return count;
}

void report_print(const struct Report *report, FILE *out) {
    for (int i = 0; i < report->count; i++) {
        const struct Finding *finding = &report->findings[i];
        fprintf(out, "%-8s %-14s %s%s%s\n", verdict_names[finding->verdict], finding->name,
                finding->found, *finding->advice ? "; " : "", finding->advice);
    }
}

void report_release(struct Report *report) {
    for (int i = 0; i < report->count; i++) {
        memory_release(report->findings[i].found);
        memory_release(report->findings[i].advice);
    }
    memory_release(report->findings);
    *report = (struct Report){0};
}
