#include "data/synthesize.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/dataset/writer.h"

/* Coordinates: the image is the square [-1, 1]², x points right and y down. A figure is drawn from
 * its signed distance (negative inside), which tells how much of a pixel it covers without
 * supersampling. The C library's sine depends on the CPU, so angles use the one below, which needs
 * only + − × ÷ √ and gives the same bits everywhere. */

struct Vector {
    float x, y;
};
struct Colour {
    float channel[3]; /* 0 … 1 */
};

/* Random numbers in the order in which they are asked for.
 * Noise uses blocks from NOISE_BLOCK on. */
struct Draws {
    struct RandomStream stream;
    uint32_t used, words[4];
};
#define NOISE_BLOCK 1024

static uint32_t draw_word(struct Draws *draws) {
    if (draws->used % 4 == 0)
        random_block(&draws->stream, draws->used / 4, draws->words);
    return draws->words[draws->used++ % 4];
}

static float draw(struct Draws *draws, float low, float high) {
    return low + (high - low) * random_uniform(draw_word(draws));
}

static int draw_below(struct Draws *draws, uint32_t bound) {
    return (int)random_below(draw_word(draws), bound);
}

/* sin(2π turns) with an error below 4e-6: Taylor's series on a quarter of a turn. */
static float sine(float turns) {
    float t = turns - floorf(turns + 0.5f);
    if (t > 0.25f)
        t = 0.5f - t;
    else if (t < -0.25f)
        t = -0.5f - t;
    float a = 6.2831853f * t, b = a * a;
    return a * (1 - b * (1.f / 6 - b * (1.f / 120 - b * (1.f / 5040 - b * (1.f / 362880)))));
}

