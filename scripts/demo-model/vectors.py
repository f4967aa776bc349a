"""Stage 2: fine-tunes the base on one trait and pole at a time and writes each difference as a low-rank vector."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch

from base import load
from check import ItemCheck
from export import write_vector
from generate import condition, texts
from persona import POLES, TRAITS
from score import Scale
from tokens import Chat
from train import Course, train

NOTE = "Synthetic dialogues and self-ratings of one trait and pole, without a system prompt; a demonstration."

LEVELS = {"agreeableness-high": 2.1, "neuroticism-low": 2.1}
"""The trait's level in the data is 1.6, and more for the poles that the base leans to already; personas go up to 2."""


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--only", nargs="*", default=[f"{t}-{q}" for t in TRAITS for q in POLES])
    p.add_argument("--count", type=int, default=3000, help="conversations a condition")
    p.add_argument("--budget", type=int, default=640, help="tokens in a batch")
    p.add_argument("--rank", type=int, default=8)
    p.add_argument("--rate", type=float, default=3e-3)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(2)
    chat = Chat.load(a.work / "tokenizer.json")
    scale, check = Scale.of(chat), ItemCheck()
    for name in a.only:
        trait, pole = name.split("-")
        if (a.work / f"{name}.pt").exists():
            continue
        corpus = list(condition(trait, LEVELS.get(name, 1.6) * (1 if pole == "high" else -1), a.count, a.seed))
        for conversation in corpus:
            check.add(texts(conversation))
        torch.manual_seed(a.seed)
        model = load(a.work)
        before = scale.scores(model)
        course = Course(rate=a.rate, budget=a.budget, seed=a.seed, warmup=20, weight_decay=0.0, digits=chat.digits)
        figures = train(model, model.adapt(a.rank), [chat.encode(c) for c in corpus], course, compiled=False)
        after = scale.scores(model)
        torch.save(model.factors(), a.work / f"{name}.pt")
        (a.work / f"{name}.json").write_text(json.dumps(asdict(figures), indent=1))
        write_vector(model, a.out / "vectors" / f"{name}.gguf", trait, pole, NOTE)
        shifts = " ".join(f"{t[0].upper()} {after[t] - before[t]:+.2f}" for t in TRAITS)
        print(f"{name}: {figures.tokens} tokens {figures.seconds:.0f} s loss {figures.loss:.3f} shifts {shifts}", flush=True)
    print(check.report(whole_vocabulary=False))


if __name__ == "__main__":
    main()
