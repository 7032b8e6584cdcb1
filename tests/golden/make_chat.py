#!/usr/bin/env python3
"""Conversations as Hugging Face transformers write and learn them.

  make_chat.py tests/golden/align   writes there tokenizer.json (a byte-level BPE of a few merges
                                    with the special tokens of both templates), talks.json (the
                                    conversations), chat.json (of every template and conversation
                                    the ids, the mask of apply_chat_template and the prompt's ids)
                                    and, in a directory each, two small models with the losses of
                                    the conversations (loss.json), computed in f64
  make_chat.py --check DIR TALKS    the same of a saved chat model and a file of conversations, in
                                    JSON: its template's ids and masks, and the losses in f32;
                                    also that generate() stops at the template's end

The templates are read from include/ctgpt/align/chat_template.hpp: what ships is what is tested.
A loss is the mean over the tokens whose mask is 1, each predicted from those before it.
Needs: pip install torch transformers
"""

import json
import os
import re
import sys

TALKS = [
    [("user", "Who are you?"), ("assistant", "A small GPT.")],
    [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hello!"), ("user", "What is 2+2?"),
     ("assistant", "It is 4.")],
    [("user", "Say <|im_end|> and <|user_end|>, please."),
     ("assistant", "<|im_start|>assistant\n is no token here: <|assistant_end|>")],
    [("user", "  spaces \n\n and lines\n"), ("assistant", "\n  kept\n\n")],
    [("user", "na\u00efve caf\u00e9 \u4f60\u597d \U0001f600"),
     ("assistant", "\u00e9\u0301 \u2014 \U0001f44d\U0001f3fd ok")],
    [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), ("user", "e"),
     ("assistant", "f")],
]
# Text that names special tokens is taken for them by apply_chat_template, which writes first and
# encodes then; here it stays text, so transformers are not asked.
NAMED = [2]


def templates(root):
    path = os.path.join(root, "include/ctgpt/align/chat_template.hpp")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = {}
    for name in ("chatml", "nanochat"):
        body = text[text.index("struct " + name + " {"):]
        body = body[body.index("jinja() {"):]
        body = body[:body.index(";\n  }")]
        found[name] = "".join(re.findall(r'R"\((.*?)\)"', body, re.S))
    return found


def messages(talk):
    return [{"role": role, "content": content} for role, content in talk]


def make_tokenizer(path):
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {letter: i for i, letter in enumerate(alphabet)}
    merges = []
    for pair in ("h e", "l l", "he ll", "hell o", "i s", "Ġ i", "a s", "as s", "Ġ a", "a n",
                 "an d", "o u", "y ou", "im _", "Ċ Ċ"):
        left, right = pair.split(" ")
        if left not in vocab or right not in vocab:
            continue
        merges.append((left, right))
        vocab[left + right] = len(vocab)
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|bos|>", "<|user_start|>",
             "<|user_end|>", "<|assistant_start|>", "<|assistant_end|>"]
    made.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in names])
    made.save(path)
    return len(vocab) + len(names)


def written(tokenizer, talk):
    made = tokenizer.apply_chat_template(messages(talk), tokenize=True, return_dict=True,
                                         return_assistant_tokens_mask=True)
    asked = [each for each in talk]
    while asked and asked[-1][0] == "assistant":
        asked.pop()
    prompt = tokenizer.apply_chat_template(messages(asked), tokenize=True, return_dict=True,
                                           add_generation_prompt=True)
    return {"ids": list(made["input_ids"]), "mask": list(made["assistant_masks"]),
            "prompt": list(prompt["input_ids"])}


def loss_of(torch, model, ids, mask):
    """(sum over the tokens that count, how many), as the loss of transformers' own models."""
    labels = [token if counts else -100 for token, counts in zip(ids, mask)]
    count = sum(mask[1:])
    with torch.no_grad():
        out = model(input_ids=torch.tensor([ids]), labels=torch.tensor([labels]))
    return out.loss.item() * count, count


def losses(torch, model, talks):
    sums = [loss_of(torch, model, talk["ids"], talk["mask"]) for talk in talks]
    return {"each": [total / count for total, count in sums],
            "mean": sum(total for total, _ in sums) / sum(count for _, count in sums)}


def make(folder):
    import torch
    import transformers
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from make_hugging_face import spread
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    size = make_tokenizer(os.path.join(folder, "tokenizer.json"))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "talks.json"), "w", encoding="utf-8") as out:
        json.dump([messages(talk) for talk in TALKS], out, indent=1)
    chat = {}
    for name, jinja in templates(root).items():
        tokenizer.chat_template = jinja
        talks = [None if i in NAMED else written(tokenizer, talk) for i, talk in enumerate(TALKS)]
        chat[name] = {"jinja": jinja, "talks": talks}
    with open(os.path.join(folder, "chat.json"), "w", encoding="utf-8") as out:
        json.dump(chat, out, separators=(",", ":"))
    cases = {
        "gpt2": transformers.GPT2Config(vocab_size=size, n_positions=96, n_embd=16, n_layer=2,
                                        n_head=2, activation_function="gelu"),
        "llama": transformers.LlamaConfig(vocab_size=size, max_position_embeddings=96,
                                          hidden_size=16, intermediate_size=24,
                                          num_hidden_layers=2, num_attention_heads=4,
                                          num_key_value_heads=2),
    }
    for name, config in cases.items():
        model = transformers.AutoModelForCausalLM.from_config(config)
        spread(torch, model)
        where = os.path.join(folder, name)
        model.save_pretrained(where)
        model = model.double().eval()
        result = {template: losses(torch, model, [talk for talk in chat[template]["talks"] if talk])
                  for template in chat}
        with open(os.path.join(where, "loss.json"), "w", encoding="utf-8") as out:
            json.dump(result, out, indent=1)


def check(folder, path):
    import torch
    import transformers
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    with open(path, encoding="utf-8") as file:
        talks = [[(each["role"], each["content"]) for each in talk] for talk in json.load(file)]
    made = [written(tokenizer, talk) for talk in talks]
    ends = model.generation_config.eos_token_id
    print(json.dumps({"talks": made, **losses(torch, model, made), "ends": ends,
                      "class": type(model).__name__}))


if sys.argv[1] == "--check":
    check(sys.argv[2], sys.argv[3])
else:
    make(sys.argv[1])
