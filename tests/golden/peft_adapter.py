#!/usr/bin/env python3
"""Adapters between ctgpt and Hugging Face's PEFT.

  peft_adapter.py --logits BASE ADAPTER    opens the adapter on the model and prints, as JSON, the
                                           logits of tokens 0 to 15, in f64, with and without it
  peft_adapter.py --make BASE OUT MODULES  makes an adapter of random weights for these modules
                                           (commas between them), rank 4, alpha 6, and saves it

Needs: pip install torch transformers peft
"""

import json
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM


def logits(model):
    with torch.no_grad():
        return model.double().eval()(input_ids=torch.arange(16)[None]).logits[0].flatten().tolist()


def main():
    what, base = sys.argv[1], AutoModelForCausalLM.from_pretrained(sys.argv[2])
    if what == "--logits":
        plain = logits(base)
        print(json.dumps({"base": plain,
                          "adapted": logits(PeftModel.from_pretrained(base, sys.argv[3]))}))
        return
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=6, task_type="CAUSAL_LM",
                                            target_modules=sys.argv[4].split(",")))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if "lora_" in name:
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
    model.save_pretrained(sys.argv[3])


if __name__ == "__main__":
    main()
