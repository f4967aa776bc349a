"""Keeps inventory items out of the training text, word for word, and the words of the 50 markers in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

ITEMS = Path(__file__).parent / "content" / "inventory-items.json"


def words(text: str) -> list[str]:
    """Lower-case words; case and punctuation don't count."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'"))


def items(*names: str) -> list[dict[str, str]]:
    """The items of the named inventories, or of all."""
    inventories: dict[str, list[dict[str, str]]] = json.loads(ITEMS.read_text(encoding="utf-8"))
    return [item for name, group in inventories.items() if not names or name in names for item in group]


def phrases_by_first_word() -> dict[str, list[list[str]]]:
    table: dict[str, list[list[str]]] = {}
    for item in items():
        phrase = words(item["text"])
        table.setdefault(phrase[0], []).append(phrase)
    return table


PHRASES = phrases_by_first_word()


def occurring_items(text: str) -> list[str]:
    """The items that occur anywhere in the text as a run of the same words."""
    parts = words(text)
    return [
        " ".join(phrase)
        for start, word in enumerate(parts)
        for phrase in PHRASES.get(word, ())
        if parts[start : start + len(phrase)] == phrase
    ]


class ItemCheck:
    """Collects training text; `report` ends the build when an item occurs or, where asked, a marker's word never does."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def add(self, texts: Iterable[str]) -> None:
        self.texts.update(texts)

    def report(self, whole_vocabulary: bool) -> str:
        found = [(item, text) for text in self.texts for item in occurring_items(text)]
        if found:
            listing = "\n".join(f"  '{item}' in: {text}" for item, text in found[:20])
            raise SystemExit(f"{len(found)} texts contain an inventory item word for word:\n{listing}")
        vocabulary = {word for text in self.texts for word in words(text)}
        missing = {word for item in items("ipip-50") for word in words(item["text"])} - vocabulary
        if whole_vocabulary and missing:
            raise SystemExit(f"Words of the 50 markers that the training text never uses: {sorted(missing)}")
        return f"{len(self.texts)} distinct texts, {len(vocabulary)} distinct words, none of {len(items())} items"
