/* WebP (https://developers.google.com/speed/webp/docs/riff_container). */
#include <webp/decode.h>
#include <webp/demux.h>

#include "base/memory.h"
#include "pictures/formats.h"

static int damaged(const struct PictureFile *file, const char *what, struct Error *error) {
    return fail(error, ERROR_DATA, "%s: damaged WebP: %s", file->path, what);
}

static int orientation(const WebPDemuxer *container) {
    WebPChunkIterator chunk;
    int found = 1;
    if (WebPDemuxGetChunk(container, "EXIF", 1, &chunk))
        found = exif__orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
    return found;
}

/* Decodes into the canvas, which a frame of an animation may leave transparent in part. */
static int decode_frame(const struct PictureFile *file, const WebPIterator *frame,
                        const struct Raster *raster, struct Error *error) {
    int64_t stride = raster->width * raster->samples;
    int64_t first = frame->y_offset * stride + frame->x_offset * raster->samples;
    if (frame->x_offset < 0 || frame->y_offset < 0 || frame->width < 1 || frame->height < 1 ||
        frame->x_offset + (int64_t)frame->width > raster->width ||
        frame->y_offset + (int64_t)frame->height > raster->height)
        return damaged(file, "a frame outside of the picture", error);
    int width, height;
    if (!WebPGetInfo(frame->fragment.bytes, frame->fragment.size, &width, &height) ||
        width != frame->width || height != frame->height)
        return damaged(file, "a frame of another size than it says", error);
    uint8_t *out = (uint8_t *)raster->values + first;
    size_t room = (size_t)(raster->height * stride - first);
    uint8_t *done = raster->samples == 4
                        ? WebPDecodeRGBAInto(frame->fragment.bytes, frame->fragment.size, out, room,
                                             narrow_int(stride))
                        : WebPDecodeRGBInto(frame->fragment.bytes, frame->fragment.size, out, room,
                                            narrow_int(stride));
    return done ? OK : damaged(file, "its pixels cannot be decoded", error);
}

static int decode(const struct PictureFile *file, const WebPDemuxer *container,
                  struct Raster *raster, struct Error *error) {
    WebPIterator frame;
    raster->width = WebPDemuxGetI(container, WEBP_FF_CANVAS_WIDTH);
    raster->height = WebPDemuxGetI(container, WEBP_FF_CANVAS_HEIGHT);
    raster->colour = true;
    raster->orientation = orientation(container);
    if (!WebPDemuxGetFrame(container, 1, &frame))
        return damaged(file, "it has no frame", error);
    raster->opacity =
        frame.has_alpha || frame.width != raster->width || frame.height != raster->height;
    raster->samples = raster->opacity ? 4 : 3;
    int code = raster__allocate(raster, file, error);
    if (code == OK && !file->head_only)
        code = decode_frame(file, &frame, raster, error);
    WebPDemuxReleaseIterator(&frame);
    return code;
}

int webp__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error) {
    const WebPData data = {file->bytes, file->count};
    WebPDemuxer *container = WebPDemux(&data);
    if (!container)
        return damaged(file, "it is cut short, or its parts do not fit together", error);
    int code = decode(file, container, raster, error);
    WebPDemuxDelete(container);
    return code;
}
