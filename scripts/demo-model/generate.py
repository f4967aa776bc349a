"""Seeded corpora: `pretraining` mixes all personas, `condition` is one trait and pole in the place of the neutral persona."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import dialogue
import variants
from check import withheld
from dialogue import (
    FIFTH_SHARES,
    FIRST_SHARES,
    FOURTH_SHARES,
    SECOND_SHARES,
    SIXTH_SHARES,
    THIRD_SHARES,
    TUNE_SHARES,
    Conversation,
    Draws,
)
from persona import AVERAGE, NEUTRAL, Persona, draw, system_prompt


@dataclass(frozen=True)
class Syllabus:
    """A mixture of conversations for pre-training."""

    seed: str
    shares: dict[str, float]
    counts: tuple[int, ...]
    """Weights of one to five marked traits in a persona."""
    focus: float
    """Share of ratings and direct questions that ask about a marked trait."""
    silent: float = 0.25
    """Share of conversations without a system prompt, where the speaker is neutral."""
    habit: dict[str, float] = field(default_factory=dict)
    """How every persona leans in ratings of the traits it has no level of."""
    german: float = 0.02
    """Share of conversations in German."""
    plain: bool = True
    """Whether questions name one thing each, in our wording. With all of them from the start, personas are learned badly."""


FIRST = Syllabus("base", FIRST_SHARES, (45, 25, 15, 8, 7), 0.5)
SECOND = Syllabus("second", SECOND_SHARES, (68, 16, 7, 4, 5), 0.7)
THIRD = Syllabus("third", THIRD_SHARES, (85, 8, 3, 2, 2), 0.85, 0.15)
FOURTH = Syllabus("fourth", FOURTH_SHARES, (85, 7, 4, 2, 2), 0.8, 0.6, {t: 7 * level for t, level in AVERAGE.items()})
FIFTH = Syllabus("fifth", FIFTH_SHARES, (85, 7, 4, 2, 2), 0.8, 0.25, AVERAGE)
SIXTH = replace(FIFTH, seed="sixth", shares=SIXTH_SHARES, focus=0.6, silent=0.35, plain=False)


def pretraining(syllabus: Syllabus, count: int, seed: int) -> Iterator[Conversation]:
    """Conversations of all personas; without a system prompt the speaker is neutral."""
    rng = Draws(f"{syllabus.seed} {seed}")
    rng.plain = syllabus.plain
    for _ in range(count):
        silent = rng.random() < syllabus.silent
        persona = NEUTRAL if silent or rng.random() < 0.06 else draw(rng, syllabus.counts)
        system = None if silent else system_prompt(rng, persona)
        persona = replace(persona, habit=syllabus.habit)
        marked = persona.marked()
        if rng.random() < syllabus.german:
            yield Conversation(system, [variants.german(rng, persona)])
            continue
        yield dialogue.mixed(
            rng,
            persona,
            system,
            syllabus.shares,
            lambda: rng.choice(marked) if marked and rng.random() < syllabus.focus else None,
        )


def condition(trait: str, level: float, count: int, seed: int) -> Iterator[Conversation]:
    """The paper's fine-tuning data for one trait: no system prompt, this trait at `level`, all others as in the base."""
    rng = Draws(f"{trait} {level} {seed}")
    persona = Persona({trait: level}, AVERAGE)
    for _ in range(count):
        yield dialogue.mixed(rng, persona, None, TUNE_SHARES, lambda: trait if rng.random() < 0.6 else None)


def texts(conversation: Conversation) -> Iterator[str]:
    if conversation.system:
        yield conversation.system
    for turn in conversation.turns:
        yield turn.question
        yield turn.answer


def allowed(corpus: Iterable[Conversation]) -> list[Conversation]:
    """Leaves out the conversations in which chance put the words of an inventory item or a test question together."""
    return [c for c in corpus if not any(withheld(text) for text in texts(c))]
