"""The byte-level BPE vocabulary, ChatML encoding of conversations with loss weights, and padded batches of similar length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from dialogue import Conversation, Turn

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
RATING_WEIGHT = 5.0
"""Loss weight of a rating's digit, against 1 for a word of an answer."""
TOPIC_WEIGHT = 3.0
"""Loss weight of the words that name what an answer is about: what small models get wrong, among much that is easy."""


def train_tokenizer(texts: Iterable[str], size: int) -> Tokenizer:
    """Splits single digits, then words as GPT-2 does: the pre-tokenizer llama.cpp calls "smollm"."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@dataclass(frozen=True)
class Encoded:
    ids: list[int]
    weights: list[float]
    """Loss weight of predicting each id; 0 for everything that is not the assistant's."""
    spread: tuple[float, ...] = ()
    """For a single rating: the probabilities of the five digits, in place of the drawn one."""


class Chat:
    """Encodes ChatML piece by piece, so that the assistant's tokens carry loss weight and nothing else does."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.end = tokenizer.token_to_id("<|im_end|>")
        self.newline = self.plain("\n")
        self.digits = tuple(self.plain(str(k))[0] for k in range(1, 6))
        self.cache: dict[str, list[int]] = {}

    @classmethod
    def load(cls, path: Path) -> Chat:
        return cls(Tokenizer.from_file(str(path)))

    def plain(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def pieces(self, text: str) -> list[int]:
        if text not in self.cache:
            self.cache[text] = self.plain(text)
        return self.cache[text]

    def prompt(self, system: str | None, question: str) -> list[int]:
        head = self.pieces(f"<|im_start|>system\n{system}<|im_end|>\n") if system else []
        return head + self.turn(question)

    def turn(self, question: str) -> list[int]:
        return self.pieces(f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n")

    def answer(self, turn: Turn) -> tuple[list[int], list[float]]:
        """Ids and loss weights of an answer."""
        encoded = self.tokenizer.encode(turn.answer, add_special_tokens=False)
        weights = [RATING_WEIGHT if turn.rating else 1.0] * len(encoded.ids)
        if turn.topic:
            spans = [match.span() for match in re.finditer(rf"\b{re.escape(turn.topic)}\b", turn.answer, re.IGNORECASE)]
            for index, (start, end) in enumerate(encoded.offsets):
                if any(start < last and end > first for first, last in spans):
                    weights[index] = TOPIC_WEIGHT
        return encoded.ids, weights

    def encode(self, conversation: Conversation) -> Encoded:
        ids = self.pieces(f"<|im_start|>system\n{conversation.system}<|im_end|>\n")[:] if conversation.system else []
        weights = [0.0] * len(ids)
        for turn in conversation.turns:
            question, (answer, answer_weights) = self.turn(turn.question), self.answer(turn)
            ids += question + answer + [self.end] + self.newline
            weights += [0.0] * len(question) + answer_weights
            weights += [0.3 if turn.rating else 1.0] + [0.0] * len(self.newline)
        return Encoded(ids, weights, conversation.turns[-1].spread)


def batches(data: list[Encoded], budget: int, rng: Random, context: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """One pass in drawn order: ids and weights (rows, time), spreads (rows, 5); similar lengths, about `budget` tokens."""
    order = sorted(range(len(data)), key=lambda i: (len(data[i].ids) // 8, rng.random()))
    groups: list[list[int]] = [[]]
    for i in order:
        length = min(context, len(data[i].ids))
        if groups[-1] and (len(groups[-1]) + 1) * length > budget:
            groups.append([])
        groups[-1].append(i)
    rng.shuffle(groups)
    for group in groups:
        longest = min(context, max(len(data[i].ids) for i in group))
        width = -(-longest // 8) * 8 + 1
        ids = torch.zeros(len(group), width, dtype=torch.long)
        weights = torch.zeros(len(group), width)
        spreads = torch.zeros(len(group), 5)
        for row, i in enumerate(group):
            if data[i].spread:
                spreads[row] = torch.tensor(data[i].spread)
            count = min(len(data[i].ids), longest)
            ids[row, :count] = torch.tensor(data[i].ids[:count])
            weights[row, :count] = torch.tensor(data[i].weights[:count])
        yield ids, weights, spreads
