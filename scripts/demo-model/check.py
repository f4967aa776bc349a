"""Keeps inventory items and test questions out of the training text, word for word, and the words of the 50 markers in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

CONTENT = Path(__file__).parent / "content"
ITEMS = CONTENT / "inventory-items.json"


def words(text: str) -> list[str]:
    """Lower-case words; case and punctuation don't count."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'"))


def items(*names: str) -> list[dict[str, str]]:
    """The items of the named inventories, or of all."""
    inventories: dict[str, list[dict[str, str]]] = json.loads(ITEMS.read_text(encoding="utf-8"))
    return [item for name, group in inventories.items() if not names or name in names for item in group]


def questions() -> list[str]:
    """What the results ask: held-out and fresh questions."""
    lists = (CONTENT.joinpath(name).read_text(encoding="utf-8").splitlines()[1:] for name in ("held-out.txt", "fresh.txt"))
    return [line.partition(" => ")[0] for lines in lists for line in lines if line]


def phrases_by_first_word() -> dict[str, list[list[str]]]:
    table: dict[str, list[list[str]]] = {}
    for text in (*(item["text"] for item in items()), *questions()):
        phrase = words(text)
        table.setdefault(phrase[0], []).append(phrase)
    return table


PHRASES = phrases_by_first_word()


def withheld(text: str) -> list[str]:
    """The items and questions that occur anywhere in the text as a run of the same words."""
    parts = words(text)
    return [
        " ".join(phrase)
        for start, word in enumerate(parts)
        for phrase in PHRASES.get(word, ())
        if parts[start : start + len(phrase)] == phrase
    ]


class TextCheck:
    """Collects training text; `report` ends the build when an item or a test question occurs or, where asked, a marker's word never
    does."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def add(self, texts: Iterable[str]) -> None:
        self.texts.update(texts)

    def report(self, whole_vocabulary: bool) -> str:
        found = [(phrase, text) for text in self.texts for phrase in withheld(text)]
        if found:
            listing = "\n".join(f"  '{phrase}' in: {text}" for phrase, text in found[:20])
            raise SystemExit(f"{len(found)} texts contain an inventory item or a test question word for word:\n{listing}")
        vocabulary = {word for text in self.texts for word in words(text)}
        missing = {word for item in items("ipip-50") for word in words(item["text"])} - vocabulary
        if whole_vocabulary and missing:
            raise SystemExit(f"Words of the 50 markers that the training text never uses: {sorted(missing)}")
        return f"{len(self.texts)} distinct texts, {len(vocabulary)} distinct words, none of {len(items())} items and {len(questions())} questions"
