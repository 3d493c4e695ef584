/* The decoders that picture_decode.c chooses from, one for each format, and what they make. Inside
 * pictures/ only. */
#ifndef TRAINER_PICTURES_FORMATS_H
#define TRAINER_PICTURES_FORMATS_H

#include "pictures/picture.h"

/* A picture as its file has it. */
enum RasterType { RASTER_UINT8, RASTER_UINT16, RASTER_FLOAT };
struct Raster {
    int64_t height, width, samples; /* as stored, before the orientation */
    enum RasterType type;
    int most;           /* RASTER_UINT16: the value of white, 65535 if all 16 bits are used */
    bool colour;        /* the first three samples are red, green and blue */
    bool opacity;       /* the last sample is opacity, 0: transparent */
    bool premultiplied; /* the others were multiplied by it */
    int orientation;    /* EXIF's, 1 … 8 */
    void *values;       /* (height, width, samples); memory_release */
};

/* What is to be decoded. */
struct PictureFile {
    const char *path; /* for messages */
    const uint8_t *bytes;
    size_t count;
    bool head_only; /* all of the raster but its values, for which nothing is allocated */
    bool grey;      /* a decoder that can make grey itself may */
};

/* Each fills in a zeroed raster. The caller releases its values, also after a failure. */
int jpeg__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);
int png__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);
int tiff__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);
int webp__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);
int gif__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);
int bmp__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);
int pnm__decode(const struct PictureFile *file, struct Raster *raster, struct Error *error);
/* Whether a file begins as PGM and PPM do, by more than two letters. */
bool pnm__recognise(const uint8_t *bytes, size_t count);

/* Fails with what a library says of a file of this format: that it is damaged, or, if the message
 * says that something is not supported, that it cannot be read. Returns ERROR_DATA. */
int raster__refuse(const struct PictureFile *file, const char *format, const char *message,
                   struct Error *error);
/* Checks the size of a raster whose members are set, and allocates its values unless only the head
 * is wanted. */
int raster__allocate(struct Raster *raster, const struct PictureFile *file, struct Error *error);
/* Whether its samples are grey or colours, and how many they are then, without opacity; else all
 * its samples. */
int64_t raster__channels(const struct Raster *raster);
/* Makes the picture that the form describes; takes over or releases the values of the raster. */
int raster__convert(const char *path, struct Raster *raster, const struct PictureForm *form,
                    struct Picture *picture, struct Error *error);

/* The orientation that a block of EXIF notes, with or without "Exif\0\0" before it; 1 if it notes
 * none that is known (CIPA DC-008, "Exchangeable image file format", 4.6.4). */
int exif__orientation(const uint8_t *block, size_t count);

#endif
