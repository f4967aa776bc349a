"""The byte-level BPE vocabulary, ChatML encoding of conversations with loss weights, and padded batches of similar length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
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


Cuts = dict[str, list[int]]
"""Places in words (lower case) at which pieces of the vocabulary have to end."""


def words(text: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"[A-Za-z]{3,}", text)


def drawn_cuts(conversation: Conversation, rng: Random, share: float) -> Cuts:
    """One or two cuts for a share of the words that occur in questions and in answers. A name that the vocabulary does not have
    comes in pieces that mean nothing; with familiar words in such pieces a model learns to copy pieces and not words."""
    asked, said = ({w[0].lower() for t in conversation.turns for w in words(text(t))} for text in (lambda t: t.question, lambda t: t.answer))
    chosen = [word for word in sorted(asked & said) if rng.random() < share]
    return {word: sorted(rng.sample(range(1, len(word)), 1 if len(word) < 6 else rng.randint(1, 2))) for word in chosen}


def parts(text: str, cuts: Cuts) -> list[tuple[int, str]]:
    """The text in parts to encode one by one, with where each begins. A word's own part begins with the space before it, so that
    everything else is encoded as in the whole."""
    edges = {0, len(text)}
    for word in words(text):
        if places := cuts.get(word[0].lower()):
            start = word.start()
            edges |= {start - (text[start - 1 : start] == " "), word.end(), *(start + place for place in places)}
    ordered = sorted(edges)
    return [(begin, text[begin:end]) for begin, end in pairwise(ordered)]


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

    def answer(self, turn: Turn, cuts: Cuts) -> tuple[list[int], list[float]]:
        """Ids and loss weights of an answer."""
        spans = [match.span() for match in re.finditer(rf"\b{re.escape(turn.topic)}\b", turn.answer, re.IGNORECASE)] if turn.topic else []
        ids, weights = [], []
        for begin, part in parts(turn.answer, cuts):
            encoded = self.tokenizer.encode(part, add_special_tokens=False)
            ids += encoded.ids
            for start, end in encoded.offsets:
                named = any(begin + start < last and begin + end > first for first, last in spans)
                weights.append(TOPIC_WEIGHT if named else RATING_WEIGHT if turn.rating else 1.0)
        return ids, weights

    def asked(self, question: str, cuts: Cuts) -> list[int]:
        """The ids of `turn`, with the question's words cut."""
        if not cuts:
            return self.turn(question)
        middle = [i for _, part in parts(question, cuts) for i in self.pieces(part)]
        return self.pieces("<|im_start|>user\n") + middle + self.pieces("<|im_end|>\n<|im_start|>assistant\n")

    def encode(self, conversation: Conversation, rng: Random | None = None, share: float = 0.0) -> Encoded:
        """With a `share` of the words that questions and answers have in common cut at random places."""
        cuts = drawn_cuts(conversation, rng, share) if rng and share else {}
        ids = self.pieces(f"<|im_start|>system\n{conversation.system}<|im_end|>\n")[:] if conversation.system else []
        weights = [0.0] * len(ids)
        for turn in conversation.turns:
            question, (answer, answer_weights) = self.asked(turn.question, cuts), self.answer(turn, cuts)
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
