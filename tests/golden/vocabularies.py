"""The vocabularies and patterns of tiktoken 0.14, from files: nothing is fetched.

GPT-2's and OpenAI's ranks lie in CTGPT_DATA (default ../shared/data beside the repository). The
expressions are those of tiktoken_ext/openai_public.py and of nanochat's tokenizer.py.
"""
import base64
import json
import os
import pathlib

data = pathlib.Path(os.environ.get("CTGPT_DATA") or
                    pathlib.Path(__file__).resolve().parents[3] / "shared/data")

words = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
ends = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
short = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
front = r"[^\r\n\p{L}\p{N}]?"
patterns = {
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|"
              r" ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    "o200k": "|".join([front + words + "*" + ends + "+" + short,
                       front + words + "+" + ends + "*" + short,
                       r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+",
                       r"\s+(?!\S)", r"\s+"]),
    "nanochat": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}|"
                r" ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
}


def gpt2_ranks():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    spelled = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
    vocabulary = json.loads((data / "tokenizers/gpt2/vocab.json").read_text())
    del vocabulary["<|endoftext|>"]
    return {bytes(spelled[c] for c in token): rank for token, rank in vocabulary.items()}


def ranks(name):
    if name == "gpt2":
        return gpt2_ranks()
    lines = (data / f"tokenizers/{name}_base.tiktoken").read_bytes().splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}


def encoding(name):
    """tiktoken's, without special tokens."""
    import tiktoken
    return tiktoken.Encoding(name=name, pat_str=patterns[name], mergeable_ranks=ranks(name),
                             special_tokens={})