static float length(float x, float y) {
    return sqrtf(x * x + y * y);
}
static float clamp(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

/* Signed distances from figures that roughly fill the unit circle. Formulas from Inigo Quilez, "2D
 * distance functions". */

static float box(struct Vector p, float half_width, float half_height) {
    float x = fabsf(p.x) - half_width, y = fabsf(p.y) - half_height;
    return length(fmaxf(x, 0), fmaxf(y, 0)) + fminf(fmaxf(x, y), 0);
}

static float segment(struct Vector p, struct Vector a, struct Vector b) {
    float px = p.x - a.x, py = p.y - a.y, bx = b.x - a.x, by = b.y - a.y;
    float h = clamp((px * bx + py * by) / (bx * bx + by * by), 0, 1);
    return length(px - h * bx, py - h * by);
}

/* A closed polygon: the distance to the nearest edge; the crossing number gives the sign. */
static float polygon(struct Vector p, const struct Vector *corner, int count) {
    float nearest = 1e9f;
    bool inside = false;
    for (int i = 0, j = count - 1; i < count; j = i++) {
        struct Vector a = corner[i], b = corner[j];
        nearest = fminf(nearest, segment(p, a, b));
        if ((a.y > p.y) != (b.y > p.y) && p.x < a.x + (b.x - a.x) * (p.y - a.y) / (b.y - a.y))
            inside = !inside;
    }
    return inside ? -nearest : nearest;
}

static float disc(struct Vector p) {
    return length(p.x, p.y) - 0.85f;
}
static float ring(struct Vector p) {
    return fabsf(length(p.x, p.y) - 0.72f) - 0.2f;
}
static float square(struct Vector p) {
    return box(p, 0.74f, 0.74f);
}
static float triangle(struct Vector p) {
    static const struct Vector corner[] = {{0, -1}, {0.866f, 0.5f}, {-0.866f, 0.5f}};
    return polygon(p, corner, 3);
}
static float star(struct Vector p) {
    static const struct Vector corner[] = {{0, -1},
                                           {0.2469f, -0.3398f},
                                           {0.9511f, -0.309f},
                                           {0.3994f, 0.1298f},
                                           {0.5878f, 0.809f},
                                           {0, 0.42f},
                                           {-0.5878f, 0.809f},
                                           {-0.3994f, 0.1298f},
                                           {-0.9511f, -0.309f},
                                           {-0.2469f, -0.3398f}};
    return polygon(p, corner, 10);
}
static float cross(struct Vector p) {
    return fminf(box(p, 0.95f, 0.27f), box(p, 0.27f, 0.95f));
}
static float crescent(struct Vector p) {
    return fmaxf(length(p.x, p.y) - 0.92f, 0.78f - length(p.x - 0.48f, p.y));
}
static float heart(struct Vector p) {
    /* The heart of Quilez has its tip at the origin, points up and is 1.2 high. */
    float x = fabsf(p.x) / 1.55f, y = (0.95f - p.y) / 1.55f;
    float distance;
    if (x + y > 1) {
        distance = length(x - 0.25f, y - 0.75f) - 0.35355339f;
    } else {
        float half = 0.5f * fmaxf(x + y, 0);
        distance = fminf(length(x, y - 1), length(x - half, y - half));
        distance = x > y ? distance : -distance;
    }
    return distance * 1.55f;
}
static float arrow(struct Vector p) {
    static const struct Vector corner[] = {{-0.95f, -0.2f}, {0.1f, -0.2f}, {0.1f, -0.7f},
                                           {0.98f, 0},      {0.1f, 0.7f},  {0.1f, 0.2f},
                                           {-0.95f, 0.2f}};
    return polygon(p, corner, 7);
}
static float bars(struct Vector p) {
    struct Vector q = {p.x, p.y - 0.64f * clamp(rintf(p.y / 0.64f), -1, 1)};
    return box(q, 0.8f, 0.17f);
}

static float (*const figures[SYNTHESIS_CLASSES])(struct Vector) = {
    disc, ring, square, triangle, star, cross, crescent, heart, arrow, bars};
const char *const synthesis_class_names[SYNTHESIS_CLASSES] = {
    "disc", "ring", "square", "triangle", "star", "cross", "crescent", "heart", "arrow", "bars"};

const char *const synthesis_target_names[SYNTHESIS_TARGETS] = {"x", "y", "radius"};

/* The place and the shape of a figure. */
struct Pose {
    struct Vector centre;
    float radius, stretch; /* stretch: the width is divided by it, the height multiplied */
    float cosine, sine;
    float reach; /* nothing farther from the centre is painted */
};

static struct Pose draw_pose(struct Draws *draws, float least_radius, float most_radius,
                             float reach) {
    struct Pose pose;
    pose.radius = draw(draws, least_radius, most_radius);
    pose.reach = 1.35f * pose.radius;
    float room = 0.6f * fmaxf(1 - reach * pose.radius, 0);
    pose.centre.x = draw(draws, -room, room);
    pose.centre.y = draw(draws, -room, room);
    pose.stretch = draw(draws, 0.85f, 1.18f);
    float turns = draw(draws, -0.125f, 0.125f);
    pose.cosine = sine(turns + 0.25f);
    pose.sine = sine(turns);
    return pose;
}

struct Canvas {
    int64_t size;
    float *pixels; /* (size, size, 3), 0 … 1 */
};

static float pixel_centre(int64_t index, int64_t size) {
    return (2 * (float)index + 1) / (float)size - 1;
}

static void blend(float *pixel, const struct Colour *colour, float shade, float coverage) {
    for (int c = 0; c < 3; c++)
        pixel[c] += coverage * (colour->channel[c] + shade - pixel[c]);
}

/* Paints a figure. `slope` makes it darker or lighter from one side to the other. */
static void paint(struct Canvas *canvas, float (*figure)(struct Vector), const struct Pose *pose,
                  const struct Colour *colour, float slope) {
    int64_t size = canvas->size;
    float edge = 0.5f * (float)size;
    for (int64_t row = 0; row < size; row++) {
        float dy = pixel_centre(row, size) - pose->centre.y;
        if (fabsf(dy) > pose->reach)
            continue;
        for (int64_t column = 0; column < size; column++) {
            float dx = pixel_centre(column, size) - pose->centre.x;
            if (fabsf(dx) > pose->reach)
                continue;
            struct Vector p = {(pose->cosine * dx + pose->sine * dy) / pose->radius * pose->stretch,
                               (pose->cosine * dy - pose->sine * dx) / pose->radius /
                                   pose->stretch};
            float coverage = clamp(0.5f - figure(p) * pose->radius * edge, 0, 1);
            if (coverage > 0)
                blend(canvas->pixels + (row * size + column) * 3, colour, slope * p.x, coverage);
        }
    }
}

static float luminance(const struct Colour *colour) {
    const float *c = colour->channel;
    return 0.299f * c[0] + 0.587f * c[1] + 0.114f * c[2];
}

/* A colour whose channels differ by up to `chroma` from a grey in [low, high]. */
static struct Colour draw_colour(struct Draws *draws, float low, float high, float chroma) {
    struct Colour colour;
    float level = draw(draws, low, high);
    for (int c = 0; c < 3; c++)
        colour.channel[c] = clamp(level + chroma * draw(draws, -1, 1), 0.02f, 0.98f);
    return colour;
}

/* A figure's colour, of any hue. It differs from its surroundings by at least 0.26 of the range,
 * and is more often lighter than darker, so that small networks begin to learn. */
static struct Colour draw_contrasting(struct Draws *draws, float background) {
    bool lighter = background < 0.3f || (background < 0.62f && draw(draws, 0, 1) < 0.75f);
    for (int tries = 0; tries < 32; tries++) {
        struct Colour colour = draw_colour(draws, 0.05f, 0.95f, 0.45f);
        float contrast = luminance(&colour) - background;
        if ((lighter ? contrast : -contrast) >= 0.26f)
            return colour;
    }
    float level = lighter ? 0.95f : 0.05f;
    return (struct Colour){{level, level, level}};
}

/* Smooth noise: random values on a lattice, interpolated with a continuous derivative. */
#define LATTICE 9
struct Texture {
    int kind; /* 0 plain, 1 waves, 2 checks, 3 clouds */
    float amplitude, frequency, phase, cosine, sine;
    float lattice[LATTICE][LATTICE];
};

static struct Texture draw_texture(struct Draws *draws) {
    struct Texture texture;
    memset(&texture, 0, sizeof texture);
    texture.kind = draw_below(draws, 4);
    texture.amplitude = draw(draws, 0.02f, 0.085f);
    texture.frequency = draw(draws, 1, 4.5f);
    texture.phase = draw(draws, 0, 1);
    float turns = draw(draws, 0, 1);
    texture.cosine = sine(turns + 0.25f);
    texture.sine = sine(turns);
    if (texture.kind == 3)
        for (int i = 0; i < LATTICE * LATTICE; i++)
            texture.lattice[i / LATTICE][i % LATTICE] = draw(draws, -1.6f, 1.6f);
    return texture;
}

static float clouds(const struct Texture *texture, float x, float y) {
    float u = (x + 1) * 0.5f * (LATTICE - 1), v = (y + 1) * 0.5f * (LATTICE - 1);
    int i = (int)clamp(floorf(u), 0, LATTICE - 2), j = (int)clamp(floorf(v), 0, LATTICE - 2);
    float a = u - (float)i, b = v - (float)j;
    a = a * a * (3 - 2 * a);
    b = b * b * (3 - 2 * b);
    const float *top = texture->lattice[j], *bottom = texture->lattice[j + 1];
    return (1 - b) * (top[i] + a * (top[i + 1] - top[i])) +
           b * (bottom[i] + a * (bottom[i + 1] - bottom[i]));
}

static float texture_at(const struct Texture *texture, float x, float y) {
    float u = texture->cosine * x + texture->sine * y, v = texture->cosine * y - texture->sine * x;
    switch (texture->kind) {
    case 1:
        return texture->amplitude * sine(texture->frequency * u + texture->phase);
    case 2:
        return texture->amplitude * clamp(6 * sine(0.6f * texture->frequency * u + texture->phase) *
                                              sine(0.6f * texture->frequency * v),
                                          -1, 1);
    case 3:
        return texture->amplitude * clouds(texture, x, y);
    default:
        return 0;
    }
}

/* Paints the background: a gradient between two related colours with a texture on it. Returns its
 * mean luminance. */
static float paint_background(struct Canvas *canvas, struct Draws *draws) {
    struct Colour from = draw_colour(draws, 0.1f, 0.6f, 0.18f), to = from;
    for (int c = 0; c < 3; c++)
        to.channel[c] = clamp(from.channel[c] + draw(draws, -0.15f, 0.15f), 0, 1);
    float turns = draw(draws, 0, 1), cosine = sine(turns + 0.25f), sinus = sine(turns);
    struct Texture texture = draw_texture(draws);
    for (int64_t row = 0; row < canvas->size; row++)
        for (int64_t column = 0; column < canvas->size; column++) {
            float x = pixel_centre(column, canvas->size), y = pixel_centre(row, canvas->size);
            float mix = 0.5f + 0.36f * (cosine * x + sinus * y);
            float shade = texture_at(&texture, x, y);
            float *pixel = canvas->pixels + (row * canvas->size + column) * 3;
            for (int c = 0; c < 3; c++)
                pixel[c] = from.channel[c] + mix * (to.channel[c] - from.channel[c]) + shade;
        }
    return 0.5f * (luminance(&from) + luminance(&to));
}

/* Paints something in front of the figure: a bar through the image near it,
 * or a blob on its rim. */
static float bar(struct Vector p) {
    return box(p, 100, 1);
}

static void paint_occluder(struct Canvas *canvas, struct Draws *draws, const struct Pose *figure) {
    struct Colour colour = draw_colour(draws, 0.05f, 0.95f, 0.4f);
    float turns = draw(draws, 0, 1), cosine = sine(turns + 0.25f), sinus = sine(turns);
    float off = draw(draws, 0.35f, 1) * figure->radius;
    struct Pose pose = {.centre = {figure->centre.x + off * cosine, figure->centre.y + off * sinus},
                        .stretch = 1,
                        .cosine = -sinus,
                        .sine = cosine};
    if (draw(draws, 0, 1) < 0.5f) {
        pose.radius = draw(draws, 0.04f, 0.09f);
        pose.reach = 3;
        paint(canvas, bar, &pose, &colour, 0);
    } else {
        pose.radius = figure->radius * draw(draws, 0.2f, 0.38f);
        pose.reach = pose.radius;
        paint(canvas, disc, &pose, &colour, 0);
    }
}

/* Bell-shaped noise: the sum of four random bytes has a standard deviation of 147.8. */
static uint8_t quantise(float value, uint32_t word, float sigma) {
    int sum = (int)(word & 255) + (int)(word >> 8 & 255) + (int)(word >> 16 & 255) +
              (int)(word >> 24) - 510;
    return (uint8_t)clamp(rintf(255 * (value + sigma / 147.8f * (float)sum)), 0, 255);
}

/* Draws an image and returns the place of its figure. */
static struct Pose draw_scene(struct Canvas *canvas, struct Draws *draws, int32_t label) {
    float background = paint_background(canvas, draws);
    struct Pose pose = draw_pose(draws, 0.5f, 0.85f, 0.9f);
    for (int i = draw_below(draws, 3); i > 0; i--) { /* distractors: small, and behind the figure */
        struct Colour colour = draw_colour(draws, 0.05f, 0.95f, 0.4f);
        struct Pose small = draw_pose(draws, 0.09f, 0.17f, 1);
        paint(canvas, figures[draw_below(draws, SYNTHESIS_CLASSES)], &small, &colour, 0);
    }
    struct Colour colour = draw_contrasting(draws, background);
    paint(canvas, figures[label], &pose, &colour, draw(draws, -0.12f, 0.12f));
    if (draw(draws, 0, 1) < 0.45f)
        paint_occluder(canvas, draws, &pose);
    return pose;
}

static int32_t draw_image(const struct Synthesis *synthesis, enum SynthesisSplit split,
                          int64_t index, struct Canvas *canvas, uint8_t *pixels, float *targets) {
    /* Splits are far apart in the random counter, so no image occurs in two of them. */
    uint64_t item = (uint64_t)split << 33 | (uint64_t)index;
    struct Draws draws = {.stream = random_stream(synthesis->seed, RANDOM_SYNTHESIS, 0, 0, item)};
    int32_t label = (int32_t)(index % SYNTHESIS_CLASSES);
    struct Pose pose = draw_scene(canvas, &draws, label);
    float sigma = draw(&draws, 0.005f, 0.045f);
    CHECK(draws.used < 4 * NOISE_BLOCK);
    for (int64_t i = 0; i < synthesis->size * synthesis->size; i++) {
        uint32_t words[4];
        random_block(&draws.stream, NOISE_BLOCK + (uint32_t)i, words);
        for (int c = 0; c < 3; c++)
            pixels[i * 3 + c] = quantise(canvas->pixels[i * 3 + c], words[c], sigma);
    }
    if (targets) {
        float half = 0.5f * (float)synthesis->size;
        targets[0] = half * (1 + pose.centre.x);
        targets[1] = half * (1 + pose.centre.y);
        targets[2] = half * pose.radius;
    }
    return label;
}

static struct Canvas canvas_create(int64_t size) {
    return (struct Canvas){size, memory_array(float, (size * size * 3), "canvas")};
}

int32_t synthesize_image(uint64_t seed, enum SynthesisSplit split, int64_t index, int64_t size,
                         uint8_t *pixels) {
    struct Synthesis synthesis = {.seed = seed, .size = size};
    struct Canvas canvas = canvas_create(size);
    int32_t label = draw_image(&synthesis, split, index, &canvas, pixels, NULL);
    memory_release(canvas.pixels);
    return label;
}

#define BATCH 1000

static int write_split(const struct Synthesis *synthesis, enum SynthesisSplit split,
                       struct DatasetWriter *writer, const struct Ticker *ticker,
                       struct Error *error) {
    static const char *const names[SYNTHESIS_SPLITS] = {"train", "test", "validation"};
    int64_t count = synthesis->count[split], bytes = synthesis->size * synthesis->size * 3;
    int64_t most = count < BATCH ? count : BATCH;
    uint8_t *images = memory_allocate((size_t)(most * bytes), "images");
    int32_t *labels = memory_array(int32_t, most, "labels");
    float *targets = memory_array(float, most *SYNTHESIS_TARGETS, "targets");
    int code = writer__begin_split(writer, names[split], count, error);
    for (int64_t first = 0; first < count && code == OK; first += most) {
        int64_t batch = count - first < most ? count - first : most;
#pragma omp parallel
        {
            struct Canvas canvas = canvas_create(synthesis->size);
#pragma omp for schedule(static)
            for (int64_t i = 0; i < batch; i++)
                labels[i] = draw_image(synthesis, split, first + i, &canvas, images + i * bytes,
                                       targets + i * SYNTHESIS_TARGETS);
            memory_release(canvas.pixels);
        }
        code = writer__append(writer, images, synthesis->targets ? (const void *)targets : labels,
                              batch, error);
        if (ticker && ticker->report)
            ticker->report(ticker->context, names[split], first + batch, count);
    }
    memory_release(images);
    memory_release(labels);
    memory_release(targets);
    return code;
}

int synthesize(const struct Synthesis *synthesis, const char *path, const struct Ticker *ticker,
               struct Error *error) {
    bool values = synthesis->targets;
    const struct DatasetDescription description = {
        .height = synthesis->size,
        .width = synthesis->size,
        .channels = 3,
        .targets = values ? TARGET_VALUES : TARGET_CLASSES,
        .target_count = values ? SYNTHESIS_TARGETS : SYNTHESIS_CLASSES,
        .target_names = values ? synthesis_target_names : synthesis_class_names,
        .source = synthesis->origin ? synthesis->origin : ""};
    struct DatasetWriter *writer;
    int code = writer__create(&writer, path, &description, error);
    if (code != OK)
        return code;
    for (int split = 0; split < SYNTHESIS_SPLITS && code == OK; split++)
        if (synthesis->count[split] > 0)
            code = write_split(synthesis, (enum SynthesisSplit)split, writer, ticker, error);
    if (code == OK)
        return writer__commit(writer, error);
    writer__abandon(writer);
    return code;
}
