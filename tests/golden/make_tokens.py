#!/usr/bin/env python3
"""Writes tests/golden/tokens.json: what tiktoken and Python's regex module make of many texts.

Usage: make_tokens.py [--check]    --check compares with the file instead of writing it
Needs tiktoken, regex and xxhash, and CTGPT_DATA (default ../shared/data beside the repository) for
the vocabularies and the texts. The vocabularies are read from those files, so nothing is fetched.
tests/text/golden.cpp makes the same texts and compares.

Of each set of texts: how many tokens (or pieces), and the XXH64 of them: for each text the count
and then each token (or length of a piece in bytes), as little-endian 32-bit numbers.
"""
import json
import pathlib
import struct
import sys

import regex
import xxhash

from vocabularies import data, encoding, patterns

here = pathlib.Path(__file__).parent

texts = ["tinyshakespeare", "wikitext-2-valid", "wikitext-2-test", "dickens"]
alphabet = ("aAbZsStdmLlVvRrEe''' \t\n\r019.,!/-_" + "éÉſ日本\u0301\u0302\u00a0\u2028²Ⅵǅʰ😀\u0085"
            "\u3000ß\u212aא\u200b\ufeff")


def numbers(seed):
    """SplitMix64, as tests/text/golden.cpp has it."""
    state = seed
    mask = (1 << 64) - 1
    while True:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield z ^ (z >> 31)


def fuzzed():
    random = numbers(1)
    for _ in range(10000):
        yield "".join(alphabet[next(random) % len(alphabet)] for _ in range(1 + next(random) % 24))


def random_bytes():
    random = numbers(2)
    for _ in range(2000):
        size = 1 + next(random) % 40
        yield bytes(next(random) % 256 for _ in range(size)).decode("utf-8", errors="replace")


def scalars():
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000:
            c = chr(code)
            yield from (c, "a" + c, c + "a", " " + c, c + "1", c + " " + c + "'s" + c + "\n")


def files(name):
    return [(data / f"text/{name}.txt").read_bytes().decode("utf-8", errors="replace")]


# Characters that came after Unicode 16, the version of text/unicode_tables.hpp and of tiktoken.
# Python's regex knows them, so that texts which hold one are left out of the pieces.
def newer_ranges():
    tables = (here.parents[1] / "include/ctgpt/text/unicode_tables.hpp").read_text()
    entries = [int(x, 16) for x in regex.findall(r"0x([0-9A-F]+),", tables)]
    known = bytearray(0x110000)
    for entry, after in zip(entries, entries[1:] + [0x110000 << 3]):
        known[entry >> 3:after >> 3] = bytes([entry & 7]) * ((after >> 3) - (entry >> 3))
    classes = regex.compile(r"[\p{L}\p{N}\p{M}\s]")
    ranges = []
    for code in range(0x110000):
        if known[code] == 0 and not 0xD800 <= code < 0xE000 and classes.match(chr(code)):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return ranges


def sets():
    yield from ((name, files(name)) for name in texts)
    yield "fuzzed", list(fuzzed())
    yield "random bytes", list(random_bytes())
    yield "every character", scalars()


class summary:
    def __init__(self):
        self.count, self.hash = 0, xxhash.xxh64()

    def add(self, values):
        self.count += len(values)
        self.hash.update(struct.pack(f"<{len(values) + 1}I", len(values), *values))

    def result(self):
        return {"count": self.count, "xxh64": f"{self.hash.intdigest():016x}"}


newer = newer_ranges()
has_newer = regex.compile("[" + "".join(f"\\U{a:08X}-\\U{b:08X}" for a, b in newer) + "]")
made = {"newer": newer, "tokens": {}, "pieces": {}}
for name, pattern in patterns.items():
    # At the end of the text alone: Python's $ also stands before a last line feed.
    expression = regex.compile(pattern.replace("++$", r"++\Z"))
    encoder = None
    if name != "nanochat":
        encoder = encoding(name)
        made["tokens"][name] = {}
    made["pieces"][name] = {}
    for kind, strings in sets():
        tokens, pieces = summary(), summary()
        for text in strings:
            if encoder:
                tokens.add(encoder.encode_ordinary(text))
            if not has_newer.search(text):
                pieces.add([len(found.group().encode()) for found in expression.finditer(text)])
        if encoder:
            made["tokens"][name][kind] = tokens.result()
        made["pieces"][name][kind] = pieces.result()
        print(f"{name}, {kind}: {tokens.count} tokens, {pieces.count} pieces", flush=True)

target = here / "tokens.json"
written = json.dumps(made) + "\n"
if "--check" in sys.argv[1:]:
    sys.exit(0 if target.read_text() == written else f"{target} is not what was made now")
target.write_text(written)
