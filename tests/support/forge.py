"""Checkpoints that are changed and sealed again, as an attacker would: a seal stops accidents, and is no signature."""
import contextlib
import ctypes
import ctypes.util
import os

SEAL_BYTES = 32


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


def xxh128(data):
    library = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
    library.XXH3_128bits.restype = Hash128
    library.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    found = library.XXH3_128bits(data, len(data))
    return found.high.to_bytes(8, "big") + found.low.to_bytes(8, "big")


def unseal(path):
    os.truncate(path, os.path.getsize(path) - SEAL_BYTES)


def seal(path):
    """Appends the seal of docs/checkpoint.md."""
    with open(path, "r+b") as file:
        data = file.read()
        file.write(b"trnrseal" + len(data).to_bytes(8, "little") + xxh128(data))


@contextlib.contextmanager
def forged(path):
    """The open file of a sealed checkpoint, to be changed: with forged(path) as file: file.attrs[...] = ..."""
    import h5py

    unseal(path)
    with h5py.File(path, "r+") as file:
        yield file
    seal(path)
