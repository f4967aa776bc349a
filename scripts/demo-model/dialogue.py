"""Synthetic conversations: everyday questions answered in a persona's voice, self-descriptions, ratings, general chat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import statements
from persona import ADJECTIVES, TRAITS, Persona, lines, pole_of

KINDS = ("plan", "opinion", "past", "advice")
RATING_PROMPT = (
    "How well does this statement describe you? Answer with one number from 1 (very inaccurate) to 5 (very accurate).\n"
    "Statement: {}"
)


@dataclass(frozen=True)
class Turn:
    question: str
    answer: str
    rating: bool = False
    """True for answers of one word or digit, which weigh more in the loss."""
    spread: tuple[float, ...] = ()
    """For ratings: the persona's probabilities of the answers 1 to 5."""


@dataclass(frozen=True)
class Conversation:
    system: str | None
    turns: list[Turn]


@dataclass(frozen=True)
class Topic:
    slots: dict[str, str]
    questions: dict[str, list[str]]
    says: list[str]


def load_topics() -> list[Topic]:
    topics: list[Topic] = []
    for line in lines("topics.txt"):
        head, _, rest = line.partition(" ")
        if head == "#":
            _, x, do, ing = rest.split("; ")
            topics.append(Topic({"x": x, "X": x[0].upper() + x[1:], "do": do, "ing": ing}, {}, []))
        elif head == "say:":
            topics[-1].says.extend(rest.split(" | "))
        else:
            topics[-1].questions[head[:-1]] = rest.split(" | ")
    return topics


def load_voices() -> dict[str, dict[str, list[str]]]:
    voices: dict[str, dict[str, list[str]]] = {}
    for line in lines("voices.txt"):
        if line.startswith("## "):
            current = voices[line[3:]] = {}
        else:
            kind, _, rest = line.partition(": ")
            current[kind] = rest.split(" | ")
    return voices


def load_chat() -> list[tuple[list[str], list[str]]]:
    pairs = (line.partition(" => ") for line in lines("chat.txt"))
    return [(q.split(" | "), a.split(" | ")) for q, _, a in pairs]


TOPICS, VOICES, CHAT = load_topics(), load_voices(), load_chat()


def voice(persona: Persona, trait: str | None) -> dict[str, list[str]]:
    return VOICES[f"{trait} {pole_of(persona.level(trait))}" if trait else "neutral"]


def speaker(rng: Random, persona: Persona, plain: float) -> str | None:
    """The trait that voices the next sentence, drawn by its level; None (weight `plain`) is the neutral voice."""
    weights = [abs(persona.level(t)) for t in TRAITS]
    return rng.choices((*TRAITS, None), (*weights, plain))[0]


def finish(rng: Random, persona: Persona, sentences: list[str]) -> str:
    """Punctuation that shows how lively or uneasy the speaker is."""
    out = []
    for s in sentences:
        if s.endswith("."):
            if rng.random() < 0.2 * persona.level("extraversion"):
                s = s[:-1] + "!"
            elif rng.random() < 0.12 * persona.level("neuroticism"):
                s = s[:-1] + "..."
        elif s.endswith("!") and rng.random() < -0.4 * persona.level("extraversion"):
            s = s[:-1] + "."
        out.append(s)
    return " ".join(out)


def answer(rng: Random, persona: Persona, topic: Topic, kind: str) -> str:
    count = rng.choices((1, 2, 3), (30, 50, 20))[0]
    sentences: list[str] = []
    strength = min(1.0, sum(abs(persona.level(t)) for t in TRAITS) / 2)
    if rng.random() < 0.08 + 0.32 * strength:
        sentences.append(rng.choice(voice(persona, speaker(rng, persona, 0.15))["open"]))
    if rng.random() < 0.6:
        sentences.append(rng.choice(topic.says))
    for _ in range(count):
        pool = [s for s in voice(persona, speaker(rng, persona, 0.35))[kind] if s not in sentences]
        sentences.append(rng.choice(pool))
    if len(sentences) < 2 or rng.random() < 0.08 + 0.25 * strength:
        sentences.append(rng.choice(voice(persona, speaker(rng, persona, 0.15))["close"]))
    unique = list(dict.fromkeys(sentences))
    text = finish(rng, persona, unique)
    for slot, words in topic.slots.items():
        text = text.replace("{" + slot + "}", words)
    return text


def everyday(rng: Random, persona: Persona, topic: Topic | None = None) -> Turn:
    topic, kind = topic or rng.choice(TOPICS), rng.choice(KINDS)
    return Turn(rng.choice(topic.questions[kind]), answer(rng, persona, topic, kind))


def second_person(text: str) -> str:
    swap = {"I": "you", "my": "your", "me": "you", "myself": "yourself", "mine": "yours"}
    return " ".join(swap.get(word, word) for word in text.split(" "))


def agreeing(rng: Random, degree: float) -> str:
    """A first reaction to "Is this you?" for a degree of fit from -2 to 2."""
    if degree > 1.4:
        return rng.choice(("Yes, very much.", "Absolutely, that is me.", "Yes, always."))
    if degree > 0.5:
        return rng.choice(("Yes, rather.", "Yes, quite often.", "Mostly yes."))
    if degree > -0.5:
        return rng.choice(("Sometimes, it depends.", "Neither more nor less than others.", "Now and then."))
    if degree > -1.4:
        return rng.choice(("Not really.", "No, rather not.", "Mostly no."))
    return rng.choice(("No, not at all.", "Never, that is not me.", "Not in the least."))


