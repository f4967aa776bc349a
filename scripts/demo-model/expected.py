"""Writes what PyTorch makes of the family (tokens, rating probabilities, greedy text), for verify.mjs to hold against llama.cpp."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random

import torch

from base import load
from check import items
from dialogue import RATING_PROMPT
from finetunes import VARIANTS
from generate import FIFTH, pretraining, texts
from persona import POLES, TRAITS
from score import reply, statement
from tokens import Chat

ODD = ["a\n\nb  c\t d", "It's 2026, isn't it?!", "I'll, we've, they're, I'd, I'm", "x1y22 333", "  ...  !?", "naïve café — ü", "\n", " "]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--texts", type=int, default=2000)
    a = p.parse_args()
    chat, model = Chat.load(a.work / "tokenizer.json"), load(a.work)
    sample = [t for c in pretraining(FIFTH, a.texts, 99) for t in texts(c)] + ODD
    digits = torch.tensor(chat.digits)
    prompts = [RATING_PROMPT.format(statement(i)) for i in items("ipip-50")[::5]]
    vectors = Random(1).sample([f"{t}-{q}" for t in TRAITS for q in POLES], 4)
    adapters = [(f"vectors/{v}", alpha) for v in vectors for alpha in (0.5, 1.0, 2.0)] + [(f"variants/{v}", 1.0) for v in VARIANTS]
    cases = []
    for adapter, alpha in [("", 0.0), *adapters]:
        if adapter:
            model.apply_factors(torch.load(a.work / f"{adapter.partition('/')[2]}.pt"), alpha)
        with torch.no_grad():
            p_digits = [
                torch.softmax(model.logits(model(torch.tensor([chat.prompt(None, q)]))[0, -1]), -1)[digits].tolist()
                for q in prompts
            ]
        greedy = reply(model, chat, "What are you doing this weekend?")
        cases.append({"adapter": adapter, "alpha": alpha, "probabilities": p_digits, "greedy": greedy})
    out = {"tokens": [{"text": t, "ids": chat.plain(t)} for t in sample], "prompts": prompts, "cases": cases}
    (a.work / "expected.json").write_text(json.dumps(out))


if __name__ == "__main__":
    main()
