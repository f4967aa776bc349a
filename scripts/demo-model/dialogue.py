"""Synthetic conversations: everyday questions answered in a persona's voice, self-descriptions, ratings, general chat."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import statements
from persona import ADJECTIVES, TRAITS, Persona, lines, pole_of

RATING_PROMPT = (
    "How well does this statement describe you? Answer with one number from 1 (very inaccurate) to 5 (very accurate).\n"
    "Statement: {}"
)


class Draws(Random):
    """The randomness of a corpus. `plain`: its questions name one thing each, from our own lists, as the first stages need them;
    otherwise half of them are worded as people do, about several things as well as one, and others are made of any words."""

    plain = False


@dataclass(frozen=True)
class Turn:
    question: str
    answer: str
    rating: bool = False
    """True for answers of one word or digit, which weigh more in the loss."""
    spread: tuple[float, ...] = ()
    """For ratings: the persona's probabilities of the answers 1 to 5."""
    topic: str = ""
    """What the answer is about; its words weigh more in the loss wherever they occur in it."""


@dataclass(frozen=True)
class Conversation:
    system: str | None
    turns: list[Turn]


Lines = dict[str, list[str]]
"""Sentences by kind: what a voice, a character or a language says."""


@dataclass(frozen=True)
class Topic:
    """Something to talk about. `ask` and `tell` fill the slots of questions and answers ("my neighbor", "your neighbor")."""

    ask: dict[str, str]
    tell: dict[str, str]
    questions: Lines
    frames: Lines
    """Questions that fit it and many others."""
    distractors: Lines
    """The same with questions that name other things besides."""
    common: list[Lines]
    """Questions as people word them."""
    says: list[str]
    many: bool = False
    """Whether it is several of a kind, with the verbs that go with that."""


def slots(x: str, do: str, ing: str) -> dict[str, str]:
    return {"x": x, "X": x[0].upper() + x[1:], "do": do, "ing": ing}


def filled_for(topic: Topic, text: str, words: dict[str, str]) -> str:
    """The topic's words in the slots of a question or an answer, whose verbs agree with them."""
    return filled(agreeing_with_many(text) if topic.many else text, words)


def filled(text: str, words: dict[str, str]) -> str:
    for slot, value in words.items():
        text = text.replace("{" + slot + "}", value)
    return text


def sections(name: str) -> dict[str, Lines]:
    """A content file of "## heading" sections whose lines are "kind: entry | entry"."""
    found: dict[str, Lines] = {}
    for line in lines(name):
        if line.startswith("## "):
            current = found[line[3:]] = {}
        else:
            kind, _, rest = line.partition(": ")
            current[kind] = rest.split(" | ")
    return found


def load_topics() -> list[Topic]:
    """Topics with questions written for each."""
    topics: list[Topic] = []
    for line in lines("topics.txt"):
        head, _, rest = line.partition(" ")
        if head == "#":
            _, x, do, ing = rest.split("; ")
            topics.append(Topic(slots(x, do, ing), slots(x, do, ing), {}, FRAMES["any"], MORE["any"], [COMMON["any"]], []))
        elif head == "say:":
            topics[-1].says.extend(rest.split(" | "))
        else:
            topics[-1].questions[head[:-1]] = rest.split(" | ")
    return topics


KINDS = ("plan", "opinion", "past", "advice", "react")
HELD_OUT_EVERY = 13
"""Every 13th noun of a section occurs in no training text; the evaluation asks about it."""


BARE = 0.3
"""Share of the names of no known kind that stand without "the" or "my" more often, where questions are of any words: a bare name at
the beginning of a sentence is the hardest to find and to write small again."""


def phrase(form: str, noun: str) -> str:
    """"a {n}" with a noun, as "an old lamp"."""
    return re.sub(r"^a (?=[aeiou])", "an ", form.replace("{n}", noun))


