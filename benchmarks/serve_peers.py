#!/usr/bin/env python3
"""ctgpt serve beside llama-cpp-python's server: one GPT-2 model, one format, one machine, one run.

Usage: serve_peers.py --model DIR [--program BUILD/ctgpt] [--people N...] [--threads T]
                      [--tokens N] [--rounds N] [--out FILE]
DIR is a model directory of GPT-2's architecture (the shape counts, not what it says), such as
  ctgpt train --data text.txt --tokenizer gpt2 --preset gpt2-124m --steps 1 --batch 1 --context 64
Needs the Python packages llama-cpp-python[server], gguf, numpy and safetensors.

The weights are written as GGUF in F32, which both servers then read. People (1, 4 and 16) ask
/v1/completions at the same time, streamed, for the same number of tokens, greedily; every prompt
is another, so that no cache helps. The servers take turns, N rounds (3); the median counts. Prints
tokens a second of all people together and the time to the first token, and the ratios.
"""
import argparse
import concurrent.futures
import http.client
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import gguf
import numpy as np
from safetensors import safe_open

WORDS = ("the old man and the sea were quiet that night while a boat with one light went slowly "
         "past the hill where children used to play in summer").split()


def write_gguf(directory, path):
    config = json.loads((directory / "config.json").read_text())
    vocabulary = json.loads((directory / "tokenizer.json").read_text())
    if config.get("model_type") != "gpt2":
        sys.exit(f"{directory} is no GPT-2 model; train one with --preset gpt2-124m")
    out = gguf.GGUFWriter(str(path), "gpt2")
    out.add_context_length(config["n_positions"])
    out.add_embedding_length(config["n_embd"])
    out.add_feed_forward_length(config.get("n_inner") or 4 * config["n_embd"])
    out.add_block_count(config["n_layer"])
    out.add_head_count(config["n_head"])
    out.add_layer_norm_eps(config["layer_norm_epsilon"])
    out.add_file_type(gguf.LlamaFileType.ALL_F32)
    names = {token: text for text, token in vocabulary["model"]["vocab"].items()}
    special = {each["id"] for each in vocabulary.get("added_tokens", [])}
    names.update({each["id"]: each["content"] for each in vocabulary.get("added_tokens", [])})
    merges = [each if isinstance(each, str) else " ".join(each)
              for each in vocabulary["model"]["merges"]]
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list([names[i] for i in range(len(names))])
    out.add_token_types([3 if i in special else 1 for i in range(len(names))])
    out.add_token_merges(merges)
    end = config["eos_token_id"]
    out.add_bos_token_id(end)
    out.add_eos_token_id(end)
    out.add_add_bos_token(False)
    with safe_open(directory / "model.safetensors", "np") as weights:
        held = {name.removeprefix("transformer."): name for name in weights.keys()}

        def tensor(name):
            return np.ascontiguousarray(weights.get_tensor(held[name]).astype(np.float32))

        def bias(name, size):
            return tensor(name) if name in held else np.zeros(size, np.float32)

        out.add_tensor("token_embd.weight", tensor("wte.weight"))
        out.add_tensor("position_embd.weight", tensor("wpe.weight"))
        out.add_tensor("output_norm.weight", tensor("ln_f.weight"))
        out.add_tensor("output_norm.bias", bias("ln_f.bias", config["n_embd"]))
        out.add_tensor("output.weight", tensor("wte.weight"))
        pairs = {"attn_norm": "ln_1", "ffn_norm": "ln_2", "attn_qkv": "attn.c_attn",
                 "attn_output": "attn.c_proj", "ffn_up": "mlp.c_fc", "ffn_down": "mlp.c_proj"}
        for layer in range(config["n_layer"]):
            for theirs, ours in pairs.items():
                weight = tensor(f"h.{layer}.{ours}.weight")
                size = weight.shape[-1]
                if weight.ndim == 2:  # input by output: GGUF has output by input
                    weight = np.ascontiguousarray(weight.T)
                out.add_tensor(f"blk.{layer}.{theirs}.weight", weight)
                out.add_tensor(f"blk.{layer}.{theirs}.bias", bias(f"h.{layer}.{ours}.bias", size))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return end


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port, process, name):
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"{name} ended before it served")
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            link.request("GET", "/v1/models")
            if link.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit(f"{name} does not serve")


