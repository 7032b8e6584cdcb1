#!/usr/bin/env python3
"""Golden safetensors files, written by the format's own Python package.

  make_safetensors.py write FILE    writes a file with tensors of every type that the package knows
  make_safetensors.py read FILE     prints what the package reads: one JSON object a tensor

Needs: pip install safetensors
Every tensor's bytes are (7 i + 31 k + 3) mod 256 for byte i of tensor k, in the order of TENSORS.
"""

import ctypes
import hashlib
import json
import math
import sys

import safetensors

# name, dtype as the package spells it when it writes, bytes an element, shape
TENSORS = [
    ("a.f32", "float32", 4, [2, 3]),
    ("b.f64", "float64", 8, [3]),
    ("c.f16", "float16", 2, [5]),
    ("d.bf16", "bfloat16", 2, [2, 2]),
    ("e.i64", "int64", 8, [1, 2]),
    ("f.i32", "int32", 4, [3]),
    ("g.i16", "int16", 2, [3]),
    ("h.i8", "int8", 1, [7]),
    ("i.u64", "uint64", 8, [2]),
    ("j.u32", "uint32", 4, [1]),
    ("k.u16", "uint16", 2, [3]),
    ("l.u8", "uint8", 1, [3]),
    ("m.bool", "bool", 1, [2]),
    ("n.f8_e4m3", "float8_e4m3fn", 1, [3]),
    ("o.f8_e5m2", "float8_e5m2", 1, [3]),
    ("p.c64", "complex64", 8, [2]),
    ("q.scalar", "float32", 4, []),
    ("r.empty", "float32", 4, [0, 4]),
    ("s.\u00e9\u4e2d\U0001F389 \"quoted\"\n", "float32", 4, [1]),
]


def entry(dtype, shape, buffer):
    if hasattr(safetensors, "TensorSpec"):  # version 0.8 and later
        return safetensors.TensorSpec(dtype=dtype, shape=shape, data_len=len(buffer),
                                      data_ptr=ctypes.addressof(buffer))
    return {"dtype": dtype, "shape": shape, "data": bytes(buffer)}


def write(path):
    buffers = []  # a TensorSpec holds only an address
    tensors = {}
    for k, (name, dtype, size, shape) in enumerate(TENSORS):
        count = math.prod([size, *shape])
        data = bytes((7 * i + 31 * k + 3) % 256 for i in range(count))
        buffers.append((ctypes.c_char * count).from_buffer_copy(data))
        tensors[name] = entry(dtype, shape, buffers[-1])
    safetensors.serialize_file(tensors, path, metadata={"format": "pt"})


def read(path):
    with open(path, "rb") as file:
        entries = safetensors.deserialize(file.read())
    for name, entry in sorted(entries):
        print(json.dumps({
            "name": name,
            "dtype": entry["dtype"],
            "shape": entry["shape"],
            "sha256": hashlib.sha256(entry["data"]).hexdigest(),
        }))


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](sys.argv[2])
