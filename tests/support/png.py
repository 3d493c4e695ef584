"""Reading and writing PNG files of 8-bit RGB pixels."""
import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(data):
    at = len(SIGNATURE)
    while at < len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += 12 + length


def png_size(path):
    """(width, height)."""
    with open(path, "rb") as file:
        head = file.read(24)
    assert head.startswith(SIGNATURE)
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def paeth(left, up, corner):
    """The PNG specification's predictor: the neighbour nearest to left + up - corner."""
    return min((abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner))[2]


def read_png(path):
    """The pixels: (height, width, 3)."""
    width, height = png_size(path)
    with open(path, "rb") as file:
        packed = b"".join(data for kind, data in chunks(file.read()) if kind == b"IDAT")
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + 3 * width)
    pixels = np.zeros((height + 1, 3 * width + 3), int)  # a row and a column of zeros before the first
    for y, line in enumerate(lines):
        above, row = pixels[y], pixels[y + 1]
        for x, value in enumerate(line[1:].tolist(), 3):
            left, up = row[x - 3], above[x]
            filters = (0, left, up, (left + up) // 2, paeth(left, up, above[x - 3]))
            row[x] = value + filters[line[0]] & 255
    return pixels[1:, 3:].reshape(height, width, 3)


def write_png(path, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