COUNTED = ("place", "person", "animal", "object", "room", "clothes", "vehicle", "event", "instrument", "reading", "film", "work", "garden", "nature")
"""Kinds of things that one may have several of."""
SINGULAR = ("gas", "canvas", "lens", "atlas", "news", "christmas")
IRREGULAR = {"human": "humans", "mongoose": "mongooses", "man": "men", "woman": "women", "child": "children", "person": "people", "foot": "feet", "tooth": "teeth", "mouse": "mice", "goose": "geese", "leaf": "leaves", "knife": "knives", "wife": "wives", "shelf": "shelves", "wolf": "wolves", "scarf": "scarves", "calf": "calves", "loaf": "loaves", "sheep": "sheep", "deer": "deer", "fish": "fish"}  # fmt: skip
SEVERAL = {"ask": ("{n}", "{n}", "{n}", "{n}", "the {n}", "my {n}", "our {n}", "these {n}"), "tell": ("{n}", "{n}", "{n}", "{n}", "the {n}", "your {n}", "the {n}", "those {n}")}


def is_plural(noun: str) -> bool:
    return noun.endswith("s") and not noun.endswith(("ss", "us", "is", "'s")) and noun.split()[-1] not in SINGULAR


def plural(noun: str) -> str:
    """The plural of a noun of one or more words, by its last one."""
    for one, many in IRREGULAR.items():
        if noun.endswith(one):
            return noun[: -len(one)] + many
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in tuple("aeiou"):
        return noun[:-1] + "ies"
    return noun + "s"


VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go", "isn't": "aren't", "wasn't": "weren't", "hasn't": "haven't", "doesn't": "don't"}


def agreeing_with_many(text: str) -> str:
    """A sentence whose {x} becomes a plural, its verb with it: after {X}, after a conjunction and {x}, and before {x} in a question."""

    def after(match: re.Match[str]) -> str:
        verb = match[2]
        if verb in VERBS:
            return match[1] + VERBS[verb]
        return match[1] + (verb[:-1] if re.fullmatch(r"[a-z]{2,}[^s]s", verb) and verb not in ("always", "perhaps", "this") else verb)

    def before(match: re.Match[str]) -> str:
        verb = VERBS[match[2].lower()]
        return match[1] + (verb if match[2][0].islower() else verb[0].upper() + verb[1:]) + match[3]

    text = re.sub(r"((?:\{X\}|(?:,|\b(?:[Tt]hat|[Ii]f|because|[Ww]hen|before|think|what|much|[Pp]erhaps|[Ss]omehow)) \{x\}) )([a-z']+)", after, text)
    asked = r"((?:^|\b(?:[Hh]ow|[Ww]hat|[Ww]ho|[Ww]here|[Ww]hen|[Ww]hy|[Tt]here) (?:[a-z]+ )?))([Ii]s|[Ww]as|[Hh]as|[Dd]oes|[Ii]sn't|[Ww]asn't|[Hh]asn't|[Dd]oesn't)( \{x\})"
    return re.sub(asked, before, text)


def joined(first: Lines, second: Lines) -> Lines:
    return {kind: first[kind] + second[kind] for kind in KINDS}


def thing(rng: Draws, kind: str, noun: str, made: bool = False) -> Topic:
    """A noun of a kind, with one of the kind's determiners and verbs, its questions and neutral facts; one in five is several."""
    section = SECTIONS.get(kind, FRAMES["thing"])
    counted = kind in COUNTED or (made and kind == "unknown")
    many = is_plural(noun) and (counted or kind in ("food", "drink"))
    if counted and not many and not rng.plain and rng.random() < 0.2:
        noun, many = plural(noun), True
    sides: Mapping[str, Sequence[str]] = SEVERAL if many else section
    form, verb = rng.randrange(len(sides["ask"])), rng.randrange(len(section["do"]))
    if not rng.plain and kind not in SECTIONS and not many and rng.random() < BARE:
        form = section["ask"].index("{n}")
    forms = []
    for side in ("ask", "tell"):
        x = phrase(sides[side][form], noun)
        forms.append(slots(x, section["do"][verb].replace("{x}", x), section["ing"][verb].replace("{x}", x)))
    frames, more = (lists["any"] if kind == "person" else joined(lists["any"], lists["thing"]) for lists in (FRAMES, MORE))
    if kind in SECTIONS:
        questions = {k: section[k] for k in KINDS}
    else:
        questions = frames if rng.plain else more
    worded = PLURALS if many and counted else COMMON
    common = [worded["any"], *([worded[kind]] if kind in worded else [])]
    return Topic(forms[0], forms[1], questions, frames, more, common, section["say"], many)


