#!/usr/bin/env python3
"""ctgpt's tokenizer beside tiktoken, tokenizers and gigatoken: the same texts, one thread, one run.

Usage: token_peers.py [--build BUILD] [--rounds N] [--out FILE] [TEXT...]
BUILD (build) holds benchmarks/benchmark_tokens and ctgpt. The vocabularies come from CTGPT_DATA
(../shared/data). Without TEXTs: Dickens (English), the sources of Python's own library (code), and
the translated manual pages of this machine (multilingual), if there are any.

Peers take turns, N rounds (3); the median counts. Prints MB/s and the ratio to tiktoken, for the
vocabularies of GPT-2 and GPT-4. Tokens are compared: where they differ, the script says so and
fails. --out writes all of it as JSON.
"""
import argparse
import glob
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "tests/golden"))
from vocabularies import data, encoding  # noqa: E402


def english():
    return (data / "text/dickens.txt").read_bytes().decode("utf-8", errors="replace")


def code():
    names = sorted(glob.glob(sysconfig.get_paths()["stdlib"] + "/*.py"))
    return "".join(pathlib.Path(name).read_text(errors="replace") for name in names)


def multilingual():
    pages = []
    for folder in sorted(glob.glob("/usr/share/man/[a-z][a-z]*/man[1-8]")):
        for name in sorted(glob.glob(folder + "/*.gz"))[:60]:
            pages.append(gzip.open(name).read().decode("utf-8", errors="replace"))
    return "".join(pages)


def hf_tokenizer():
    import tokenizers
    made = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(
        str(data / "tokenizers/gpt2/vocab.json"), str(data / "tokenizers/gpt2/merges.txt")))
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    return made


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out")
    wish = parser.parse_args()

    texts = {}
    if wish.texts:
        for name in wish.texts:
            texts[pathlib.Path(name).name] = pathlib.Path(name).read_text(errors="replace")
    else:
        texts = {"english": english(), "code": code(), "multilingual": multilingual()}
    texts = {name: text for name, text in texts.items() if text}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name, text in texts.items():
            files[name] = pathlib.Path(folder) / name
            files[name].write_text(text, newline="")
        for vocabulary in ("gpt2", "cl100k"):
            place = data / "tokenizers" / (
                "gpt2" if vocabulary == "gpt2" else f"{vocabulary}_base.tiktoken")
            peer = encoding(vocabulary)
            hugging = hf_tokenizer() if vocabulary == "gpt2" else None
            giga = None
            if vocabulary == "gpt2":
                try:
                    import gigatoken
                    import warnings
                    warnings.filterwarnings("ignore")
                    spelled = pathlib.Path(folder) / "gpt2.json"
                    hugging.save(str(spelled))
                    giga = gigatoken.Tokenizer(str(spelled))
                except Exception as problem:  # noqa: BLE001: it is a peer, not a need
                    print(f"gigatoken is left out: {problem}", file=sys.stderr)
            for name, text in texts.items():
                size = files[name].stat().st_size / 1e6
                speeds = {}
                ids = None
                for _ in range(wish.rounds):
                    line = subprocess.run(
                        [f"{wish.build}/benchmarks/benchmark_tokens", str(place), vocabulary,
                         str(files[name])], check=True, capture_output=True, text=True).stdout
                    ours = json.loads(line)
                    for key in ("cold", "warm", "two_threads", "decode"):
                        speeds.setdefault("ctgpt " + key, []).append(ours[key])
                    spent, ids = timed(lambda: peer.encode_ordinary(text))
                    speeds.setdefault("tiktoken", []).append(size / spent)
                    if hugging:
                        lines = text.splitlines(keepends=True)
                        spent, _ = timed(lambda: hugging.encode_batch_fast(lines))
                        speeds.setdefault("tokenizers", []).append(size / spent)
                    if giga:
                        spent, _ = timed(lambda: giga.encode_files([str(files[name])]))
                        speeds.setdefault("gigatoken", []).append(size / spent)
                same = len(ids) == ours["tokens"]
                if same:
                    import xxhash
                    import numpy
                    packed = numpy.array(ids, dtype="<i4").tobytes()
                    same = xxhash.xxh64(packed).hexdigest() == ours["xxh64"]
                row = {"vocabulary": vocabulary, "text": name, "megabytes": round(size, 2),
                       "same_tokens": same,
                       "speeds": {k: round(statistics.median(v), 1) for k, v in speeds.items()}}
                results.append(row)
                base = row["speeds"]["tiktoken"]
                print(f"{vocabulary}, {name}, {size:.1f} MB, tokens "
                      f"{'equal' if same else 'DIFFER'}")
                for who, speed in row["speeds"].items():
                    print(f"  {who:18} {speed:8.1f} MB/s  {speed / base:6.1f} x tiktoken")
    if wish.out:
        pathlib.Path(wish.out).write_text(json.dumps(results, indent=1) + "\n")
    return 0 if all(row["same_tokens"] for row in results) else 1


if __name__ == "__main__":
    sys.exit(main())
