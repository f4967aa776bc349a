"""Statements about oneself, with the trait and direction each one speaks for, made from content/statements.txt and activities.txt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from check import withheld
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


HABIT = {
    1: (
        *("often {do}", "usually {do}", "always {do}", "frequently {do}", "tend to {do}", "{do} every day", "{do} a lot"),
        *("am quick to {do}", "have a habit of {ing}", "am known for {ing}", "{do} more than others do"),
    ),
    -1: (
        *("seldom {do}", "rarely {do}", "never {do}", "hardly ever {do}", "don't {do}", "do not {do}", "don't often {do}"),
        *("am slow to {do}", "don't tend to {do}", "{do} less than others do"),
    ),
}
"""Completions around what somebody does, by whether they affirm or deny it."""
WISH = {
    1: (
        *("like to {do}", "like {ing}", "love to {do}", "love {ing}", "enjoy {ing}", "don't mind {ing}", "do not mind {ing}"),
        *("take time to {do}", "find it easy to {do}", "am good at {ing}", "am happy {ing}", "look forward to {ing}", "never forget to {do}"),
        *("feel comfortable {ing}", "feel at ease {ing}", "make sure to {do}", "am always ready to {do}", "never get tired of {ing}"),
        *("am interested in {ing}", "care about {ing}", "always remember to {do}", "have no difficulty {ing}", "don't forget to {do}"),
    ),
    -1: (
        *("don't like to {do}", "don't like {ing}", "do not like {ing}", "hate to {do}", "hate {ing}", "avoid {ing}", "dislike {ing}"),
        *("often forget to {do}", "forget to {do}", "find it hard to {do}", "am bad at {ing}", "don't enjoy {ing}"),
        *("have difficulty {ing}", "don't find it easy to {do}", "get tired of {ing}", "don't take time to {do}", "take no time to {do}"),
        *("see no point in {ing}", "am not interested in {ing}", "don't care about {ing}", "am not good at {ing}", "have little wish to {do}"),
    ),
}
"""The same around what somebody likes or remembers to do; for emotions, which are no choice, it makes no sense."""


@dataclass(frozen=True)
class Statement:
    text: str
    trait: str
    keyed: int
    """+1 when agreeing speaks for the high pole, -1 for the low one."""


def by_pole(name: str) -> dict[tuple[str, str], list[str]]:
    """A content file whose "## trait pole" sections are lists."""
    table: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []
    for line in lines(name):
        if line.startswith("## "):
            trait, pole = line[3:].split()
            current = table[trait, pole] = []
        else:
            current.append(line)
    return table


COMPLETIONS, ACTIVITIES = by_pole("statements.txt"), by_pole("activities.txt")


DENIED = 0.2
"""Share of denials: with a half of them no word would speak for a pole any more, and nothing is learned of the words."""


def active(rng: Random, trait: str, pole: str) -> tuple[str, int]:
    """A completion that affirms (1) or denies (-1) doing what the pole does."""
    verb, gerund = rng.choice(ACTIVITIES[trait, pole]).split("; ")
    index = [rng.randrange(group.count("/") + 1) for group in re.findall(r"\[([^]]+)\]", verb)]
    sense = -1 if rng.random() < DENIED else 1
    pattern = rng.choice(HABIT[sense] if trait == "neuroticism" or rng.random() < 0.35 else WISH[sense])
    return pattern.replace("{do}", chosen(verb, index)).replace("{ing}", chosen(gerund, index)), sense


def chosen(text: str, index: list[int]) -> str:
    """Takes the alternative of each "[a/b]" that its index names."""
    places = iter(index)
    return re.sub(r"\[([^]]+)\]", lambda group: group[1].split("/")[next(places)], text)


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
    while withheld(statement.text):
        statement = compose(rng, trait)
    return statement


def compose(rng: Random, trait: str | None) -> Statement:
    trait = trait or rng.choice(TRAITS)
    pole = rng.choice(POLES)
    keyed = 1 if pole == "high" else -1
    kind = rng.random()
    if kind < 0.3:
        text, sense = active(rng, trait, pole)
        return Statement(frame(rng, text), trait, keyed * sense)
    if kind < 0.42:
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
