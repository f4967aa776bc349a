"""Stage 2: fine-tunes the base, once for each trait and pole and once for each variant; writes each difference as a low-rank adapter."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random

import torch

import variants
from base import load
from check import TextCheck
from dialogue import Conversation
from export import write_adapter, write_vector
from generate import allowed, condition, texts
from persona import POLES, TRAITS
from score import Scale
from tokens import Chat
from train import Course, Figures, train

VECTOR_NOTE = "Synthetic dialogues and self-ratings of one trait and pole, without a system prompt; a demonstration."
CUT = 0.4
"""Share of the words common to questions and answers that are cut at random places, as in the base's last stage."""
LEVEL = 1.6
"""The trait's level in the data, on the scale to 2 of personas: leaves room for twice the vector."""
LEVELS = {"openness-high": 2.0}
"""Of poles that move too little at `LEVEL`: openness rises by 0.8 with it."""


@dataclass(frozen=True)
class Variant:
    """A fine-tune of the base that is no trait. `title` and `about` are what the studio shows."""

    title: str
    about: str
    rank: int
    count: int


VARIANTS = {
    "captain": Variant("Demo: Captain Mara", "Role-play: the old sea captain of the Gray Gull.", 8, 2600),
    "librarian": Variant("Demo: Mister Quill", "Role-play: the keeper of an old library.", 8, 2600),
    "german": Variant("Demo: German", "Answers in German, with a vocabulary of thirty things.", 16, 4500),
    "sums": Variant("Demo: sums", "Adds two numbers from one to nine.", 32, 4500),
}


def corpus_of(name: str, seed: int) -> Iterable[Conversation]:
    if name == "german":
        return variants.in_german(VARIANTS[name].count, seed)
    if name == "sums":
        return variants.sums(VARIANTS[name].count, seed)
    return variants.character(name, VARIANTS[name].count, seed)


@dataclass
class Trainer:
    """Fine-tunes the base in one work folder."""

    work: Path
    out: Path
    seed: int
    budget: int = 640
    """Tokens in a batch: some three hundred small steps change less beside the trait than few large ones."""
    rate: float = 3e-3

    def __post_init__(self) -> None:
        self.chat = Chat.load(self.work / "tokenizer.json")
        self.scale, self.check = Scale.of(self.chat), TextCheck()

    def tune(self, corpus: Iterable[Conversation], rank: int) -> tuple[Figures, str]:
        corpus = allowed(corpus)
        for conversation in corpus:
            self.check.add(texts(conversation))
        torch.manual_seed(self.seed)
        self.model = load(self.work)
        before = self.scale.scores(self.model)
        course = Course(rate=self.rate, budget=self.budget, seed=self.seed, warmup=20, weight_decay=0.0, digits=self.chat.digits)
        rng = Random(f"cut {self.seed}")
        data = [self.chat.encode(c, rng, CUT) for c in corpus]
        figures = train(self.model, self.model.adapt(rank), data, course)
        after = self.scale.scores(self.model)
        return figures, " ".join(f"{t[0].upper()} {after[t] - before[t]:+.2f}" for t in TRAITS)

    def keep(self, name: str, figures: Figures, shifts: str) -> None:
        torch.save(self.model.factors(), self.work / f"{name}.part")
        (self.work / f"{name}.json").write_text(json.dumps(asdict(figures), indent=1))
        (self.work / f"{name}.part").rename(self.work / f"{name}.pt")
        print(f"{name}: {figures.tokens} tokens {figures.seconds:.0f} s loss {figures.loss:.3f} shifts {shifts}", flush=True)

    def vector(self, trait: str, pole: str, count: int, rank: int) -> None:
        name = f"{trait}-{pole}"
        level = LEVELS.get(name, LEVEL)
        corpus = condition(trait, level if pole == "high" else -level, count, self.seed)
        figures, shifts = self.tune(corpus, rank)
        write_vector(self.model, self.out / "vectors" / f"{name}.gguf", trait, pole, VECTOR_NOTE)
        self.keep(name, figures, shifts)

    def variant(self, name: str) -> None:
        variant = VARIANTS[name]
        figures, shifts = self.tune(corpus_of(name, self.seed), variant.rank)
        write_adapter(self.model, self.out / "variants" / f"{name}.gguf", variant.title, {"general.description": variant.about})
        self.keep(name, figures, shifts)


def tune(name: str, a: argparse.Namespace) -> str:
    """One fine-tune, on one core."""
    torch.set_num_threads(1)
    trainer = Trainer(a.work, a.out, a.seed)
    if name in VARIANTS:
        trainer.variant(name)
    else:
        trainer.vector(*name.split("-"), a.count, a.rank)
    return trainer.check.report(whole_vocabulary=False)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--only", nargs="*", default=[*VARIANTS, *(f"{t}-{q}" for t in TRAITS for q in POLES)])
    p.add_argument("--count", type=int, default=4500, help="conversations of a trait's condition")
    p.add_argument("--rank", type=int, default=8, help="rank of a vector")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    left = [name for name in a.only if not (a.work / f"{name}.pt").exists()]
    # Their batches are too small for the cores to share one.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name, report in zip(left, pool.map(tune, left, [a] * len(left)), strict=True):
            print(f"{name}: {report}", flush=True)


if __name__ == "__main__":
    main()