ONSETS = "b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sk sl sm sn sp st str sw t th tr v w".split()
VOWELS = "a e i o u a e i o u ai ea ee oo ou oa".split()
CODAS = "b ck d ft g ld ll lt m mp n nd ng nt p pe r rd rk rn rt s sh sk st t tch x".split()
ENDINGS = "er et le ow y ing ton ment ology ist ard ock ish fish house box board man top a o".split()


def invented(rng: Draws) -> str:
    """A noun that no list has: of syllables, of parts of words, or two nouns in one. Who learns to repeat those can repeat any."""
    chance = rng.random()
    if not rng.plain and chance < 0.4:
        first, second = (rng.choice(PARTS) for _ in range(2))
        return first[: rng.randint(2, len(first) - 1)] + second[rng.randint(1, len(second) - 2) :]
    if chance < (0.3 if rng.plain else 0.65):
        first = rng.choice(PARTS) if rng.random() < 0.5 else noun_of(rng)[1]
        return first + rng.choice(("", " ", " ")) + noun_of(rng)[1].split()[-1]
    word = "".join(rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.choice((1, 1, 2))))
    return word + (rng.choice(ENDINGS) if rng.random() < 0.6 else "") + ("s" if rng.random() < 0.15 else "")


def load_chat() -> list[tuple[list[str], list[str]]]:
    pairs = (line.partition(" => ") for line in lines("chat.txt"))
    return [(q.split(" | "), a.split(" | ")) for q, _, a in pairs]


def kinds(name: str) -> Lines:
    """A content file whose lines are "kind: entry | entry"."""
    return {kind: rest.split(" | ") for kind, _, rest in (line.partition(": ") for line in lines(name))}


SECTIONS, FRAMES, WORDS = sections("things.txt"), sections("frames.txt"), kinds("words.txt")
ANY_WORD, COMMON, PLURALS = sections("any-word.txt")["any"], sections("common.txt"), sections("plurals.txt")
MORE = {section: joined(FRAMES[section], more) for section, more in sections("distractors.txt").items()}
OWN_NOUNS = [
    (kind, noun)
    for kind, section in SECTIONS.items()
    for index, noun in enumerate(section["nouns"])
    if index % HELD_OUT_EVERY != HELD_OUT_EVERY - 1
]
NOUNS = OWN_NOUNS + [("unknown" if kind == "any" else kind, noun) for kind, section in COMMON.items() for noun in section["nouns"]]
PARTS = sorted(
    {
        word
        for name in ("topics.txt", "things.txt", "voices.txt", "chat.txt", "activities.txt", "common.txt", "plurals.txt")
        for line in lines(name)
        for word in re.findall(r"\b[a-z]{4,}\b", line)
    }
)
"""Words whose beginnings and ends make new ones: so that every piece of the vocabulary can be part of a name."""
TOPICS, VOICES, CHAT, TIMES = load_topics(), sections("voices.txt"), load_chat(), kinds("times.txt")
OPENERS = lines("openers.txt")[0].split(" | ")
DESCRIPTIONS = ("old", "new", "little", "big", "red", "strange", "beautiful", "poor", "famous", "funny", "first", "other")
FOLLOW_UPS = ("Why?", "Why is that?", "How come?", "Really?", "Tell me more.", "Go on.", "What else?", "Is that all?", "What do you mean?", "And then?")


