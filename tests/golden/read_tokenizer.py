#!/usr/bin/env python3
"""Prints what Hugging Face's packages make of texts with a tokenizer.json, as JSON.

Usage: read_tokenizer.py DIRECTORY TEXTS     TEXTS: a JSON array of strings
Needs tokenizers; where transformers is there, its AutoTokenizer must agree on a part of the texts.
Prints {"ids": how many, "sum": a checksum of them, "same_file": whether the package
writes the file as it is, "auto": whether transformers was asked}. The checksum is FNV-1a, 64 bits,
over each text's count and ids as little-endian 32-bit numbers.
"""
import json
import pathlib
import struct
import sys

from tokenizers import Tokenizer

folder = pathlib.Path(sys.argv[1])
texts = json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
everything = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
checksum = 0xCBF29CE484222325
for ids in everything:
    for byte in struct.pack(f"<{len(ids) + 1}I", len(ids), *ids):
        checksum = ((checksum ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
auto = False
try:
    from transformers import AutoTokenizer
except ImportError:
    pass
else:
    auto = True
    loaded = AutoTokenizer.from_pretrained(folder)
    for text, ids in list(zip(texts, everything))[:300]:
        assert loaded.encode(text, add_special_tokens=False) == ids, text
        assert loaded.decode(ids) == tokenizer.decode(ids, skip_special_tokens=False), text
same = tokenizer.to_str(pretty=True) == (folder / "tokenizer.json").read_text(encoding="utf-8")
print(json.dumps({"ids": sum(map(len, everything)), "sum": f"{checksum:016x}", "same_file": same,
                  "auto": auto}))
