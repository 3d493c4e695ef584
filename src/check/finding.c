#include "check/finding.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "check/inside.h"

#define ENOUGH_STEPS 80 /* to say of a rate that it is bad */

const char *const check_item_names[CHECK_ITEMS] = {
    [CHECK_SETTINGS] = "settings",
    [CHECK_DATA] = "data",
    [CHECK_LOSS] = "loss",
    [CHECK_GRADIENTS] = "gradients",
    [CHECK_ACTIVATIONS] = "activations",
    [CHECK_OVERFIT] = "overfit",
    [CHECK_RATES] = "rates",
    [CHECK_TRIAL] = "trial",
};

const char *const check_item_titles[CHECK_ITEMS] = {
    [CHECK_SETTINGS] = "values in the run file that explain a failure by themselves",
    [CHECK_DATA] = "counts, duplicates, and what preprocessing makes of the samples",
    [CHECK_LOSS] = "the initial loss",
    [CHECK_GRADIENTS] = "backward against central differences",
    [CHECK_ACTIVATIONS] = "activations and gradients at the start, by depth",
    [CHECK_OVERFIT] = "a handful of samples, to be learnt by heart",
    [CHECK_RATES] = "the learning rate, raised step by step",
    [CHECK_TRIAL] = "a short training",
};

const char *const check_verdict_names[CHECK_VERDICTS] = {
    [CHECK_GOOD] = "good", [CHECK_DOUBTFUL] = "doubtful", [CHECK_BAD] = "bad"};

void findings_release(struct Findings *findings) {
    for (int i = 0; i < findings->count; i++) {
        memory_release(findings->rows[i].found);
        memory_release(findings->rows[i].expected);
        memory_release(findings->rows[i].cause);
        memory_release(findings->rows[i].advice);
    }
    for (int i = 0; i < findings->layer_count; i++)
        memory_release(findings->layers[i].name);
    memory_release(findings->layers);
    memory_release(findings->rates);
    memory_release(findings->rows);
    *findings = (struct Findings){0};
}

enum CheckVerdict findings_verdict(const struct Findings *findings) {
    const struct Finding *worst = findings_main(findings);
    return worst ? worst->verdict : CHECK_GOOD;
}

const struct Finding *findings_main(const struct Findings *findings) {
    const struct Finding *first = NULL;
    for (int i = 0; i < findings->count; i++) {
        const struct Finding *finding = &findings->rows[i];
        if (finding->verdict > (first ? first->verdict : CHECK_GOOD))
            first = finding;
    }
    return first;
}

/* Classes of unequal size, say, do not keep a network from learning. */
static bool has_to_do_with_learning(const struct Finding *finding) {
    return finding->item == CHECK_SETTINGS || finding->item == CHECK_LOSS ||
           finding->item == CHECK_ACTIVATIONS || !strcmp(finding->name, "deviation");
}

const struct Finding *findings__explanation(const struct Findings *findings) {
    const struct Finding *first = findings_main(findings);
    if (first && first->verdict == CHECK_BAD)
        return first;
    for (int i = 0; i < findings->count; i++)
        if (findings->rows[i].verdict == CHECK_DOUBTFUL &&
            has_to_do_with_learning(&findings->rows[i]))
            return &findings->rows[i];
    return NULL;
}

bool finding__blame_earlier(const struct Findings *findings, struct Finding *finding,
                            enum CheckVerdict verdict) {
    const struct Finding *earlier = findings__explanation(findings);
    if (!earlier || earlier == finding)
        return false;
    finding__blame(finding, verdict, earlier->cause, earlier->advice);
    return true;
}

void findings__soften(struct Findings *findings, enum CheckItem item, int64_t steps) {
    for (int i = 0; i < findings->count; i++) {
        struct Finding *finding = &findings->rows[i];
        if (finding->item != item || finding->verdict != CHECK_BAD || steps >= ENOUGH_STEPS)
            continue;
        finding->verdict = CHECK_DOUBTFUL;
        finding__say(finding,
                     "; after %" PRId64 " steps, all that there was time for, this is not "
                     "sure",
                     steps);
    }
}

struct Finding *findings__add(struct Findings *findings, enum CheckItem item, const char *name) {
    findings->rows = memory_room(findings->rows, findings->count, "findings");
    struct Finding *finding = &findings->rows[findings->count++];
    *finding = (struct Finding){.item = item,
                                .name = name,
                                .found = memory_copy_text(""),
                                .expected = memory_copy_text(""),
                                .cause = memory_copy_text(""),
                                .advice = memory_copy_text("")};
    return finding;
}

void finding__figure(struct Finding *finding, const char *name, double value) {
    CHECK(finding->figure_count < CHECK_FIGURES);
    finding->figures[finding->figure_count++] = (struct CheckFigure){name, value};
}

static void replace(char **text, const char *by) {
    char *copy = memory_copy_text(by);
    memory_release(*text);
    *text = copy;
}

static void add(char **text, const char *format, va_list arguments) {
    char *more;
    if (vasprintf(&more, format, arguments) < 0)
        memory_failed(0, "a finding");
    char *joined = memory_print("%s%s", *text, more);
    free(more);
    memory_release(*text);
    *text = joined;
}

void finding__say(struct Finding *finding, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(&finding->found, format, arguments);
    va_end(arguments);
}

void finding__expect(struct Finding *finding, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(&finding->expected, format, arguments);
    va_end(arguments);
}

void finding__blame(struct Finding *finding, enum CheckVerdict verdict, const char *cause,
                    const char *advice) {
    if (verdict <= finding->verdict)
        return;
    finding->verdict = verdict;
    replace(&finding->cause, cause);
    replace(&finding->advice, advice);
}
