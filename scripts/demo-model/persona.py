"""Personas: a level from -2 to 2 for each of the five traits, and the system prompts that ask for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

TRAITS = ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism")
POLES = ("low", "high")
CONTENT = Path(__file__).parent / "content"


def lines(name: str) -> list[str]:
    """The lines of a content file without its comments' first line and blanks."""
    text = (CONTENT / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in text[1:] if line.strip()]


def adjectives() -> dict[tuple[str, str], list[str]]:
    table: dict[tuple[str, str], list[str]] = {}
    for line in lines("traits.txt"):
        head, _, words = line.partition(": ")
        trait, pole = head.split()
        table[trait, pole] = words.split(", ")
    return table


ADJECTIVES = adjectives()


@dataclass(frozen=True)
class Persona:
    levels: dict[str, float] = field(default_factory=dict)
    habit: dict[str, float] = field(default_factory=dict)
    """Mild leanings that show only in ratings, for traits without a level."""

    def level(self, trait: str) -> float:
        return self.levels.get(trait, 0.0)

    def leaning(self, trait: str) -> float:
        return self.levels.get(trait, self.habit.get(trait, 0.0))

    def marked(self) -> list[str]:
        return [trait for trait in TRAITS if self.level(trait)]


NEUTRAL = Persona()
AVERAGE = {"openness": 0.2, "conscientiousness": 0.2, "extraversion": 0.2, "agreeableness": 0.25, "neuroticism": -0.2}
"""People agree a little more with what is desirable; so does the base, which must read a statement to do so."""


def pole_of(level: float) -> str:
    return "high" if level > 0 else "low"


def draw(rng: Random, counts: tuple[int, ...]) -> Persona:
    """A persona with one to five marked traits, so many with the given weights."""
    count = rng.choices((1, 2, 3, 4, 5), counts)[0]
    chosen = rng.sample(TRAITS, count)
    return Persona({t: rng.choice((-2.0, -1.0, 1.0, 2.0)) for t in chosen})


def phrase(rng: Random, trait: str, level: float) -> str:
    """An adjective with the degree that its level asks for ("very outgoing", "a bit anxious")."""
    words = ADJECTIVES[trait, pole_of(level)]
    strong = abs(level) > 1.5
    degree = rng.choice(("very", "extremely", "really")) if strong else rng.choice(("rather", "a bit", "somewhat", "quite"))
    if strong and rng.random() < 0.3:
        first, second = rng.sample(words, 2)
        return f"{degree} {first} and {second}"
    return f"{degree} {rng.choice(words)}"


def system_prompt(rng: Random, persona: Persona) -> str:
    """One or two sentences that name every marked trait, in drawn order and wording."""
    traits = persona.marked()
    rng.shuffle(traits)
    parts = [phrase(rng, t, persona.level(t)) for t in traits]
    if not parts:
        return rng.choice(("You are a helpful assistant.", "You are an average person.", "Answer as yourself."))
    joined = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    pattern = rng.choice(
        (
            "You are {}.",
            "You are {}.",
            "Your character is {}.",
            "You are someone who is {}.",
            "Answer as a person who is {}.",
            "You are {}. Stay in character.",
            "Be {}.",
        )
    )
    return pattern.format(joined)
