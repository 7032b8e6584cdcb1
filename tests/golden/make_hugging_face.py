#!/usr/bin/env python3
"""Model directories between ctgpt and Hugging Face transformers.

  make_hugging_face.py tests/golden/hugging_face   writes the directories of CASES there, each as
                                                   save_pretrained leaves it, with loss.json: the
                                                   tokens and the mean loss, computed in f64
  make_hugging_face.py --loss DIR FILE             the loss of any directory over a text, in windows
                                                   of its context as `ctgpt eval` takes them, and
                                                   the ids that AutoTokenizer gives the text
  make_hugging_face.py --resave DIR OUT [NAME]     opens DIR and saves it again: as NAME says,
                                                   "shards" (100 KB each), "half", "bfloat16",
                                                   "biases" (all of them 0.25) or "padded" (64 more
                                                   rows of vocabulary)

Weights are random, of a fixed seed, and wide enough for every part of a model to matter.
Needs: pip install torch transformers
"""

import json
import os
import sys

CASES = {
    "gpt2-tanh": ("GPT2Config", dict(vocab_size=256, n_positions=24, n_embd=24, n_layer=2,
                                     n_head=3)),
    "gpt2-exact": ("GPT2Config", dict(vocab_size=256, n_positions=24, n_embd=20, n_layer=1,
                                      n_head=5, n_inner=36, activation_function="gelu",
                                      layer_norm_epsilon=1e-6)),
    "llama-grouped": ("LlamaConfig", dict(vocab_size=256, max_position_embeddings=24,
                                          hidden_size=24, intermediate_size=40,
                                          num_hidden_layers=2, num_attention_heads=4,
                                          num_key_value_heads=2, rope_theta=500000.0)),
    "llama-tied": ("LlamaConfig", dict(vocab_size=256, max_position_embeddings=24, hidden_size=16,
                                       intermediate_size=24, num_hidden_layers=1,
                                       num_attention_heads=2, head_dim=12,
                                       tie_word_embeddings=True)),
}


def spread(torch, model):
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            centre = 1.0 if ("ln_" in name or "norm" in name) and name.endswith("weight") else 0.0
            scale = 0.1 if tensor.dim() == 1 else 0.25
            tensor.copy_(centre + scale * torch.randn(tensor.shape, generator=generator))


def mean_loss(torch, model, ids, context):
    """Windows of `context` inputs, each position predicting the next token; f64."""
    total = 0.0
    model = model.double().eval()
    with torch.no_grad():
        for begin in range(0, len(ids) - 1, context):
            window = torch.tensor([ids[begin:begin + context + 1]])
            logits = model(input_ids=window[:, :-1]).logits[0]
            total += torch.nn.functional.cross_entropy(
                logits, window[0, 1:], reduction="sum").item()
    return total / (len(ids) - 1)


def make(out):
    import torch
    import transformers
    for name, (kind, fields) in CASES.items():
        config = getattr(transformers, kind)(bos_token_id=None, eos_token_id=None, **fields)
        torch.manual_seed(1)
        model = transformers.AutoModelForCausalLM.from_config(config)
        spread(torch, model)
        directory = os.path.join(out, name)
        model.save_pretrained(directory)
        ids = [(i * 37 + i * i * 11) % 256 for i in range(60)]
        loss = mean_loss(torch, model, ids, 24)
        with open(os.path.join(directory, "loss.json"), "w") as file:
            json.dump({"tokens": ids, "loss": loss}, file)


def loss(directory, path):
    import torch
    import transformers
    model = transformers.AutoModelForCausalLM.from_pretrained(directory)
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    with open(path, newline="") as file:
        ids = tokenizer(file.read(), add_special_tokens=False)["input_ids"]
    context = model.config.max_position_embeddings
    print(json.dumps({"class": type(model).__name__, "tokens": len(ids), "ids": ids[:200],
                      "loss": mean_loss(torch, model, ids, context)}))


def resave(directory, out, how):
    import torch
    import transformers
    model = transformers.AutoModelForCausalLM.from_pretrained(directory)
    if how == "half":
        model = model.half()
    if how == "bfloat16":
        model = model.bfloat16()
    if how == "padded":
        torch.manual_seed(1)
        model.resize_token_embeddings(model.config.vocab_size + 64)
    if how == "biases":
        with torch.no_grad():
            for name, tensor in model.named_parameters():
                if name.endswith(".bias"):
                    tensor.fill_(0.25)
    model.save_pretrained(out, **({"max_shard_size": "100KB"} if how == "shards" else {}))
    transformers.AutoTokenizer.from_pretrained(directory).save_pretrained(out)


def main():
    if len(sys.argv) == 2 and not sys.argv[1].startswith("--"):
        make(sys.argv[1])
    elif len(sys.argv) == 4 and sys.argv[1] == "--loss":
        loss(sys.argv[2], sys.argv[3])
    elif len(sys.argv) in (4, 5) and sys.argv[1] == "--resave":
        resave(sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) == 5 else "")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
