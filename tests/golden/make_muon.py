#!/usr/bin/env python3
"""Golden Muon losses of the two small GPTs of make_gpt.py, by torch.optim.Muon in f64.

  make_muon.py > tests/golden/gpt/muon.json

{model: {"losses": [...], "norms": [...]}}: the loss and the norm of the whole gradient before each
of ten steps on one batch. Matrices of the blocks: Muon, each of queries, keys, values, gate and up
on its own; everything else: AdamW. torch's Muon iterates in bf16; here it is made to do so in f64.
Needs: pip install torch (2.9 or later)
"""

import json

import make_gpt

# Exact in f32, as the optimiser's numbers are stored.
RATE, MOMENTUM, DECAY = 2**-5, 0.9375, 0.125


def in_f64(torch):
    """torch.optim.Muon, which rounds to what its module calls torch.bfloat16."""
    import torch.optim._muon as module

    class Wide:
        bfloat16 = torch.float64

        def __getattr__(self, name):
            return getattr(torch, name)

    module.torch = Wide()
    return torch.optim.Muon


def row_counts(name, shape, size):
    """How many rows each matrix of a joined weight has."""
    width = size["width"]
    keys = size["kv_heads"] * width // size["heads"]
    if name.endswith("qkv.weight"):
        return [width, keys, keys]
    if name.endswith("up.weight") and shape[0] == 2 * size["hidden"]:
        return [size["hidden"]] * 2
    return [shape[0]]


def losses(torch, kind, size):
    start = make_gpt.weights(torch, kind, size)
    ids = [make_gpt.hash32(1000, i) % make_gpt.VOCAB
           for i in range(make_gpt.BATCH * (make_gpt.CONTEXT + 1))]
    windows = torch.tensor(ids).view(make_gpt.BATCH, make_gpt.CONTEXT + 1)
    pieces, matrices, vectors, embeddings = {}, [], [], []
    for name, tensor in start.items():
        split = tensor.detach().split(row_counts(name, tensor.shape, size))
        pieces[name] = [piece.clone().requires_grad_() for piece in split]
        hidden = name.startswith("block.") and tensor.dim() == 2
        (matrices if hidden else embeddings if tensor.dim() == 2 else vectors).extend(pieces[name])
    muon = in_f64(torch)(matrices, lr=RATE, weight_decay=DECAY, momentum=MOMENTUM)
    adamw = torch.optim.AdamW(
        [{"params": embeddings, "weight_decay": make_gpt.DECAY},
         {"params": vectors, "weight_decay": 0.0}],
        lr=make_gpt.RATE, betas=(make_gpt.BETA1, make_gpt.BETA2), eps=make_gpt.ADAM_EPSILON)
    everything = matrices + vectors + embeddings
    out = {"losses": [], "norms": []}
    for _ in range(10):
        for tensor in everything:
            tensor.grad = None
        weights = {name: torch.cat(split) for name, split in pieces.items()}
        scores = make_gpt.logits(torch, weights, kind, size, windows[:, :-1])
        value = torch.nn.functional.cross_entropy(scores.flatten(0, 1), windows[:, 1:].flatten())
        value.backward()
        out["losses"].append(value.item())
        out["norms"].append(torch.nn.utils.clip_grad_norm_(everything, make_gpt.CLIP).item())
        muon.step()
        adamw.step()
    return out


def main():
    import torch
    torch.set_num_threads(1)
    models = {"gpt2": make_gpt.GPT2, "llama": make_gpt.LLAMA}
    print(json.dumps({kind: losses(torch, kind, size) for kind, size in models.items()}, indent=1))


if __name__ == "__main__":
    main()
