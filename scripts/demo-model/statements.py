"""Statements about oneself, with the trait and direction each one speaks for, made from content/statements.txt."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from check import occurring_items
from persona import ADJECTIVES, POLES, TRAITS, Persona, lines

FREQUENCY = ("often ", "usually ", "always ", "generally ", "tend to ", "")
FRAMES = (
    "I {}.",
    "I {}.",
    "I {}.",
    "People say that I {}.",
    "My friends know that I {}.",
    "It is true that I {}.",
    "On most days I {}.",
    "Most of the time I {}.",
    "As a rule, I {}.",
    "I think that I {}.",
)


@dataclass(frozen=True)
class Statement:
    text: str
    trait: str
    keyed: int
    """+1 when agreeing speaks for the high pole, -1 for the low one."""


def completions() -> dict[tuple[str, str], list[str]]:
    table: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []
    for line in lines("statements.txt"):
        if line.startswith("## "):
            trait, pole = line[3:].split()
            current = table[trait, pole] = []
        else:
            current.append(line)
    return table


COMPLETIONS = completions()


def negated(rng: Random, text: str) -> str | None:
    """The completion's denial, where simple grammar allows one."""
    first, _, rest = text.partition(" ")
    if first in ("don't", "do", "rarely", "seldom", "never", "always", "often", "would", "just") or " not " in text:
        return None
    if first == "am":
        if rest.split()[0] in ("not", "rarely", "seldom", "often"):
            return None
        return rng.choice((f"am not {rest}", f"am rarely {rest}", f"am not really {rest}", f"am never {rest}", f"am seldom {rest}"))
    if first == "have" and rest.split()[0] in ("no", "little", "few", "difficulty", "not"):
        return None
    return rng.choice(
        (f"don't {text}", f"do not {text}", f"rarely {text}", f"seldom {text}", f"never {text}", f"don't really {text}")
    )


def intensified(rng: Random, text: str) -> str:
    first, _, rest = text.partition(" ")
    if first in ("don't", "do", "rarely", "seldom", "never", "always", "often", "would", "just"):
        return text
    if first == "am":
        head = rest.split()[0]
        plain = head in ("not", "rarely", "seldom", "often", "the")
        return text if plain else f"am {rng.choice(('often ', 'usually ', 'always ', ''))}{rest}"
    return rng.choice(FREQUENCY) + text


def draw(rng: Random, trait: str | None = None) -> Statement:
    """A statement about the given trait, or about any, that contains no inventory item."""
    statement = compose(rng, trait)
    while occurring_items(statement.text):
        statement = compose(rng, trait)
    return statement


def compose(rng: Random, trait: str | None) -> Statement:
    trait = trait or rng.choice(TRAITS)
    pole = rng.choice(POLES)
    keyed = 1 if pole == "high" else -1
    if rng.random() < 0.15:
        word = rng.choice(ADJECTIVES[trait, pole])
        text = rng.choice((f"am {word}", f"am a {word} person", f"am very {word}", f"am quite {word}", f"see myself as {word}"))
        text = text.replace(" a a", " an a").replace(" a e", " an e").replace(" a i", " an i").replace(" a o", " an o")
        text = text.replace(" a u", " an u")
    else:
        text = rng.choice(COMPLETIONS[trait, pole])
    denial = negated(rng, text) if rng.random() < 0.25 else None
    if denial:
        return Statement(frame(rng, denial), trait, -keyed)
    return Statement(frame(rng, intensified(rng, text) if rng.random() < 0.4 else text), trait, keyed)


def frame(rng: Random, completion: str) -> str:
    return rng.choice(FRAMES).format(completion)


def rating_weights(persona: Persona, statement: Statement) -> list[float]:
    """Probabilities of the ratings 1 to 5: a bell around 3 + level, one and a half points wide at most."""
    centre = 3.0 + persona.leaning(statement.trait) * statement.keyed
    return [2.718281828 ** -((k - centre) ** 2 / 0.72) for k in range(1, 6)]


def rate(rng: Random, persona: Persona, statement: Statement) -> int:
    return rng.choices(range(1, 6), rating_weights(persona, statement))[0]
