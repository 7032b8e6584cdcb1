"""The same GPT as `ctgpt train --preset shakespeare-char-cpu` (or gpt2-124m) in plain PyTorch.

Written for comparison: pre-norm blocks, LayerNorm without bias (char) or with it (gpt2), exact GELU
(char) or its tanh form (gpt2), tied head, scaled_dot_product_attention, fused AdamW that decays
matrices, gradient clipping, cosine schedule.

  pytorch_gpt.py char FILE --steps 2000 --seed 1337 --threads 1   trains, prints the best val loss
  pytorch_gpt.py step gpt2-124m --batch 4 --time 64 --threads 1   times steps on random tokens
Every run prints one JSON object with seconds and cpu_seconds of the training loop alone.
"""
import argparse
import json
import math
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads, bias, tanh):
        super().__init__()
        self.heads, self.approximate = heads, "tanh" if tanh else "none"
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=bias), nn.LayerNorm(width, bias=bias)
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.out = nn.Linear(width, width, bias=bias)
        self.up = nn.Linear(width, 4 * width, bias=bias)
        self.down = nn.Linear(4 * width, width, bias=bias)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).split(width, dim=2)
        q, k, v = (t.view(batch, length, self.heads, -1).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate=self.approximate))


class Gpt(nn.Module):
    def __init__(self, vocab, context, layers, heads, width, bias, tanh):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocab, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads, bias, tanh) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=bias)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, 0.0, 0.02 / (math.sqrt(2 * layers) if residual else 1.0))
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.places.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        logits = self.norm(x) @ self.tokens.weight.T
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def optimizer_for(model, rate, decay, beta2):
    groups = [{"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": decay},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, beta2), fused=True)


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def train_char(args):
    text = open(args.file, encoding="utf-8").read()
    index = {c: i for i, c in enumerate(sorted(set(text)))}
    ids = torch.tensor([index[c] for c in text])
    cut = int(0.9 * len(ids))
    parts = {"train": ids[:cut], "val": ids[cut:]}
    time_, batch, rate, low, warmup = 64, 12, 1e-3, 1e-4, 100
    model = Gpt(len(index), time_, 4, 4, 128, False, False)
    optimizer = optimizer_for(model, rate, 0.1, 0.99)

    def draw(part):
        at = torch.randint(len(parts[part]) - time_, (batch,)).tolist()
        return (torch.stack([parts[part][i : i + time_] for i in at]),
                torch.stack([parts[part][i + 1 : i + 1 + time_] for i in at]))

    best, start, used = math.inf, time.perf_counter(), cpu_seconds()
    for step in range(args.steps + 1):
        if step % 250 == 0:
            with torch.no_grad():
                loss = statistics.mean(model(*draw("val")).item() for _ in range(20))
            best = min(best, loss)
        if step == args.steps:
            break
        part = (step - warmup) / (args.steps - warmup)
        now = (rate * (step + 1) / (warmup + 1) if step < warmup
               else low + (rate - low) * 0.5 * (1 + math.cos(math.pi * part)))
        for group in optimizer.param_groups:
            group["lr"] = now
        loss = model(*draw("train"))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return {"best_val_loss": best, "seconds": time.perf_counter() - start,
            "cpu_seconds": cpu_seconds() - used, "steps": args.steps}


def time_steps(args):
    sizes = {"char": (65, 64, 4, 4, 128, False, False),
             "gpt2-124m": (50257, 1024, 12, 12, 768, True, True)}
    vocab = sizes[args.file][0]
    model = Gpt(*sizes[args.file])
    optimizer = optimizer_for(model, 1e-4, 0.1, 0.99)
    times, used = [], []
    for _ in range(args.repeats + 1):
        ids = torch.randint(vocab, (args.batch, args.time + 1))
        start, before = time.perf_counter(), cpu_seconds()
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            loss = model(ids[:, :-1], ids[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append(time.perf_counter() - start)
        used.append(cpu_seconds() - before)
    return {"seconds": statistics.median(times[1:]), "cpu_seconds": statistics.median(used[1:])}


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
parser.add_argument("what", choices=["char", "step"])
parser.add_argument("file", help="text file (char) or model (step: char, gpt2-124m)")
parser.add_argument("--steps", type=int, default=2000)
parser.add_argument("--seed", type=int, default=1337)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--batch", type=int, default=4)
parser.add_argument("--time", type=int, default=64)
parser.add_argument("--repeats", type=int, default=5)
parser.add_argument("--bf16", action="store_true")
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
torch.manual_seed(arguments.seed)
result = train_char(arguments) if arguments.what == "char" else time_steps(arguments)
print(json.dumps({"torch": torch.__version__, "threads": arguments.threads, **result}))
