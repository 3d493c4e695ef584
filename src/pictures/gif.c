/* GIF: the first picture of a file, on its screen, which is transparent where nothing is drawn
 * (https://www.w3.org/Graphics/GIF/spec-gif89a.txt). */
#include <gif_lib.h>
#include <string.h>

#include "base/memory.h"
#include "pictures/formats.h"

struct GifReader {
    const struct PictureFile *file;
    size_t used;
};

static int on_read(GifFileType *gif, GifByteType *out, int count) {
    struct GifReader *reader = gif->UserData;
    size_t left = reader->file->count - reader->used;
    size_t given = (size_t)count < left ? (size_t)count : left;
    memcpy(out, reader->file->bytes + reader->used, given);
    reader->used += given;
    return (int)given;
}

static int damaged(const struct PictureFile *file, const GifFileType *gif, struct Error *error) {
    const char *why = GifErrorString(gif->Error);
    return fail(error, ERROR_DATA, "%s: damaged GIF: %s", file->path,
                why ? why : "it has no picture");
}

/* Reads up to the first picture. *transparent: the colour that is, −1: none. */
static bool find_picture(GifFileType *gif, int *transparent) {
    GifRecordType type;
    while (DGifGetRecordType(gif, &type) == GIF_OK) {
        if (type == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(gif) == GIF_OK;
        if (type != EXTENSION_RECORD_TYPE)
            return false;
        int kind;
        GifByteType *block; /* its length, then its bytes */
        GraphicsControlBlock control;
        if (DGifGetExtension(gif, &kind, &block) != GIF_OK)
            return false;
        if (block && kind == GRAPHICS_EXT_FUNC_CODE &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            *transparent = control.TransparentColor;
        while (block)
            if (DGifGetExtensionNext(gif, &block) != GIF_OK)
                return false;
    }
    return false;
}

static void put_row(const GifFileType *gif, const ColorMapObject *colours, int transparent,
                    const GifPixelType *row, uint8_t *out) {
    for (int x = 0; x < gif->Image.Width; x++, out += 4) {
        static const GifColorType black = {0};
        const GifColorType *colour =
            row[x] < colours->ColorCount ? &colours->Colors[row[x]] : &black;
        out[0] = colour->Red;
        out[1] = colour->Green;
        out[2] = colour->Blue;
        out[3] = row[x] == transparent ? 0 : 255;
    }
}

static int read_pixels(const struct PictureFile *file, GifFileType *gif, int transparent,
                       struct Raster *raster, struct Error *error) {
    static const int starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    const GifImageDesc *image = &gif->Image;
    const ColorMapObject *colours = image->ColorMap ? image->ColorMap : gif->SColorMap;
    if (!colours)
        return fail(error, ERROR_DATA, "%s: damaged GIF: it has no colours", file->path);
    GifPixelType *row = memory_array(GifPixelType, image->Width, "a row of a picture");
    int code = OK;
    for (int pass = 0; pass < (image->Interlace ? 4 : 1); pass++) {
        int step = image->Interlace ? steps[pass] : 1;
        for (int y = image->Interlace ? starts[pass] : 0; y < image->Height && code == OK;
             y += step) {
            if (DGifGetLine(gif, row, image->Width) != GIF_OK)
                code = damaged(file, gif, error);
            else
                put_row(gif, colours, transparent, row,
                        (uint8_t *)raster->values +
                            ((image->Top + y) * raster->width + image->Left) * raster->samples);
        }
    }
    memory_release(row);
    return code;
}

static int decode(const struct PictureFile *file, GifFileType *gif, struct Raster *raster,
                  struct Error *error) {
    int transparent = NO_TRANSPARENT_COLOR;
    if (!find_picture(gif, &transparent))
        return damaged(file, gif, error);
    const GifImageDesc *image = &gif->Image;
    if (image->Left < 0 || image->Top < 0 || image->Width < 1 || image->Height < 1)
        return fail(error, ERROR_DATA, "%s: damaged GIF: its picture is empty", file->path);
    int right = image->Left + image->Width, bottom = image->Top + image->Height;
    raster->width = gif->SWidth > right ? gif->SWidth : right;
    raster->height = gif->SHeight > bottom ? gif->SHeight : bottom;
    raster->samples = 4;
    raster->colour = raster->opacity = true;
    int code = raster__allocate(raster, file, error);
    return code || file->head_only ? code : read_pixels(file, gif, transparent, raster, error);
}

int gif__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error) {
    struct GifReader reader = {.file = file};
    int why = 0;
    GifFileType *gif = DGifOpen(&reader, on_read, &why);
    if (!gif)
        return fail(error, ERROR_DATA, "%s: damaged GIF: %s", file->path, GifErrorString(why));
    int code = decode(file, gif, raster, error);
    DGifCloseFile(gif, &why);
    return code;
}
