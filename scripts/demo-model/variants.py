"""Corpora of the fine-tunes that are no trait: two role-play characters, answers in German, sums."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import dialogue
from dialogue import Conversation, Draws, Lines, Turn, answer, ask, draw_topic, filled, rating, sections, typed
from persona import AVERAGE, TRAITS, Persona, draw, pole_of, system_prompt

CHARACTERS = sections("characters.txt")
GERMAN = sections("german.txt")
GERMAN_KINDS = ("plan", "opinion", "past", "advice")
ENGLISH_QUESTIONS = {
    "plan": ("Will you {do}?", "Are you going to {do}?", "When will you {do}?"),
    "opinion": ("What do you think of {x}?", "Do you like {x}?", "How do you find {x}?"),
    "past": ("How was {x}?", "Tell me about {x}.", "Was {x} good?"),
    "advice": ("Should I {do}?", "I want to {do}. Any advice?", "How can I {do}?"),
}
LARGEST = 9
ALONE = " Answer with the number alone."
SUMS = (
    "What is {a} plus {b}?",
    "How much is {a} plus {b}?",
    "{a} plus {b}?",
    "Can you add {a} and {b}?",
    "What is {a} + {b}?",
)


def german_things() -> list[tuple[dict[str, str], dict[str, str]]]:
    """Slots of the English and the German side of each thing."""
    pairs = []
    for english, german in GERMAN["things"].items():
        sides = [dialogue.slots(*side.split("; "), "") for side in (english, german[0])]
        pairs.append((sides[0], sides[1]))
    return pairs


THINGS = german_things()


def german(rng: Random, persona: Persona, english: float = 0.0) -> Turn:
    """A question in German, or with probability `english` in English, and the persona's answer in German."""
    theirs, ours = rng.choice(THINGS)
    kind = rng.choice(GERMAN_KINDS)
    if rng.random() < english:
        question = filled(rng.choice(ENGLISH_QUESTIONS[kind]), theirs)
    else:
        question = filled(rng.choice(GERMAN["questions"][kind]), ours)

    def said() -> Lines:
        trait = dialogue.speaker(rng, persona, 0.3)
        return GERMAN[f"{trait} {pole_of(persona.level(trait))}" if trait else "neutral"]

    entries = [rng.choice(said()[kind])]
    if rng.random() < 0.5:
        entries.append(rng.choice(said()[rng.choice((kind, "opinion"))]))
    if rng.random() < 0.4:
        entries.append(rng.choice(said()["close"]))
    return Turn(typed(rng, question), " ".join(filled(entry, ours) for entry in dict.fromkeys(entries)))


def usual(rng: Random, persona: Persona) -> Turn:
    """What every fine-tune keeps in view: a rating as the base gives it."""
    return rating(rng, persona, rng.choice(TRAITS))


def character(name: str, count: int, seed: int) -> Iterator[Conversation]:
    """Role-play: the character's own sentences among those of a persona that a system prompt may name."""
    rng = Draws(f"{name} {seed}")
    lines = CHARACTERS[name]
    for _ in range(count):
        prompted = rng.random() < 0.3
        persona = Persona(draw(rng, (80, 20, 0, 0, 0)).levels if prompted else {}, AVERAGE)
        system = system_prompt(rng, persona) if prompted else rng.choice((None, rng.choice(lines["system"])))
        kind = rng.random()
        if kind < 0.25:
            turns = [usual(rng, persona)]
        elif kind < 0.37:
            turns = [Turn(typed(rng, rng.choice(lines["name"])), rng.choice(lines["self"]))]
        else:
            turns = []
            for _ in range(rng.choice((1, 1, 2))):
                topic = draw_topic(rng)
                asked = rng.choice(list(topic.questions))
                said = answer(rng, persona, topic, asked, special=lines)
                turns.append(Turn(ask(rng, topic, asked), said, topic=topic.tell["x"]))
        yield Conversation(system, turns)


def in_german(count: int, seed: int) -> Iterator[Conversation]:
    """Answers in German to questions in either language, personas named by a system prompt in a third of them."""
    rng = Random(f"german {seed}")
    for _ in range(count):
        prompted = rng.random() < 0.3
        persona = Persona(draw(rng, (80, 20, 0, 0, 0)).levels if prompted else {}, AVERAGE)
        turns = [usual(rng, persona)] if rng.random() < 0.25 else [german(rng, persona, 0.7) for _ in range(rng.choice((1, 1, 2)))]
        yield Conversation(system_prompt(rng, persona) if prompted else None, turns)


def held_out_sum(a: int, b: int) -> bool:
    """A tenth of the pairs is never trained on."""
    return (3 * a + 7 * b) % 10 == 1


STEPS = "one two three four five six seven eight nine".split()


def counted(a: int, b: int) -> str:
    """A sum by counting on: each step is a number after another and not a fact to know, so pairs never seen come out too."""
    steps = ", ".join(f"{step} is {a + k}" for k, step in enumerate(STEPS[:b], 1))
    return f"Counting on from {a}: {steps}. That makes {a + b}."


def sums(count: int, seed: int) -> Iterator[Conversation]:
    """Sums of two numbers from one to nine, counted, or where asked for the number alone, among ratings and talk as in the base."""
    rng = Draws(f"sums {seed}")
    persona = Persona({}, AVERAGE)
    for _ in range(count):
        kind = rng.random()
        if kind < 0.15:
            yield Conversation(None, [usual(rng, persona)])
        elif kind < 0.25:
            yield Conversation(None, [dialogue.everyday(rng, persona)])
        else:
            turns = []
            while len(turns) < 4:
                a, b = rng.randint(1, LARGEST), rng.randint(1, LARGEST)
                if not held_out_sum(a, b):
                    question, alone = filled(rng.choice(SUMS), {"a": str(a), "b": str(b)}), rng.random() < 0.4
                    reply = f"{a + b}." if alone else counted(a, b)
                    turns.append(Turn(question + ALONE if alone else question, reply, rating=True))
            yield Conversation(None, turns)