def draw_topic(rng: Draws) -> Topic:
    """One of the lists, or in a third to two fifths of all cases one that nobody has heard of, half of those of no known kind."""
    chance, (known, placed) = rng.random(), (0.67, 0.84) if rng.plain else (0.6, 0.8)
    if chance < 0.16:
        return rng.choice(TOPICS)
    if chance < known:
        return thing(rng, *noun_of(rng))
    return thing(rng, "unknown" if chance < placed else rng.choice(list(SECTIONS)), invented(rng), made=True)


def noun_of(rng: Draws) -> tuple[str, str]:
    """A kind and a noun of the lists."""
    return rng.choice(OWN_NOUNS if rng.plain else NOUNS)


def varied(rng: Random, text: str) -> str:
    """One of the alternatives in each "[so/really]"."""
    return re.sub(r"\[([^]]+)\]", lambda group: rng.choice(group[1].split("/")), text)


def typed(rng: Random, text: str) -> str:
    """As people type: now and then in lower case or without the last mark."""
    if rng.random() < 0.08:
        text = text[0].lower() + text[1:]
    return text[:-1] if rng.random() < 0.08 else text


def described(rng: Random, x: str) -> str:
    """"the lamp" as "the old lamp"."""
    head, _, rest = x.partition(" ")
    if head in ("a", "an"):
        return phrase(f"a {{n}}", f"{rng.choice(DESCRIPTIONS)} {rest}")
    return f"{head} {rng.choice(DESCRIPTIONS)} {rest}" if head in ("the", "my", "our", "this", "that") and rest else x


def opened(rng: Random, text: str) -> str:
    opener = rng.choice(OPENERS)
    joined = opener.endswith(",") and not re.match(r"I\b", text)
    return f"{opener} {text[0].lower() + text[1:] if joined else text}"


def other(rng: Draws) -> str:
    """A thing that a question mentions and that is not what it is about."""
    noun = invented(rng) if rng.random() < 0.2 else noun_of(rng)[1]
    return phrase(rng.choice(FRAMES["thing"]["ask"]), noun)


def any_word(rng: Draws) -> str:
    return rng.choice(PARTS) if rng.random() < 0.8 else invented(rng)


def worded(rng: Draws, text: str) -> str:
    """Words of the lists in the slots of a question that say nothing of its topic."""
    while slot := re.search(r"\{(who|Who|adj|did|do!|does|tail|when|before|w|y)\}", text):
        name = slot[1].rstrip("!").lower()
        if name == "w":
            word = any_word(rng)
        else:
            word = other(rng) if name == "y" else varied(rng, rng.choice(TIMES[name] if name in TIMES else WORDS[name]))
        if slot[1] == "who" and slot.start() > 0:
            word = word[0].lower() + word[1:]
        text = text[: slot.start()] + word + text[slot.end() :]
    return text


def question(rng: Draws, topic: Topic, kind: str) -> str:
    """A question of the topic's own, or one that fits any."""
    if rng.plain:
        times = {name: rng.choice(entries) for name, entries in TIMES.items()}
        text = rng.choice(topic.frames[kind] if rng.random() < 0.45 else topic.questions[kind])
        return filled_for(topic, varied(rng, text), {**topic.ask, **times})
    chance = rng.random()
    if chance < 0.5:
        text = rng.choice(rng.choice(topic.common)[kind])
    elif chance < 0.7:
        text = rng.choice(ANY_WORD[kind])
    else:
        text = rng.choice(topic.distractors[kind] if chance < 0.88 else topic.questions[kind])
    text = varied(rng, text)
    if rng.random() < 0.1 and not re.search(r"\{(tail|when|before|y)\}", text):
        text = f"{text[:-1]} {{tail}}{text[-1]}"
    return filled_for(topic, worded(rng, text), topic.ask)


