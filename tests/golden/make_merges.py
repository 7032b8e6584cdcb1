#!/usr/bin/env python3
"""Writes tests/golden/merges.json: what Hugging Face's BpeTrainer learns from texts.

Usage: make_merges.py [--check]        --check compares with the file instead of writing it
       make_merges.py FILE VOCAB       prints the merges of one text instead
Needs tokenizers and xxhash (a print alone: tokenizers), and CTGPT_DATA (default ../shared/data
beside the repository) for the texts. Bytes that are not UTF-8 count as U+FFFD.

Of each text and size of vocabulary: how many merges, and the XXH64 of their lines in merges.txt.
"""
import json
import os
import pathlib
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

here = pathlib.Path(__file__).parent
data = pathlib.Path(os.environ.get("CTGPT_DATA") or here.parents[2] / "shared/data")
texts = ["dickens", "wikitext-2-test", "wikitext-2-valid"]
sizes = [1024, 8192, 32768]


def merges(path, size):
    text = path.read_bytes().decode("utf-8", errors="replace")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text], trainer)  # in one piece: train() would cut at line ends
    pairs = json.loads(tokenizer.to_str())["model"]["merges"]
    return "".join(f"{left} {right}\n" for left, right in pairs)


if len(sys.argv) == 3:
    sys.stdout.buffer.write(merges(pathlib.Path(sys.argv[1]), int(sys.argv[2])).encode())
    sys.exit()

import xxhash

made = {}
for name in texts:
    for size in sizes:
        lines = merges(data / f"text/{name}.txt", size)
        made.setdefault(name, {})[str(size)] = {"count": lines.count("\n"),
                                                "xxh64": xxhash.xxh64_hexdigest(lines.encode())}
target = here / "merges.json"
written = json.dumps(made, indent=1) + "\n"
if "--check" in sys.argv[1:]:
    sys.exit(0 if target.read_text() == written else f"{target} is not what was made now")
target.write_text(written)
