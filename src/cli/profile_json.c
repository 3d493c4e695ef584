#include "cli/profile_json.h"

/* Adds a number, unless it is 0, which means that it is not known. */
static void add_real(json_t *object, const char *key, double value) {
    if (value > 0)
        json_object_set_new(object, key, json_real(value));
}

static void add_text(json_t *object, const char *key, const char *text) {
    if (*text)
        json_object_set_new(object, key, json_string(text));
}

/* The seconds are in the order of the ranks. */
static json_t *row_json(const struct Profile *profile, int i) {
    const struct ProfileRow *row = &profile->rows[i];
    json_t *object = json_object(), *ranks = json_array();
    add_text(object, "layer", row->layer);
    add_text(object, "operation", row->operation);
    add_text(object, "pass", row->pass);
    add_text(object, "kernel", row->kernel);
    json_object_set_new(object, "seconds", json_real(profile_row_seconds(profile, i)));
    add_real(object, "flops", row->flops);
    add_real(object, "bytes", row->bytes);
    add_real(object, "floor_seconds", row->floor);
    for (int rank = 0; rank < profile->ranks; rank++)
        json_array_append_new(ranks, json_real(profile->seconds[i * profile->ranks + rank]));
    json_object_set_new(object, "rank_seconds", ranks);
    return object;
}

static json_t *event_json(const struct ProfileEvent *event) {
    return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)event->count, "seconds",
                     event->seconds, "fastest_rank_seconds", event->least, "slowest_rank_seconds",
                     event->most);
}

json_t *profile_json(const struct Profile *profile) {
    json_t *rows = json_array();
    for (int i = 0; i < profile->row_count; i++)
        json_array_append_new(rows, row_json(profile, i));
    json_t *object = json_pack(
        "{s:i, s:i, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o}", "ranks", profile->ranks,
        "threads", profile->threads, "steps", (json_int_t)profile->steps, "warm_up_steps",
        (json_int_t)profile->warm_up, "step_seconds",
        profile->steps ? profile_step_seconds(profile) : 0.0, "samples", profile->samples,
        "wall_seconds", profile->wall_seconds, "peak_flops", profile->peak, "peak_bandwidth",
        profile->bandwidth, "rows", rows, "validations", event_json(&profile->validations),
        "checkpoints", event_json(&profile->checkpoints));
    if (profile->trace)
        json_object_set_new(object, "trace", json_string(profile->trace));
    return object;
}