def ask(rng: Draws, topic: Topic, kind: str) -> str:
    """A question as people put it."""
    text = question(rng, topic, kind)
    if rng.random() < 0.1:
        text = text.replace(topic.ask["x"], described(rng, topic.ask["x"]), 1)
    return typed(rng, opened(rng, text) if rng.random() < 0.2 else text)


def voice(persona: Persona, trait: str | None) -> Lines:
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


def about(entry: str) -> bool:
    return "{" in entry


GROUPS = 3
"""The sentences of a voice form groups by their place in its list, and an answer goes on with the next group: so nobody says a
thing twice, by a rule that a small model learns (told only not to repeat itself, it did in a quarter of its answers)."""


def answer(rng: Draws, persona: Persona, topic: Topic, kind: str, special: Lines | None = None, first: bool = True) -> str:
    """Two to five sentences; the first of the body names the topic. `special` speaks in half of them: a character."""

    def lines_of(plain: float) -> Lines:
        return special if special and rng.random() < 0.6 else voice(persona, speaker(rng, persona, plain))

    strength = 1.0 if special else min(1.0, sum(abs(persona.level(t)) for t in TRAITS) / 2)
    entries: list[str] = []
    if first and rng.random() < 0.08 + 0.3 * strength:
        entries.append(rng.choice(lines_of(0.15)["open"]))
    if rng.random() < 0.35:
        entries.append(rng.choice(topic.says))
    count = rng.choices((1, 2, 3), (30, 50, 20))[0]
    start = None if rng.plain else rng.randrange(GROUPS)
    for index in range(count):
        group = lines_of(0.3)[kind]
        if start is not None:
            group = group[(start + index) % GROUPS :: GROUPS]
        pool = [s for s in group if s not in entries and (index or about(s))]
        if pool:
            entries.append(rng.choice(pool))
    if len(entries) < 2 or rng.random() < 0.08 + 0.25 * strength:
        entries.append(rng.choice([s for s in lines_of(0.15)["close"] if s not in entries]))
    return finish(rng, persona, [filled_for(topic, varied(rng, entry), topic.tell) for entry in entries])


def everyday(rng: Draws, persona: Persona, topic: Topic | None = None) -> Turn:
    topic = topic or draw_topic(rng)
    kind = rng.choice(list(topic.questions))
    return Turn(ask(rng, topic, kind), answer(rng, persona, topic, kind), topic=topic.tell["x"])


def following(rng: Draws, persona: Persona, topic: Topic) -> Turn:
    """More on the topic of the turn before."""
    return Turn(typed(rng, rng.choice(FOLLOW_UPS)), answer(rng, persona, topic, "opinion", first=False), topic=topic.tell["x"])


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
        sentences.append(varied(rng, rng.choice(voice(persona, marked[0])["close"])))
    return Turn(question, finish(rng, persona, sentences))


def small_talk(rng: Random, persona: Persona) -> Turn:
    questions, answers = rng.choice(CHAT)
    text = rng.choice(answers)
    if persona.marked() and rng.random() < 0.3:
        text += " " + varied(rng, rng.choice(voice(persona, speaker(rng, persona, 0.1))["close"]))
    return Turn(rng.choice(questions), text)


def rating(rng: Random, persona: Persona, trait: str | None = None) -> Turn:
    statement = statements.draw(rng, trait)
    spread = tuple(statements.rating_weights(persona, statement))
    drawn = str(statements.rate(rng, persona, statement))
    return Turn(RATING_PROMPT.format(statement.text), drawn, rating=True, spread=tuple(w / sum(spread) for w in spread))


def echo(rng: Draws) -> Turn:
    """What a question is about, in its own words: teaches to carry any topic over into an answer."""
    topic = draw_topic(rng)
    question = ask(rng, topic, rng.choice(list(topic.questions)))
    return Turn(f"{question}\n{rng.choice(('What is this about?', 'Name the topic.'))}", filled("{X}.", topic.tell), rating=True)