def ask(port, prompt, tokens, end):
    body = {"prompt": prompt, "max_tokens": tokens, "temperature": 0, "stream": True,
            "logit_bias": {str(end): -100}}
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    begun = time.perf_counter()
    link.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer = link.getresponse()
    assert answer.status == 200, answer.read()
    first = None
    length = False
    for line in answer:
        if first is None and line.startswith(b"data: {"):
            first = time.perf_counter() - begun
        length = length or b'"finish_reason":"length"' in line.replace(b": ", b":")
    assert length, "an answer did not have all its tokens"
    return first, time.perf_counter() - begun


def measure(port, people, tokens, end, seed):
    def prompt(i):
        chance = np.random.default_rng(1000 * seed + i)
        return "".join(" " + WORDS[j] for j in chance.integers(0, len(WORDS), 48))

    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(people) as pool:
        seen = list(pool.map(lambda i: ask(port, prompt(i), tokens, end), range(people)))
    return (people * tokens / (time.perf_counter() - begun),
            statistics.median(first for first, _ in seen), max(first for first, _ in seen))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--program", default="build/ctgpt")
    parser.add_argument("--people", nargs="+", type=int, default=[1, 4, 16])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out")
    given = parser.parse_args()
    directory = given.model
    for name in ("best", "last"):
        if not (directory / "config.json").exists() and (given.model / name).exists():
            directory = given.model / name
    with tempfile.TemporaryDirectory() as room:
        path = pathlib.Path(room) / "model.gguf"
        end = write_gguf(directory, path)
        ports = {"ctgpt": free_port(), "llama.cpp": free_port()}
        context = json.loads((directory / "config.json").read_text())["n_positions"]
        commands = {
            "ctgpt": [given.program, "serve", "--model", str(directory), "--port",
                      str(ports["ctgpt"]), "--threads", str(given.threads), "--kv-cache", "2G"],
            "llama.cpp": [sys.executable, "-m", "llama_cpp.server", "--model", str(path), "--port",
                          str(ports["llama.cpp"]), "--n_threads", str(given.threads),
                          "--n_threads_batch", str(given.threads), "--n_ctx", str(context),
                          "--interrupt_requests", "false"]}
        running = {name: subprocess.Popen(words, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
                   for name, words in commands.items()}
        try:
            for name, process in running.items():
                wait_for(ports[name], process, name)
                measure(ports[name], 1, 8, end, 0)  # warm
            results = []
            print(f"{directory}, F32, {given.threads} threads, prompts of 48 words, "
                  f"{given.tokens} tokens an answer, median of {given.rounds} rounds")
            for people in given.people:
                rounds = {name: [] for name in running}
                for turn in range(given.rounds):
                    for name in running:
                        seed = 100 * people + turn + 1
                        rounds[name].append(measure(ports[name], people, given.tokens, end, seed))
                row = {"people": people}
                for name, seen in rounds.items():
                    speed, first, longest = (statistics.median(each) for each in zip(*seen))
                    row[name] = {"tokens_per_second": speed, "first_token_seconds": first,
                                 "longest_first_token_seconds": longest}
                    print(f"{people:3} people  {name:10} {speed:8.1f} tokens/s   first token: half "
                          f"{first:7.3f} s, longest {longest:7.3f} s")
                row["speed_ratio"] = (row["ctgpt"]["tokens_per_second"] /
                                      row["llama.cpp"]["tokens_per_second"])
                row["first_token_ratio"] = (row["llama.cpp"]["first_token_seconds"] /
                                            row["ctgpt"]["first_token_seconds"])
                print(f"            ahead by {row['speed_ratio']:.2f} in tokens/s, "
                      f"{row['first_token_ratio']:.2f} in time to the first token", flush=True)
                results.append(row)
        finally:
            for process in running.values():
                process.terminate()
                process.wait()
    if given.out:
        pathlib.Path(given.out).write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
