#!/usr/bin/env python3
"""ctgpt's tokenizer verbs as whole processes, beside Python programs of tiktoken and tokenizers.

Usage: token_processes.py [--build BUILD] [--rounds N] [--vocab N] [--out FILE] [TEXT...]
BUILD (build) holds ctgpt. The vocabularies come from CTGPT_DATA (../shared/data); without TEXTs,
Dickens and the two WikiText files of it.

encode: a text file in, a file of u16 (GPT-2) or u32 (GPT-4) ids out; from the start of the process
to its end, the loading of the vocabulary included. Both files must be equal.
train: a vocabulary of N tokens (32,000) from the texts, by tokenizers in a process of its own;
both must find the same merges. Bytes that are no UTF-8 become U+FFFD before, for tokenizers' sake.
Peers take turns on one processor, N rounds (5); the median of the wall time counts. --out writes
all of it as JSON.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent
golden = here.parent / "tests/golden"
sys.path.insert(0, str(golden))
from vocabularies import data  # noqa: E402

ENCODE = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy
from vocabularies import encoding
with open(sys.argv[3], encoding="utf-8", newline="") as file:
    ids = encoding(sys.argv[2]).encode_to_numpy(file.read(), disallowed_special=())
ids.astype("<u2" if sys.argv[2] == "gpt2" else "<u4").tofile(sys.argv[4])
"""

TRAIN = """
import sys
import tokenizers
made = tokenizers.Tokenizer(tokenizers.models.BPE())
made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
texts = [open(name, encoding="utf-8", newline="").read() for name in sys.argv[3:]]
made.train_from_iterator(texts, tokenizers.trainers.BpeTrainer(
    vocab_size=int(sys.argv[1]), show_progress=False,
    initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
made.save(sys.argv[2])
"""


def wall(command, environment, **files):
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, **files)
    return time.perf_counter() - start


def compare(name, megabytes, rounds, ours, theirs, peer, same):
    """Runs both in turns, prints and returns their row."""
    spent = {"ctgpt": [], peer: []}
    for _ in range(rounds):
        spent["ctgpt"].append(ours())
        spent[peer].append(theirs())
    seconds = {who: statistics.median(each) for who, each in spent.items()}
    ratio = seconds[peer] / seconds["ctgpt"]
    equal = same()
    print(f"{name}, {megabytes:.1f} MB, results {'equal' if equal else 'DIFFER'}")
    for who, each in seconds.items():
        print(f"  {who:12} {each:8.3f} s")
    print(f"  ctgpt takes 1/{ratio:.1f} of the time of {peer}", flush=True)
    return {"what": name, "megabytes": round(megabytes, 2), "equal": equal,
            "ratio": round(ratio, 2),
            "seconds": {who: round(each, 4) for who, each in seconds.items()}}


def merges(path):
    return [m if isinstance(m, str) else " ".join(m)
            for m in json.loads(path.read_text())["model"]["merges"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vocab", type=int, default=32000)
    parser.add_argument("--out")
    wish = parser.parse_args()
    one = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {one})  # of this process and its children
    environment = dict(os.environ, RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
    program = str(pathlib.Path(wish.build) / "ctgpt")
    texts = [pathlib.Path(text) for text in wish.texts] or [
        data / "text" / name for name in ("dickens.txt", "wikitext-2-test.txt",
                                          "wikitext-2-valid.txt")]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        for i, text in enumerate(texts):
            texts[i] = place / text.name
            texts[i].write_text(text.read_bytes().decode("utf-8", errors="replace"), newline="")
        for vocabulary, width in (("gpt2", "u16"), ("cl100k", "u32")):
            files = data / "tokenizers" / (
                "gpt2" if vocabulary == "gpt2" else f"{vocabulary}_base.tiktoken")
            arguments = ["--tokenizer", str(files), "--pattern", vocabulary, "--format", width]
            for text in texts:
                mine, theirs = place / "mine", place / "theirs"

                def encode():
                    with open(text, "rb") as source, open(mine, "wb") as target:
                        return wall([program, "tokenizer", "encode", *arguments], environment,
                                    stdin=source, stdout=target)

                def encode_as_peer():
                    return wall([sys.executable, "-c", ENCODE, str(golden), vocabulary, str(text),
                                 str(theirs)], environment)

                rows.append(compare(f"encode, {vocabulary}, {text.name}",
                                    text.stat().st_size / 1e6, wish.rounds, encode,
                                    encode_as_peer, "tiktoken",
                                    lambda: mine.read_bytes() == theirs.read_bytes()))
        made, spelled = place / "made", place / "theirs.json"
        names = [str(text) for text in texts]

        def train():
            subprocess.run(["rm", "-rf", str(made)], check=True)
            return wall([program, "tokenizer", "train", "--data", *names, "--format", "text",
                         "--vocab", str(wish.vocab), "--out", str(made)], environment,
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def train_as_peer():
            return wall([sys.executable, "-c", TRAIN, str(wish.vocab), str(spelled), *names],
                        environment)

        rows.append(compare(f"train, {wish.vocab} tokens",
                            sum(text.stat().st_size for text in texts) / 1e6, wish.rounds, train,
                            train_as_peer, "tokenizers",
                            lambda: merges(made / "tokenizer.json") == merges(spelled)))
    if wish.out:
        pathlib.Path(wish.out).write_text(json.dumps(rows, indent=1) + "\n")
    return 0 if all(row["equal"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
