"""Stage 3: measures the family on the 50 markers in PyTorch and writes evaluation.json and the tables for the README."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from base import load
from persona import ADJECTIVES, POLES, TRAITS
from score import Scale, reply
from tokens import Chat

ALPHAS = [k / 4 for k in range(-8, 9)]
HELD_OUT = ("What are you doing after lunch?", "My new neighbor invited me for tea. What should I do?", "How was the concert in the park?")
"""Questions that the generator never asks."""

Scores = dict[str, float]


def pearson(x: list[float], y: list[float]) -> float:
    return torch.corrcoef(torch.tensor([x, y]))[0, 1].item()


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join([row(head), row(["---"] * len(head)), *map(row, rows)])


def shifts(scores: Scores, base: Scores) -> list[str]:
    return [f"{scores[t] - base[t]:+.2f}" for t in TRAITS]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True)
    a = p.parse_args()
    chat, model = Chat.load(a.work / "tokenizer.json"), load(a.work)
    scale = Scale.of(chat)
    base = scale.scores(model)
    prompted: dict[str, Scores] = {}
    for trait in TRAITS:
        for pole in POLES:
            runs = [Scale.of(chat, f"You are very {word}.").scores(model) for word in ADJECTIVES[trait, pole][:3]]
            prompted[f"{trait}-{pole}"] = {t: sum(r[t] for r in runs) / len(runs) for t in TRAITS}
    samples = {"base": {q: reply(model, chat, q) for q in HELD_OUT}}
    dosed: dict[str, dict[float, Scores]] = {}
    for trait in TRAITS:
        for pole in POLES:
            name = f"{trait}-{pole}"
            factors = torch.load(a.work / f"{name}.pt")
            dosed[name] = {}
            for alpha in (x for x in ALPHAS if x > 0):
                model.apply_factors(factors, alpha)
                dosed[name][alpha] = scale.scores(model)
                if alpha in (0.5, 1.0, 2.0):
                    samples[f"{name} {alpha:g}"] = {q: reply(model, chat, q) for q in HELD_OUT}
    sweeps = {t: [dosed[f"{t}-{'low' if x < 0 else 'high'}"][abs(x)] if x else base for x in ALPHAS] for t in TRAITS}
    r = {t: pearson(ALPHAS, [s[t] for s in sweeps[t]]) for t in TRAITS}
    result = {"base": base, "prompted": prompted, "dosed": dosed, "r": r, "samples": samples}
    (a.work / "evaluation.json").write_text(json.dumps(result, indent=1))

    head = ["", *(t.capitalize() for t in TRAITS)]
    print("Base scores:", ", ".join(f"{t} {base[t]:.2f}" for t in TRAITS), "\n")
    print("Shift by a system prompt (mean of three adjectives)\n")
    print(table(head, [[n, *shifts(s, base)] for n, s in prompted.items()]), "\n")
    print("Shift by a vector at alpha = 1\n")
    print(table(head, [[n, *shifts(d[1.0], base)] for n, d in dosed.items()]), "\n")
    print("Own trait over alpha (the low vector on the negative side)\n")
    picked = [x for x in ALPHAS if x % 0.5 == 0]
    rows = [[t, *(f"{sweeps[t][ALPHAS.index(x)][t]:.2f}" for x in picked), f"{r[t]:.3f}"] for t in TRAITS]
    print(table(["", *(f"{x:g}" for x in picked), "r"], rows), "\n")
    for name, answers in samples.items():
        print(f"**{name}**\n")
        for question, text in answers.items():
            print(f"- {question} → {text}")
        print()


if __name__ == "__main__":
    main()
