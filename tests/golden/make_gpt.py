#!/usr/bin/env python3
"""Golden logits, gradients and AdamW losses of two small GPTs, computed by PyTorch in f64.

  make_gpt.py tests/golden/gpt          writes gpt2.safetensors and llama.safetensors there
  make_gpt.py --names > tests/golden/gpt/names.json
                                        tensors of saved transformers models (needs transformers)

gpt2: Radford et al. 2019 (learned positions, LayerNorm with bias, tanh GELU, tied head).
llama: Touvron et al. 2023 with Ainslie et al. 2023 (rotary positions, RMSNorm, SwiGLU, grouped
heads, free head). Each file holds, for one batch of 3 x 16 tokens: tokens and targets; logits;
"gradient.NAME" of the mean loss for every weight; "losses" and "norms", the loss and the norm of
the whole gradient before each of ten AdamW steps on that same batch.
Weights and tokens come from an integer hash, so that nobody has to store them: weight i of slot s
(slots in the order of slots()) is base + (top 12 bits of hash(s, i) - 2048) / 8192, base 1 for
gains and else 0. Every such number is exact in f32.
Needs: pip install torch
"""

import json
import math
import struct
import sys

LAYERS, CONTEXT, VOCAB, BATCH = 2, 16, 61, 3
GPT2 = {"width": 20, "heads": 5, "kv_heads": 5, "hidden": 80}
LLAMA = {"width": 24, "heads": 6, "kv_heads": 2, "hidden": 40}
ROPE_BASE, EPSILON = 500000.0, 1e-5
# Exact in f32, as the optimiser's numbers are stored.
RATE, BETA1, BETA2, DECAY, ADAM_EPSILON, CLIP = 2**-7, 0.875, 0.96875, 0.125, 2**-27, 1.0


def hash32(stream, i):
    x = (i * 2654435761 + stream * 2246822519 + 374761393) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 2246822519) & 0xFFFFFFFF
    x = ((x ^ (x >> 13)) * 3266489917) & 0xFFFFFFFF
    return x ^ (x >> 16)


def slots(kind, size):
    """(name, shape) of every weight, in the order of the arena."""
    width, hidden = size["width"], size["hidden"]
    head = width // size["heads"]
    qkv = width + 2 * size["kv_heads"] * head
    bias = kind == "gpt2"

    def norm(name):
        return [(name + ".gain", (width,))] + [(name + ".bias", (width,))] * bias

    def linear(name, out, into):
        return [(name + ".weight", (out, into))] + [(name + ".bias", (out,))] * bias

    found = [("token_embedding.weight", (VOCAB, width))]
    if kind == "gpt2":
        found.append(("position_embedding.weight", (CONTEXT, width)))
    for layer in range(LAYERS):
        block = f"block.{layer}."
        found += norm(block + "attention.normalize")
        found += linear(block + "attention.heads.qkv", qkv, width)
        found += linear(block + "attention.heads.projection", width, width)
        found += norm(block + "mlp.normalize")
        found += linear(block + "mlp.gate.up", hidden if bias else 2 * hidden, width)
        found += linear(block + "mlp.gate.down", width, hidden)
    found += norm("final_norm")
    if kind == "llama":
        found.append(("head.weight", (VOCAB, width)))
    return found


def weights(torch, kind, size):
    result = {}
    for index, (name, shape) in enumerate(slots(kind, size)):
        base = 1.0 if name.endswith("gain") else 0.0
        values = [base + ((hash32(index, i) >> 20) - 2048) / 8192 for i in range(math.prod(shape))]
        tensor = torch.tensor(values, dtype=torch.float64).reshape(shape)
        result[name] = tensor.requires_grad_()
    return result


def normalized(torch, w, name, x):
    if name + ".bias" in w:
        x = x - x.mean(-1, keepdim=True)
    x = x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPSILON) * w[name + ".gain"]
    return x + w.get(name + ".bias", 0.0)


def linear(w, name, x):
    return x @ w[name + ".weight"].T + w.get(name + ".bias", 0.0)


def rotated(torch, x):
    """Pairs (i, i + D/2) of every head, as Llama checkpoints have them; the table is f32."""
    time, half = x.shape[-2], x.shape[-1] // 2
    angle = torch.tensor([[p * ROPE_BASE ** (-i / half) for i in range(half)]
                          for p in range(time)], dtype=torch.float64)
    cos, sin = (f(angle).float().double() for f in (torch.cos, torch.sin))
    low, high = x[..., :half], x[..., half:]
    return torch.cat((low * cos - high * sin, high * cos + low * sin), -1)