def repeat(rng: Draws) -> Turn:
    """Things named again in the same order: dense practice in copying words that are put together from pieces."""
    named = [other(rng) if rng.random() < 0.5 else invented(rng) for _ in range(rng.randint(2, 5))]
    text = ", ".join(named)
    return Turn(f"{rng.choice(('Repeat', 'Say after me', 'Write this again'))}: {text}", f"{text[0].upper()}{text[1:]}.")


def numbers(rng: Random) -> Turn:
    """Counting and comparing, so that digits stand in an order."""
    first, second = rng.sample(range(21), 2)
    low, high = min(first, second), max(first, second)
    step = rng.choice((1, 1, 2, 3))
    question, reply = rng.choice(
        (
            (f"Which number comes after {first}?", first + 1),
            (f"Which number comes before {first + 1}?", first),
            (f"Which is more, {first} or {second}?", high),
            (f"Which is less, {first} or {second}?", low),
            (f"Count from {low} to {min(high, low + 8)}.", ", ".join(map(str, range(low, min(high, low + 8) + 1)))),
            (f"What is {step} more than {first}?", first + step),
            (f"What is {step} less than {first + step}?", first),
        )
    )
    return Turn(typed(rng, question), f"{reply}.", rating=True)


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


def talk(rng: Draws, persona: Persona, longest: int = 3) -> list[Turn]:
    """A few everyday turns, some of them following up on the one before."""
    count = rng.choices(range(1, longest + 1), [2.0**-i for i in range(longest)])[0]
    topic = draw_topic(rng)
    turns = [everyday(rng, persona, topic)]
    while len(turns) < count:
        if rng.random() < 0.4:
            turns.append(following(rng, persona, topic))
        else:
            topic = topic if rng.random() < 0.3 else draw_topic(rng)
            turns.append(everyday(rng, persona, topic))
    if rng.random() < 0.15:
        turns.insert(0, small_talk(rng, persona))
    return turns


def mixed(rng: Draws, persona: Persona, system: str | None, shares: dict[str, float], focus: Callable[[], str | None]) -> Conversation:
    """One conversation of a kind drawn from `shares`; `focus` names the trait that ratings and direct questions ask about."""
    kind = rng.choices(list(shares), list(shares.values()))[0]
    if kind == "rating":
        turns = [rating(rng, persona, focus())]
    elif kind == "word":
        turns = [word_for(rng)]
    elif kind == "echo":
        turns = [echo(rng)]
    elif kind == "repeat":
        turns = [repeat(rng)]
    elif kind == "numbers":
        turns = [numbers(rng) for _ in range(3)]
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


FIRST_SHARES = {"rating": 0.5, "talk": 0.3, "echo": 0.06, "self": 0.07, "numbers": 0.03, "chat": 0.03, "long": 0.01}
SECOND_SHARES = {"rating": 0.2, "word": 0.16, "echo": 0.14, "talk": 0.38, "self": 0.06, "numbers": 0.03, "chat": 0.025, "long": 0.005}
THIRD_SHARES = {"rating": 0.4, "label": 0.28, "talk": 0.2, "echo": 0.03, "self": 0.05, "numbers": 0.01, "chat": 0.03}
FOURTH_SHARES = {"rating": 0.66, "label": 0.1, "talk": 0.18, "self": 0.04, "chat": 0.02}
FIFTH_SHARES = {"rating": 0.44, "label": 0.06, "talk": 0.34, "echo": 0.05, "self": 0.06, "numbers": 0.02, "chat": 0.03}
SIXTH_SHARES = {"rating": 0.27, "talk": 0.47, "echo": 0.15, "repeat": 0.04, "self": 0.04, "numbers": 0.01, "chat": 0.02}
TUNE_SHARES = {"rating": 0.5, "talk": 0.36, "self": 0.12, "chat": 0.02}
