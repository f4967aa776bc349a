"""Reads ratings and answers out of a model: expected item ratings, trait scores, generated text."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from check import items
from dialogue import RATING_PROMPT
from model import Llama
from persona import TRAITS
from tokens import Chat


def statement(item: dict[str, str]) -> str:
    return f"I {item['text'][0].lower()}{item['text'][1:]}"


@dataclass(frozen=True)
class Scale:
    """The 50 markers as prompts under one system prompt, ready to be put to a model many times."""

    ids: torch.Tensor
    last: torch.Tensor
    digits: torch.Tensor
    traits: list[str]
    keyed: torch.Tensor

    @classmethod
    def of(cls, chat: Chat, system: str | None = None) -> Scale:
        markers = items("ipip-50")
        prompts = [chat.prompt(system, RATING_PROMPT.format(statement(i))) for i in markers]
        ids = torch.zeros(len(prompts), max(map(len, prompts)), dtype=torch.long)
        for row, prompt in enumerate(prompts):
            ids[row, : len(prompt)] = torch.tensor(prompt)
        return cls(
            ids,
            torch.tensor([len(p) - 1 for p in prompts]),
            torch.tensor(chat.digits),
            [i["trait"] for i in markers],
            torch.tensor([1.0 if i["keyed"] == "plus" else -1.0 for i in markers]),
        )

    @torch.no_grad()
    def ratings(self, model: Llama) -> torch.Tensor:
        """Expected rating of each item, before reversal, and the probability that falls on the five digits."""
        hidden = model(self.ids)[torch.arange(len(self.last)), self.last]
        p = torch.softmax(model.logits(hidden), dim=-1)[:, self.digits]
        return (p * torch.arange(1.0, 6.0)).sum(-1) / p.sum(-1)

    def scores(self, model: Llama) -> dict[str, float]:
        value = 3 + self.keyed * (self.ratings(model) - 3)
        return {t: value[torch.tensor([x == t for x in self.traits])].mean().item() for t in TRAITS}


@torch.no_grad()
def reply(model: Llama, chat: Chat, question: str, system: str | None = None, temperature: float = 0.0, seed: int = 1, longest: int = 90) -> str:
    generator = torch.Generator().manual_seed(seed)
    ids = chat.prompt(system, question)
    start = len(ids)
    while len(ids) - start < longest:
        logits = model.logits(model(torch.tensor([ids]))[0, -1])
        if temperature > 0:
            token = int(torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=generator))
        else:
            token = int(logits.argmax())
        if token == chat.end:
            break
        ids.append(token)
    text: str = chat.tokenizer.decode(ids[start:])
    return text
