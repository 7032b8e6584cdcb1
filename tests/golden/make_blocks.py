#!/usr/bin/env python3
"""Prints the expected hashes of tests/base/blocks.cpp, by ggml's own Python package.

Needs: pip install gguf numpy
64 rows of 32 weights: exact multiples of 1/512, one row of zeros, one tiny, one large.
"""

import hashlib

import gguf
import numpy

weights = numpy.array([((i * 7919 + 13) % 2003 - 1001) / 512 for i in range(32 * 64)],
                      dtype=numpy.float32).reshape(64, 32)
weights[5] = 0
weights[6] *= 2.0**-20
weights[7] *= 1000
for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0):
    blocks = gguf.quants.quantize(weights, kind)
    values = gguf.quants.dequantize(blocks, kind).astype(numpy.float32)
    print(kind.name, "first block:", blocks.tobytes()[: 34 if kind.name == "Q8_0" else 18].hex())
    print("  blocks:", hashlib.sha256(blocks.tobytes()).hexdigest())
    print("  values:", hashlib.sha256(values.tobytes()).hexdigest())