def attention(torch, w, name, x, size, rotary):
    batch, time, width = x.shape
    heads, kv_heads = size["heads"], size["kv_heads"]
    head = width // heads
    q, k, v = linear(w, name + ".qkv", x).split([width, kv_heads * head, kv_heads * head], -1)
    q, k, v = (t.view(batch, time, -1, head).transpose(1, 2) for t in (q, k, v))
    if rotary:
        q, k = rotated(torch, q), rotated(torch, k)
    k, v = (t.repeat_interleave(heads // kv_heads, 1) for t in (k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(head)
    future = torch.ones(time, time, dtype=torch.bool).triu(1)
    mixed = torch.softmax(scores.masked_fill(future, -math.inf), -1) @ v
    return linear(w, name + ".projection", mixed.transpose(1, 2).reshape(batch, time, width))


def mlp(torch, w, name, x, gated):
    up = linear(w, name + ".up", x)
    if gated:
        gate, up = up.chunk(2, -1)
        return linear(w, name + ".down", gate * torch.sigmoid(gate) * up)
    return linear(w, name + ".down", torch.nn.functional.gelu(up, approximate="tanh"))


def logits(torch, w, kind, size, tokens):
    llama = kind == "llama"
    x = w["token_embedding.weight"][tokens]
    if not llama:
        x = x + w["position_embedding.weight"]
    for layer in range(LAYERS):
        block = f"block.{layer}."
        h = normalized(torch, w, block + "attention.normalize", x)
        x = x + attention(torch, w, block + "attention.heads", h, size, llama)
        x = x + mlp(torch, w, block + "mlp.gate",
                    normalized(torch, w, block + "mlp.normalize", x), llama)
    head = w["head.weight" if llama else "token_embedding.weight"]
    return normalized(torch, w, "final_norm", x) @ head.T


def golden(torch, kind, size):
    w = weights(torch, kind, size)
    ids = [hash32(1000, i) % VOCAB for i in range(BATCH * (CONTEXT + 1))]
    windows = torch.tensor(ids).view(BATCH, CONTEXT + 1)
    tokens, targets = windows[:, :-1], windows[:, 1:]

    def loss():
        scores = logits(torch, w, kind, size, tokens)
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten())

    out = {"tokens": tokens, "targets": targets,
           "logits": logits(torch, w, kind, size, tokens).detach()}
    loss().backward()
    for name, tensor in w.items():
        out["gradient." + name] = tensor.grad.clone()
    matrices = [t for t in w.values() if t.dim() == 2]
    vectors = [t for t in w.values() if t.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}],
        lr=RATE, betas=(BETA1, BETA2), eps=ADAM_EPSILON)
    losses, norms = [], []
    for _ in range(10):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        losses.append(value.item())
        norms.append(torch.nn.utils.clip_grad_norm_(w.values(), CLIP).item())
        optimizer.step()
    out["losses"] = torch.tensor(losses, dtype=torch.float64)
    out["norms"] = torch.tensor(norms, dtype=torch.float64)
    return out


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        values = tensor.flatten().tolist()
        floating = tensor.is_floating_point()
        piece = struct.pack(f"<{len(values)}{'d' if floating else 'q'}", *values)
        header[name] = {"dtype": "F64" if floating else "I64", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def names():
    """What transformers writes for models of the two shapes: {family: {tensor: shape}}."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    def saved(model):
        state, shown, seen = model.state_dict(), {}, set()
        for name, tensor in sorted(state.items(), key=lambda item: "lm_head" in item[0]):
            if tensor.data_ptr() not in seen:  # a tied head is written once, as the embedding
                shown[name] = list(tensor.shape)
            seen.add(tensor.data_ptr())
        return dict(sorted(shown.items()))

    gpt2 = GPT2LMHeadModel(GPT2Config(
        vocab_size=VOCAB, n_positions=CONTEXT, n_embd=GPT2["width"], n_layer=LAYERS,
        n_head=GPT2["heads"]))
    llama = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, max_position_embeddings=CONTEXT, hidden_size=LLAMA["width"],
        num_hidden_layers=LAYERS, num_attention_heads=LLAMA["heads"],
        num_key_value_heads=LLAMA["kv_heads"], intermediate_size=LLAMA["hidden"]))
    return {"gpt2": saved(gpt2), "llama": saved(llama)}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--names":
        lines = [f'"{kind}": {{\n' + ",\n".join(f'  "{name}": {shape}'
                                              for name, shape in tensors.items()) + "\n}"
                 for kind, tensors in names().items()]
        print("{\n" + ",\n".join(lines) + "\n}")
        return
    import torch
    torch.set_num_threads(1)
    for kind, size in (("gpt2", GPT2), ("llama", LLAMA)):
        write_safetensors(f"{sys.argv[1]}/{kind}.safetensors", golden(torch, kind, size))


if __name__ == "__main__":
    main()
