#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "watch/sight.h"

/* What a rank does in a phase. */
static const char *const activities[BEAT_PHASES] = {
    [BEAT_STARTING] = "starting",
    [BEAT_PREPARING] = "opening the data and compiling the model",
    [BEAT_FIRST_STEP] = "computing",
    [BEAT_STEP] = "computing",
    [BEAT_VALIDATING] = "validation",
    [BEAT_SAVING] = "saving",
    [BEAT_LOOKING] = "looking for the layer where numbers went wrong",
    [BEAT_EVALUATING] = "evaluation",
    [BEAT_ENDING] = "ending",
};

/* A line that grows up to WORDS_LENGTH. */
struct Line {
    char *text;
    size_t used;
};

static void add(struct Line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct Line *line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->text + line->used, WORDS_LENGTH - line->used, format, arguments);
    va_end(arguments);
    line->used += (size_t)(length > 0 ? length : 0);
    if (line->used > WORDS_LENGTH - 1)
        line->used = WORDS_LENGTH - 1;
}

/* "in step 128 (computing)", "after step 128 (saving)", "before the first step (starting)". */
static void add_place(struct Line *line, const struct Sight *sight) {
    bool in_step = sight->phase == BEAT_STEP || sight->phase == BEAT_FIRST_STEP;
    if (sight->step && in_step)
        add(line, "in step %" PRId64, sight->step);
    else if (sight->step)
        add(line, "after step %" PRId64, sight->step);
    else if (sight->phase == BEAT_EVALUATING)
        add(line, "in the evaluation");
    else
        add(line, "before the first step");
    if (in_step && sight->waits)
        add(line, " (exchange)");
    else if (sight->phase != BEAT_EVALUATING)
        add(line, " (%s%s)", activities[sight->phase], sight->waits ? ", waits for others" : "");
    else if (sight->waits)
        add(line, " (waits for others)");
}

static void add_process(struct Line *line, const struct Sight *sight) {
    if (sight->pid)
        add(line, ", process %d", sight->pid);
    if (sight->process == 'D')
        add(line, ", blocked in the kernel (a disk or a network file system)");
}

static void add_others(struct Line *line, const struct Judgement *judgement,
                       const char *const *hosts) {
    int named = judgement->count < 4 ? judgement->count : 4;
    if (judgement->count == 1)
        return;
    add(line, "; the same holds for");
    for (int i = 1; i < named; i++)
        add(line, "%s rank %d on %s", i > 1 ? "," : "", judgement->ranks[i],
            hosts[judgement->ranks[i]]);
    if (judgement->count > named)
        add(line, ", and %d more", judgement->count - named);
}

static void add_silence(struct Line *line, const struct Judgement *judgement,
                        const struct Sight *sight) {
    bool stopped = sight->process == 'T', traced = sight->process == 't';
    add(line, "hangs: %sno sign of life for %.0f s ",
        stopped  ? "stopped by a signal, "
        : traced ? "stopped by a debugger, "
                 : "",
        judgement->seconds);
}

static void add_unreachable(struct Line *line, const struct Judgement *judgement,
                            const struct Sight *sights, int ranks, const char *const *hosts) {
    int first = judgement->ranks[0], node = sights[first].node, on_node = 0;
    for (int rank = 0; rank < ranks; rank++)
        on_node += sights[rank].node == node;
    if (on_node == 1) /* no other process of the host could report more */
        add(line,
            "rank %d on %s hangs, or its host cannot be reached: nothing heard of it for "
            "%.0f s, last ",
            first, hosts[first], judgement->seconds);
    else
        add(line,
            "host %s (rank %d and others) cannot be reached: nothing heard of it for %.0f s, "
            "last ",
            hosts[first], first, judgement->seconds);
    add_place(line, &sights[first]);
    if (judgement->count > on_node)
        add(line, "; the same holds for %d ranks on other hosts", judgement->count - on_node);
}

void judgement__words(const struct Judgement *judgement, const struct Sight *sights, int ranks,
                      const char *const *hosts, char words[WORDS_LENGTH]) {
    struct Line line = {.text = words};
    int first = judgement->ranks[0];
    const struct Sight *sight = &sights[first];
    if (judgement->finding == FINDING_UNREACHABLE) {
        add_unreachable(&line, judgement, sights, ranks, hosts);
        return;
    }
    if (judgement->finding == FINDING_CUT_OFF) {
        add(&line, "host %s (rank %d%s) is cut off: nothing heard of any other host for %.0f s, ",
            hosts[first], first, judgement->count > 1 ? " and others" : "", judgement->seconds);
        add_place(&line, sight);
        return;
    }
    if (judgement->finding == FINDING_DEADLOCK) {
        add(&line, "all ranks wait for one another for %.0f s ", judgement->seconds);
        add_place(&line, sight);
        add(&line, ": messages between them are lost, or MPI hangs; the first is rank %d on %s",
            first, hosts[first]);
        return;
    }
    add(&line, judgement->finding == FINDING_DIED ? "rank %d on %s died " : "rank %d on %s ", first,
        hosts[first]);
    if (judgement->finding == FINDING_SILENT)
        add_silence(&line, judgement, sight);
    else if (judgement->finding == FINDING_BEHIND)
        add(&line, "hangs: behind all others for %.0f s ", judgement->seconds);
    else if (judgement->finding == FINDING_HANGS)
        add(&line, "hangs: no progress for %.0f s ", judgement->seconds);
    add_place(&line, sight);
    add_process(&line, sight);
    add_others(&line, judgement, hosts);
}