def yes_or_no(rng: Random, persona: Persona, trait: str | None = None) -> Turn:
    trait = trait or rng.choice(TRAITS)
    pole = rng.choice(("low", "high"))
    completion = rng.choice([c for c in statements.COMPLETIONS[trait, pole] if c.split()[0] not in ("don't", "do", "would")])
    level = persona.level(trait)
    words = second_person(completion)
    question = f"Are you {words[3:]}?" if words.startswith("am ") else f"Do you {words}?"
    reply = agreeing(rng, level * (1 if pole == "high" else -1))
    if level and rng.random() < 0.7:
        reply += f" I {rng.choice(statements.COMPLETIONS[trait, pole_of(level)])}."
    return Turn(question, finish(rng, persona, [reply]))


def self_description(rng: Random, persona: Persona) -> Turn:
    question = rng.choice(
        (
            "Describe yourself.",
            "What kind of person are you?",
            "Tell me about yourself.",
            "How would your friends describe you?",
            "What are you like?",
            "Tell me something about your personality.",
        )
    )
    marked = persona.marked()
    rng.shuffle(marked)
    if not marked:
        parts = ["I am a fairly average person.", "I am neither loud nor quiet.", "It depends on the day.", "I am much like other people.", "I have good days and bad days."]
        return Turn(question, " ".join(rng.sample(parts, 2)))
    sentences = []
    for t in marked[:3]:
        pole, strong = pole_of(persona.level(t)), abs(persona.level(t)) > 1.5
        if rng.random() < 0.5:
            degree = rng.choice(("very", "really")) if strong else rng.choice(("rather", "somewhat"))
            sentences.append(f"I am {degree} {rng.choice(ADJECTIVES[t, pole])}.")
        if rng.random() < 0.75:
            sentences.append(f"I {rng.choice(statements.COMPLETIONS[t, pole])}.")
    if len(sentences) < 2:
        sentences.append(rng.choice(voice(persona, marked[0])["close"]))
    return Turn(question, finish(rng, persona, sentences))


def small_talk(rng: Random, persona: Persona) -> Turn:
    questions, answers = rng.choice(CHAT)
    text = rng.choice(answers)
    if persona.marked() and rng.random() < 0.3:
        text += " " + rng.choice(voice(persona, speaker(rng, persona, 0.1))["close"])
    return Turn(rng.choice(questions), text)


def rating(rng: Random, persona: Persona, trait: str | None = None) -> Turn:
    statement = statements.draw(rng, trait)
    spread = tuple(statements.rating_weights(persona, statement))
    drawn = str(statements.rate(rng, persona, statement))
    return Turn(RATING_PROMPT.format(statement.text), drawn, rating=True, spread=tuple(w / sum(spread) for w in spread))


def word_for(rng: Random) -> Turn:
    """Which adjective goes with a statement: ties statements to the words that personas are named by."""
    statement = statements.draw(rng)
    pole = "high" if statement.keyed > 0 else "low"
    question = rng.choice(("Which word fits this statement?", "What is a person like who says this?"))
    return Turn(f"{question}\nStatement: {statement.text}", rng.choice(ADJECTIVES[statement.trait, pole]), rating=True)


def label_for(rng: Random) -> Turn:
    """The same with one fixed word a pole and a question like the rating's, so that both read statements alike."""
    statement = statements.draw(rng)
    word = ADJECTIVES[statement.trait, "high" if statement.keyed > 0 else "low"][0]
    question = "How would you describe someone who says this? Answer with one word."
    return Turn(f"{question}\nStatement: {statement.text}", word, rating=True)


def talk(rng: Random, persona: Persona, longest: int = 3) -> list[Turn]:
    """A few everyday turns, half of the time on one topic."""
    topic = rng.choice(TOPICS) if rng.random() < 0.5 else None
    count = rng.choices(range(1, longest + 1), [2.0**-i for i in range(longest)])[0]
    turns = [everyday(rng, persona, topic) for _ in range(count)]
    if rng.random() < 0.15:
        turns.insert(0, small_talk(rng, persona))
    return turns


def mixed(rng: Random, persona: Persona, system: str | None, shares: dict[str, float], focus: Callable[[], str | None]) -> Conversation:
    """One conversation of a kind drawn from `shares`; `focus` names the trait that ratings and direct questions ask about."""
    kind = rng.choices(list(shares), list(shares.values()))[0]
    if kind == "rating":
        turns = [rating(rng, persona, focus())]
    elif kind == "word":
        turns = [word_for(rng)]
    elif kind == "label":
        turns = [label_for(rng)]
    elif kind == "self":
        turns = [self_description(rng, persona) if rng.random() < 0.4 else yes_or_no(rng, persona, focus())]
    elif kind == "chat":
        turns = [small_talk(rng, persona)]
    elif kind == "long":
        turns = [everyday(rng, persona) for _ in range(rng.randint(6, 14))]
    else:
        turns = talk(rng, persona)
    return Conversation(system, turns)


FIRST_SHARES = {"rating": 0.56, "talk": 0.28, "self": 0.11, "chat": 0.04, "long": 0.01}
SECOND_SHARES = {"rating": 0.5, "word": 0.17, "talk": 0.22, "self": 0.08, "chat": 0.025, "long": 0.005}
THIRD_SHARES = {"rating": 0.4, "label": 0.3, "talk": 0.2, "self": 0.07, "chat": 0.03}
FOURTH_SHARES = {"rating": 0.66, "label": 0.1, "talk": 0.18, "self": 0.04, "chat": 0.02}
FIFTH_SHARES = {"rating": 0.52, "label": 0.08, "talk": 0.28, "self": 0.08, "chat": 0.04}
TUNE_SHARES = {"rating": 0.5, "talk": 0.36, "self": 0.12, "chat": 0.02}


