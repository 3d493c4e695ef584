/* Turns the hue of every pixel by a part t of the colour circle, drawn uniformly from
 * [−amount, amount]; value and saturation stay. Equals torchvision's adjust_hue. With V the largest
 * of (r, g, b), C = V − the smallest, and H in [0, 6) the hue (red 0, green 2, blue 4),
 *   H' = (H + 6t) mod 6,   channel = V − C · clamp(min(k, 4 − k), 0, 1),  k = (n + H') mod 6,
 * n = 5, 3, 1 for red, green, blue. Nothing is divided by V, so pixels may have any range. */
#include "data/augmentations/colour.h"

struct HueOptions {
    double amount;
};

static const struct Key hue_keys[] = {
    {.name = "amount",
     .type = KEY_REAL,
     .offset = offsetof(struct HueOptions, amount),
     .fallback = "0.1",
     .minimum = 0,
     .maximum = 0.5,
     .help = "the largest turn, as a part of the colour circle, either way; 0.5 reaches all hues"},
    KEY_END};

static int hue_describe(const struct Choice *choice, const struct Image *in, struct Image *out,
                        struct Error *error) {
    *out = *in;
    return augment_need_colour(choice, in, error);
}

static inline float channel_of(float value, float chroma, float k) {
    k = k >= 6 ? k - 6 : k;
    float part = k < 4 - k ? k : 4 - k;
    part = part < 0 ? 0 : part;
    return value - chroma * (part > 1 ? 1 : part);
}

/* Pixels are handled in groups, one channel after another, so that a vector register holds the same
 * channel of several pixels. */
enum { GROUP = 16 };
struct Group {
    float r[GROUP], g[GROUP], b[GROUP];
};

/* `turn` is in [0, 6). */
static void turn_group(struct Group *group, float turn) {
    for (int i = 0; i < GROUP; i++) {
        float r = group->r[i], g = group->g[i], b = group->b[i];
        float most = r > g ? r : g, least = r < g ? r : g;
        most = most > b ? most : b;
        least = least < b ? least : b;
        float chroma = most - least;
        float from_r = g - b, from_g = b - r, from_b = r - g;
        float place = most == g ? from_g : from_b, sector = most == g ? 2 : 4;
        place = most == r ? from_r : place;
        sector = most == r ? 6 : sector;
        float hue = place / (chroma > 0 ? chroma : 1) + sector + turn;
        hue = hue >= 12 ? hue - 12 : hue;
        hue = hue >= 6 ? hue - 6 : hue;
        group->r[i] = channel_of(most, chroma, 5 + hue);
        group->g[i] = channel_of(most, chroma, 3 + hue);
        group->b[i] = channel_of(most, chroma, 1 + hue);
    }
}

static void turn_pixels(int64_t count, const float *from, float turn, float *to) {
    struct Group group = {{0}, {0}, {0}};
    for (int64_t i = 0; i < count; i++) {
        group.r[i] = from[3 * i];
        group.g[i] = from[3 * i + 1];
        group.b[i] = from[3 * i + 2];
    }
    turn_group(&group, turn);
    for (int64_t i = 0; i < count; i++) {
        to[3 * i] = group.r[i];
        to[3 * i + 1] = group.g[i];
        to[3 * i + 2] = group.b[i];
    }
}

static void hue_apply(const void *options, void *prepared, const struct AugmentPlace *at,
                      const struct Image *in, struct Image *out) {
    (void)prepared;
    const struct HueOptions *hue = options;
    struct RandomStream stream = augment_stream(at);
    double turn = 6 * hue->amount * (2 * (double)random_uniform(random_word(&stream, 0)) - 1);
    float forward = (float)(turn < 0 ? turn + 6 : turn);
    forward = forward >= 6 ? 0 : forward;
    const float *from = in->pixels;
    float *to = out->pixels;
    for (int64_t left = in->height * in->width; left > 0; left -= GROUP) {
        turn_pixels(left < GROUP ? left : GROUP, from, forward, to);
        from += 3 * GROUP;
        to += 3 * GROUP;
    }
}

extern const struct Augment augment_hue;
const struct Augment augment_hue = {
    .kind = {.name = "hue",
             .summary = "turn the hue of raw images by a random part of the colour circle",
             .keys = hue_keys,
             .options_size = sizeof(struct HueOptions)},
    .stage = AUGMENT_RAW,
    .describe = hue_describe,
    .apply = hue_apply,
};
