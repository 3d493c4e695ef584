#include "report/trace.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

int trace_open(struct Trace *trace, const char *path, struct Error *error) {
    *trace = (struct Trace){0};
    int code = whole_file_open(&trace->file, path, error);
    if (!code)
        fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", trace->file.stream);
    return code;
}

static void begin_event(struct Trace *trace, const char *name, int rank) {
    json_t *string = json_string(name);
    char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    fprintf(trace->file.stream, "%s\n{\"name\":%s,\"pid\":%d,\"tid\":0", trace->events++ ? "," : "",
            quoted ? quoted : "\"\"", rank);
    free(quoted);
    json_decref(string);
}

void trace_process(struct Trace *trace, int rank, const char *name) {
    json_t *string = json_string(name);
    char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    begin_event(trace, "process_name", rank);
    fprintf(trace->file.stream, ",\"ph\":\"M\",\"args\":{\"name\":%s}}", quoted ? quoted : "\"\"");
    free(quoted);
    json_decref(string);
    begin_event(trace, "process_sort_index", rank);
    fprintf(trace->file.stream, ",\"ph\":\"M\",\"args\":{\"sort_index\":%d}}", rank);
}

/* As microseconds. */
static void put_time(struct Trace *trace, const char *key, int64_t nanoseconds) {
    fprintf(trace->file.stream, ",\"%s\":%" PRId64 ".%03" PRId64, key, nanoseconds / 1000,
            nanoseconds % 1000);
}

/* The ends are rounded, not the durations, so that events nest as they did. */
void trace_event(struct Trace *trace, int rank, const char *name, const char *category,
                 double begin, double end) {
    int64_t from = llround(1e9 * begin), to = llround(1e9 * end);
    begin_event(trace, name, rank);
    fprintf(trace->file.stream, ",\"ph\":\"X\",\"cat\":\"%s\"", category);
    put_time(trace, "ts", from);
    put_time(trace, "dur", to - from);
    fputc('}', trace->file.stream);
}

int trace_publish(struct Trace *trace, struct Error *error) {
    fputs("\n]}\n", trace->file.stream);
    return whole_file_publish(&trace->file, error);
}

void trace_close(struct Trace *trace) {
    whole_file_close(&trace->file);
}
