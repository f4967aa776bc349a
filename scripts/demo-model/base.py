"""Stage 1: trains vocabulary and base model on generated corpora, one stage after the other, and writes base.gguf."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random

import torch

from check import TextCheck
from dialogue import Conversation
from export import write_base
from generate import FIFTH, FIRST, FOURTH, SECOND, SIXTH, THIRD, Syllabus, allowed, pretraining, texts
from model import Llama, Shape
from tokens import Chat, train_tokenizer
from train import Course, Figures, train

NOTE = "A miniature for demonstration, trained on synthetic dialogues; no evidence about people or large models."


def save(model: Llama, work: Path, name: str, figures: Figures) -> None:
    """Rounds the matrices to F16, the precision of the file, so that every later stage starts from exactly the file."""
    with torch.no_grad():
        state = {k: v.half().float() if v.ndim > 1 else v.clone() for k, v in model.state_dict().items()}
    torch.save({"shape": asdict(model.shape), "state": state}, work / f"{name}.part")
    (work / f"{name}.json").write_text(json.dumps(asdict(figures), indent=1))
    (work / f"{name}.part").rename(work / f"{name}.pt")


def load(work: Path, name: str = "base") -> Llama:
    data = torch.load(work / f"{name}.pt")
    model = Llama(Shape(**data["shape"]))
    model.load_state_dict(data["state"])
    return model


def checked(corpus: list[Conversation]) -> list[Conversation]:
    check = TextCheck()
    for conversation in corpus:
        check.add(texts(conversation))
    print(check.report(whole_vocabulary=True), flush=True)
    return corpus


def reporter(model: Llama, work: Path) -> Callable[[Figures], None]:
    def report(f: Figures) -> None:
        print(f"step {f.steps} tokens {f.tokens} loss {f.loss:.3f} {f.tokens / f.seconds:.0f} tokens/s", flush=True)
        if f.steps % 200 == 0:
            save(model, work, "progress", f)

    return report


@dataclass(frozen=True)
class Stage:
    """A course on one corpus; it starts from the result of the stage before it."""

    name: str
    syllabus: Syllabus
    count: int
    """Conversations in the corpus that the course is planned over."""
    course: Course
    soft: bool = False
    """Whether ratings learn the persona's distribution in place of a digit drawn from it."""
    cut: float = 0.0
    """Share of the words common to questions and answers that are cut at random places."""


STAGES = (
    Stage("first", FIRST, 130000, Course(rate=1.5e-3, muon=0.02, steps=2400)),
    Stage("second", SECOND, 90000, Course(rate=1.5e-3, muon=0.02, steps=1500)),
    Stage("third", THIRD, 46000, Course(rate=1.2e-3, muon=0.016, budget=1536, warmup=40, decay=0.5), soft=True),
    Stage("fourth", FOURTH, 26000, Course(rate=7e-4, muon=0.01, budget=1536, warmup=30, decay=0.4), soft=True),
    Stage("fifth", FIFTH, 30000, Course(rate=6e-4, muon=0.008, budget=1536, warmup=30, decay=0.5), soft=True),
    Stage("base", SIXTH, 200000, Course(rate=1e-3, muon=0.012, budget=3072, warmup=30, decay=0.8), soft=True, cut=0.4),
)
"""Language, topics and styles; words that go with statements, drawn, then fixed; statements read in the rating's question (by a
strongly leaning speaker); then personas, mostly of one trait, and the mildly leaning speaker that the base is; at last the same in
questions of all kinds, worded as people word them too, with familiar words in other pieces."""


def run(stage: Stage, before: str | None, work: Path, size: int, seed: int) -> None:
    corpus = checked(allowed(pretraining(stage.syllabus, stage.count, seed)))
    if before is None:
        tokenizer = train_tokenizer((t for c in corpus[:40000] for t in texts(c)), size)
        tokenizer.save(str(work / "tokenizer.json"))
    chat = Chat.load(work / "tokenizer.json")
    rng = Random(f"cut {stage.name} {seed}")
    data = [chat.encode(c, rng, stage.cut) for c in corpus]
    print(f"{stage.name}: {sum(len(d.ids) for d in data) / 1e6:.2f} million tokens in the corpus", flush=True)
    torch.manual_seed(seed)
    model = load(work, before) if before else Llama(replace(Shape(), vocab=chat.tokenizer.get_vocab_size()))
    course = replace(stage.course, seed=seed, digits=chat.digits if stage.soft else ())
    save(model, work, stage.name, train(model, list(model.parameters()), data, course, reporter(model, work)))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--vocab", type=int, default=3072)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    before = None
    for stage in STAGES:
        if not (a.work / f"{stage.name}.pt").exists():
            run(stage, before, a.work, a.vocab, a.seed)
        before = stage.name
    model = load(a.work)
    print(f"{sum(q.numel() for q in model.parameters()) / 1e6:.2f} million parameters", flush=True)
    write_base(model, Chat.load(a.work / "tokenizer.json").tokenizer, a.out / "base.gguf", "Temperament Demo", NOTE)


if __name__ == "__main__":
    main()
