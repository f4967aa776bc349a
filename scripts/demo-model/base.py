"""Stage 1: trains vocabulary and base model on two generated corpora, one after the other, and writes base.gguf."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch

from check import ItemCheck
from dialogue import Conversation
from export import write_base
from generate import FIRST, SECOND, pretraining, texts
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
    check = ItemCheck()
    for conversation in corpus:
        check.add(texts(conversation))
    print(check.report(whole_vocabulary=True), flush=True)
    return corpus


def reporter(model: Llama, work: Path) -> Callable[[Figures], None]:
    def report(f: Figures) -> None:
        print(f"step {f.steps} tokens {f.tokens} loss {f.loss:.3f} {f.tokens / f.seconds:.0f} tokens/s", flush=True)
        if f.steps % 400 == 0:
            save(model, work, "progress", f)

    return report


def first(work: Path, count: int, steps: int, size: int, seed: int) -> None:
    """Language, topics and styles: the opening steps of a long plan at a constant rate."""
    corpus = checked(list(pretraining(FIRST, count, seed)))
    tokenizer = train_tokenizer((t for c in corpus[:40000] for t in texts(c)), size)
    tokenizer.save(str(work / "tokenizer.json"))
    chat = Chat(tokenizer)
    torch.manual_seed(seed)
    model = Llama(replace(Shape(), vocab=tokenizer.get_vocab_size()))
    course = Course(rate=1.5e-3, seed=seed, steps=steps)
    figures = train(model, list(model.parameters()), [chat.encode(c) for c in corpus], course, reporter(model, work))
    save(model, work, "first", figures)


def second(work: Path, count: int, seed: int) -> None:
    """Personas: fewer traits at a time, and the words that go with statements; the rate falls to its end here."""
    chat = Chat.load(work / "tokenizer.json")
    data = [chat.encode(c) for c in checked(list(pretraining(SECOND, count, seed)))]
    print(f"{sum(len(d.ids) for d in data) / 1e6:.2f} million tokens", flush=True)
    model = load(work, "first")
    course = Course(rate=1.5e-3, seed=seed)
    figures = train(model, list(model.parameters()), data, course, reporter(model, work))
    save(model, work, "base", figures)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--first", type=int, default=130000, help="conversations of the first corpus")
    p.add_argument("--steps", type=int, default=1000, help="steps on the first corpus")
    p.add_argument("--second", type=int, default=60000, help="conversations of the second corpus")
    p.add_argument("--vocab", type=int, default=2048)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    if not (a.work / "first.pt").exists():
        first(a.work, a.first, a.steps, a.vocab, a.seed)
    if not (a.work / "base.pt").exists():
        second(a.work, a.second, a.seed)
    model = load(a.work)
    print(f"{sum(q.numel() for q in model.parameters()) / 1e6:.2f} million parameters", flush=True)
    write_base(model, Chat.load(a.work / "tokenizer.json").tokenizer, a.out / "base.gguf", "Temperament Demo", NOTE)


if __name__ == "__main__":
    main()
