#!/usr/bin/env python3
"""Golden tokenizer.json files and token ids, by Hugging Face's own Python package.

  make_tokenizers.py write DIRECTORY       bytes.json, characters.json and encodings.json
  make_tokenizers.py encode FILE TEXTS     opens FILE and prints ids and decoded text of each string
                                           of the JSON array in TEXTS, one JSON object a line

Needs: pip install tokenizers
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

# Blanks of every kind, a combining accent, characters of one to four bytes, control characters.
CORPUS = (
    "Once upon a time, \"Zo\u00eb\" said:\n\tna\u00efve caf\u00e9 \u2014 e\u0301!\r\n"
    "\u65e5\u672c\u8a9e \U0001F389\U0001F1EB\U0001F1F7 \u00a0\u2028\u0000\u007f\\ 0123456789?"
    " the quick brown fox jumps over the lazy dog"
)
TEXTS = [
    "", " ", "  two  blanks  ", "Once upon a time", "\n\n\t\r\n", CORPUS, CORPUS[::-1],
    "caf\u00e9 e\u0301 \u65e5\u672c\U0001F389", "0123456789" * 40, "\u0000\u007f\\\"",
]


def byte_symbols():
    """GPT-2's printable character of each byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    symbols = {byte: chr(byte) for byte in printable}
    symbols.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    return symbols


def byte_tokenizer():
    vocabulary = {symbol: byte for byte, symbol in byte_symbols().items()}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(
        add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def character_tokenizer():
    vocabulary = {character: i for i, character in enumerate(sorted(set(CORPUS)))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def encode(tokenizer, text):
    ids = tokenizer.encode(text).ids
    return {"text": text, "ids": ids, "decoded": tokenizer.decode(ids)}


def write(directory):
    target = pathlib.Path(directory)
    encodings = {"corpus": CORPUS}
    for name, tokenizer in (("bytes", byte_tokenizer()), ("characters", character_tokenizer())):
        (target / f"{name}.json").write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
        encodings[name] = [encode(tokenizer, text) for text in TEXTS]
    with open(target / "encodings.json", "w", encoding="utf-8") as file:
        json.dump(encodings, file)
        file.write("\n")


def encode_file(path, texts):
    tokenizer = Tokenizer.from_file(path)
    for text in json.loads(pathlib.Path(texts).read_text(encoding="utf-8")):
        print(json.dumps(encode(tokenizer, text)))


if __name__ == "__main__":
    {"write": write, "encode": encode_file}[sys.argv[1]](*sys.argv[2:])
