#include "compute/library.h"

#include "base/memory.h"
#include "compute/bf16_copies.h"

/* Bytes of the copies of a block. Those for backward weights are at least WEIGHT_SHARE times the
 * weights' gradient, to which every block adds. */
#define BLOCK_BYTES ((int64_t)1 << 20)
#define WEIGHT_SHARE 4

struct Kernels { /* of the library, for some passes */
    const struct Backend *backend;
    struct Conv *conv;
    unsigned passes;
    int64_t block; /* samples that are copied at a time; 0: they compute on x and y themselves */
    /* Where copies of y and what the next block adds to dw begin in scratch, after those of x. */
    size_t y_offset, dw_offset;
    size_t prepared_offset, scratch_offset; /* of what is the library's own */
};

struct Library {
    int64_t x, y, dw, channels; /* elements of a sample, of dw, of the bias */
    const struct Bf16Copies *copies;
    struct Kernels made[PASS_COUNT];
    int made_count;
    const struct Kernels *of[PASS_COUNT]; /* NULL: the pass is not called */
    size_t prepared_bytes, scratch_bytes;
};

/* ---- creation ---- */

/* The next of library->made, for these passes; its backend and block are set. */
static int make(struct Library *library, const struct ConvShape *shape, const int64_t *samples,
                int sample_counts, unsigned passes, struct Error *error) {
    struct Kernels *made = &library->made[library->made_count];
    int code =
        made->backend->conv_create(&made->conv, shape, samples, sample_counts, passes, error);
    if (code)
        return code;
    library->made_count++;
    made->passes = passes;
    for (int pass = 0; pass < PASS_COUNT; pass++)
        if (passes & PASS_BIT(pass))
            library->of[pass] = made;
    size_t scratch = made->scratch_offset + made->backend->conv_scratch_bytes(made->conv);
    library->scratch_bytes = scratch > library->scratch_bytes ? scratch : library->scratch_bytes;
    made->prepared_offset = memory_round_up(library->prepared_bytes);
    library->prepared_bytes =
        made->prepared_offset + made->backend->conv_prepared_bytes(made->conv);
    return OK;
}

static int64_t block_of(const struct Library *library, enum Pass pass) {
    int64_t bytes = BLOCK_BYTES, sample = (library->x + library->y) * (int64_t)sizeof(float);
    int64_t shared = WEIGHT_SHARE * library->dw * (int64_t)sizeof(float);
    if (pass == BACKWARD_WEIGHTS && bytes < shared)
        bytes = shared;
    return bytes > sample ? bytes / sample : 1;
}

/* The samples of a block that begins with sample `first`. */
static int64_t block_samples(const struct Kernels *kernels, int64_t first, int64_t samples) {
    return samples - first < kernels->block ? samples - first : kernels->block;
}

static bool make_native(struct Library *library, const struct ConvolutionRequest *request,
                        enum Pass pass) {
    struct Error unsupported = {0};
    library->made[library->made_count] = (struct Kernels){.backend = request->backend->bf16};
    return request->backend->bf16 &&
           make(library, request->shape, request->samples, request->sample_counts, PASS_BIT(pass),
                &unsupported) == OK;
}

static size_t floats(int64_t count) {
    return memory_round_up((size_t)count * sizeof(float));
}

static int make_copied(struct Library *library, const struct ConvolutionRequest *request,
                       enum Pass pass, struct Error *error) {
    struct Kernels kernels = {.backend = request->backend, .block = block_of(library, pass)};
    int64_t *samples = memory_array(int64_t, 2 * request->sample_counts, "a convolution");
    int64_t most = 0;
    int count = 0;
    for (int i = 0; i < request->sample_counts; i++) {
        int64_t all = request->samples[i], rest = all % kernels.block;
        int64_t first = block_samples(&kernels, 0, all);
        most = first > most ? first : most;
        samples[count++] = first;
        if (rest)
            samples[count++] = rest;
    }
    kernels.y_offset = floats(most * library->x);
    kernels.dw_offset = kernels.y_offset + floats(most * library->y);
    kernels.scratch_offset =
        kernels.dw_offset + (pass == BACKWARD_WEIGHTS ? floats(library->dw) : 0);
    library->made[library->made_count] = kernels;
    int code = make(library, request->shape, samples, count, PASS_BIT(pass), error);
    memory_release(samples);
    return code;
}

static int make_all(struct Library *library, const struct ConvolutionRequest *request,
                    unsigned passes, unsigned native, struct Error *error) {
    int code = OK;
    if (request->precision == PRECISION_FP32) {
        library->made[0] = (struct Kernels){.backend = request->backend};
        return make(library, request->shape, request->samples, request->sample_counts, passes,
                    error);
    }
    for (int pass = 0; !code && pass < PASS_COUNT; pass++)
        if (passes & PASS_BIT(pass) &&
            !(native & PASS_BIT(pass) && make_native(library, request, (enum Pass)pass)))
            code = make_copied(library, request, (enum Pass)pass, error);
    return code;
}

