#!/usr/bin/env python3
"""Golden distributions of the next token, by Hugging Face's own generate().

  make_sampler.py > tests/golden/infer/sampler.json

Each case: raw logits of a tiny random GPT-2 (some with tokens of equal logits), the tokens so far,
the options, and the probabilities that generate() samples from (greedy: 1 for the token it takes).
Needs: pip install torch transformers
"""

import itertools
import json
import sys

import torch
from transformers import GPT2Config, GPT2LMHeadModel

VOCAB = 24
OFF = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
ALONE = [
    {},
    {"temperature": 0.3},
    {"temperature": 2.5},
    {"top_k": 1},
    {"top_k": 5},
    {"top_k": 100},
    {"top_p": 0.0},
    {"top_p": 0.3},
    {"top_p": 0.9},
    {"min_p": 0.05},
    {"min_p": 0.5},
    {"min_p": 1.0},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.5},
    {"temperature": 0.0, "repetition_penalty": 3.0},
]
TOGETHER = [
    dict(zip(("temperature", "top_k", "top_p", "min_p", "repetition_penalty"), values))
    for values in itertools.product((0.7, 1.6), (4, 9), (0.5, 0.85), (0.02, 0.2), (1.0, 1.8))
]
TYPICAL = [
    {"typical_p": 0.1},
    {"typical_p": 0.5},
    {"typical_p": 0.95},
    {"typical_p": 0.6, "temperature": 0.4},
    {"typical_p": 0.6, "temperature": 1.7, "top_k": 9},
    {"typical_p": 0.8, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.4},
]


def model(seed, equal):
    torch.manual_seed(seed)
    settings = GPT2Config(vocab_size=VOCAB, n_positions=16, n_embd=16, n_layer=1, n_head=2,
                          bos_token_id=0, eos_token_id=0, tie_word_embeddings=False)
    net = GPT2LMHeadModel(settings).eval()
    with torch.no_grad():
        net.lm_head.weight.normal_(std=0.4)  # logits of deviation 1.6
        if equal:  # pairs of tokens with the same logit
            net.lm_head.weight[1::2] = net.lm_head.weight[::2]
    return net


def rounded(values):
    return [float(f"{value:.9g}") for value in values.tolist()]


def case(net, seed, options):
    torch.manual_seed(seed)
    options = OFF | options
    history = torch.randint(VOCAB, (1, 8))
    flags = dict(options, do_sample=options["temperature"] > 0)
    if not flags["do_sample"]:
        flags = {"do_sample": False, "repetition_penalty": options["repetition_penalty"]}
    result = net.generate(history, max_new_tokens=1, pad_token_id=0, eos_token_id=None,
                          output_scores=True, output_logits=True, return_dict_in_generate=True,
                          **flags)
    probabilities = torch.softmax(result.scores[0][0].double(), 0)
    if not flags["do_sample"]:
        probabilities = torch.nn.functional.one_hot(result.sequences[0, -1], VOCAB).double()
    return options | {"history": history[0].tolist(), "logits": rounded(result.logits[0][0]),
                      "probabilities": rounded(probabilities)}


def main():
    cases = []
    for seed, (equal, options) in enumerate(
            [(False, options) for options in ALONE + TOGETHER]
            # Which of equal tokens top-p drops is left open there, so these are for top-k alone.
            + [(True, {"top_k": k}) for k in range(1, 6)]
            + [(False, options) for options in TYPICAL]):
        cases.append(case(model(seed, equal), seed, options))
    sys.stdout.write("[\n" + ",\n".join(json.dumps(each) for each in cases) + "\n]\n")


if __name__ == "__main__":
    main()