int library__create(struct Library **library, const struct ConvolutionRequest *request,
                    unsigned passes, unsigned native, struct Error *error) {
    const struct ConvShape *s = request->shape;
    struct Library *made = memory_allocate(sizeof *made, "a convolution");
    *made = (struct Library){.x = s->height * s->width * s->in_channels,
                             .y = s->out_height * s->out_width * s->out_channels,
                             .dw = s->out_channels * s->kernel_height * s->kernel_width *
                                   (s->in_channels / s->groups),
                             .channels = s->out_channels};
    if (request->precision == PRECISION_BF16)
        made->copies = bf16_copies(request->variant);
    int code = make_all(made, request, passes, native, error);
    if (code)
        library__release(made);
    else
        *library = made;
    return code;
}

void library__release(struct Library *library) {
    if (!library)
        return;
    for (int i = 0; i < library->made_count; i++)
        library->made[i].backend->conv_release(library->made[i].conv);
    memory_release(library);
}

const char *library__kernels(const struct Library *library, enum Pass pass) {
    return library->of[pass]->backend->name;
}

size_t library__scratch_bytes(const struct Library *library) {
    return library->scratch_bytes;
}

size_t library__prepared_bytes(const struct Library *library) {
    return library->prepared_bytes;
}

/* ---- calls ---- */

void library__prepare(const struct Library *library, unsigned passes, const void *weights,
                      void *prepared) {
    for (int i = 0; i < library->made_count; i++) {
        const struct Kernels *made = &library->made[i];
        made->backend->conv_prepare(made->conv, passes & made->passes, weights,
                                    (char *)prepared + made->prepared_offset);
    }
}

struct Copies { /* in scratch, before what is the library's own */
    float *x, *y, *dw;
    void *scratch;
};

static struct Copies copies_in(const struct Kernels *kernels, void *scratch) {
    char *start = scratch;
    return (struct Copies){scratch, (void *)(start + kernels->y_offset),
                           (void *)(start + kernels->dw_offset), start + kernels->scratch_offset};
}

void library__forward(const struct Library *library, int64_t samples, const void *x,
                      const void *weights, const void *prepared, const void *bias, void *y,
                      void *scratch) {
    const struct Kernels *k = library->of[FORWARD];
    const void *own = (const char *)prepared + k->prepared_offset;
    if (!k->block) {
        k->backend->conv_forward(k->conv, samples, x, weights, own, bias, y, scratch);
        return;
    }
    struct Copies copy = copies_in(k, scratch);
    for (int64_t first = 0; first < samples; first += k->block) {
        int64_t count = block_samples(k, first, samples);
        library->copies->widen(count * library->x, (const bf16 *)x + first * library->x, copy.x);
        k->backend->conv_forward(k->conv, count, copy.x, weights, own, bias, copy.y, copy.scratch);
        library->copies->narrow(count * library->y, copy.y, (bf16 *)y + first * library->y);
    }
}

void library__backward_data(const struct Library *library, int64_t samples, const void *dy,
                            const void *weights, const void *prepared, void *dx, void *scratch) {
    const struct Kernels *k = library->of[BACKWARD_DATA];
    const void *own = (const char *)prepared + k->prepared_offset;
    if (!k->block) {
        k->backend->conv_backward_data(k->conv, samples, dy, weights, own, dx, scratch);
        return;
    }
    struct Copies copy = copies_in(k, scratch);
    for (int64_t first = 0; first < samples; first += k->block) {
        int64_t count = block_samples(k, first, samples);
        library->copies->widen(count * library->y, (const bf16 *)dy + first * library->y, copy.y);
        k->backend->conv_backward_data(k->conv, count, copy.y, weights, own, copy.x, copy.scratch);
        library->copies->narrow(count * library->x, copy.x, (bf16 *)dx + first * library->x);
    }
}

void library__backward_weights(const struct Library *library, int64_t samples, const void *x,
                               const void *dy, void *dw, void *dbias, void *scratch) {
    const struct Kernels *k = library->of[BACKWARD_WEIGHTS];
    if (!k->block) {
        k->backend->conv_backward_weights(k->conv, samples, x, dy, dw, dbias, scratch);
        return;
    }
    struct Copies copy = copies_in(k, scratch);
    for (int64_t first = 0; first < samples; first += k->block) {
        int64_t count = block_samples(k, first, samples);
        library->copies->widen(count * library->x, (const bf16 *)x + first * library->x, copy.x);
        library->copies->widen(count * library->y, (const bf16 *)dy + first * library->y, copy.y);
        k->backend->conv_backward_weights(k->conv, count, copy.x, copy.y, first ? copy.dw : dw,
                                          NULL, copy.scratch);
        if (first)
            library->copies->add(library->dw, copy.dw, dw);
    }
    if (dbias)
        library->copies->sum_rows(samples * library->y / library->channels, library->channels, dy,
                                  dbias);
}
