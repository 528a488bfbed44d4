"""What the labels of a table are: classes, or what merely looks like them, amounts and lists of several labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?")
LIST = re.compile(r"\[.*\]|\{.*\}|\(.*,.*\)", re.DOTALL)
"""How several labels look as Python, JSON or a database writes them."""
LABEL_SEPARATORS = {"|": "bars", ";": "semicolons", ",": "commas", " ": "spaces"}
FEWEST_PER_CLASS, FEWEST_PER_WHOLE_NUMBER = 4, 2
"""Numbers with a fraction, or whole ones, of which each stands for fewer images on average are no classes."""
MANY_VALUES = 20
"""More different numbers with a fraction than this are hardly classes, however many images there are."""
MISSING = ("nan", "na", "n/a", "<na>", "null", "?")
"""What programs write where a label is missing, in lower case."""


@dataclass(frozen=True, kw_only=True)
class LabelDoubt:
    """Why the labels are hardly classes: what they are, and what to do."""

    finding: str
    remedy: str
    certainty: Literal["certain", "likely", "possible"]
    """Classes that are certainly none are refused; if it is likely, `tunehound new` asks before it goes on."""

    def __str__(self) -> str:
        return f"{self.finding}: {self.remedy}"


def doubt_about(labels: Collection[str], column: str) -> LabelDoubt | None:
    """Return why the labels, one per image, are hardly classes; None if they look like classes."""
    known = Counter(label for label in labels if label)
    return amounts(known, column) or several_labels(known, column) or missing_labels(known, column)


def amounts(known: Counter[str], column: str) -> LabelDoubt | None:
    """Tell amounts from classes that are numbers.

    Numbers are amounts if each stands for few images: fewer than four on average if some have a fraction, fewer than
    two if all are whole. More than twenty different ones with a fraction are most likely amounts, too.
    """
    if len(known) < 2 or not all(NUMBER.fullmatch(label) for label in known):
        return None
    values = [float(label.replace(",", ".")) for label in known]
    kind = "numbers" if (fraction := any(value % 1 for value in values)) else "whole numbers"
    per_value = known.total() / len(known)
    few = per_value < (FEWEST_PER_CLASS if fraction else FEWEST_PER_WHOLE_NUMBER)
    if not few and not (fraction and len(known) > MANY_VALUES):
        return None
    span = f"{len(known):,} different ones from {min(values):g} to {max(values):g} for {known.total():,} images"
    cure = f"put the numbers into classes, such as ranges, in a column of their own, and name it; or remove {column}"
    return LabelDoubt(
        finding=f"{column} holds {kind}, {span}: to predict amounts is regression, which Tunehound does not train",
        remedy=cure,
        certainty="certain" if few else "likely",
    )


def several_labels(known: Counter[str], column: str) -> LabelDoubt | None:
    """Recognise cells that hold lists, or labels joined by a separator."""
    lists = [label for label in known if LIST.fullmatch(label)]
    joined = {mark: found for mark in LABEL_SEPARATORS if (found := joined_labels(list(known), mark))}
    if lists:
        return several(lists, column, "as lists")
    if joined:
        mark, found = next(iter(joined.items()))
        return several(found, column, f"separated by {LABEL_SEPARATORS[mark]}")
    return None


def several(examples: Sequence[str], column: str, how: str) -> LabelDoubt:
    """Return the doubt about labels of which ``examples`` are several."""
    shown = ", ".join(f"“{each}”" for each in examples[:3]) + (", …" if len(examples) > 3 else "")
    finding = f"{column} seems to hold several labels an image, {how}: {shown}; Tunehound trains one label an image"
    cure = "keep one label an image; where this is the name of one class, write cat_outdoor or the like"
    return LabelDoubt(finding=finding, remedy=cure, certainty="likely")


def joined_labels(known: Sequence[str], mark: str) -> list[str]:
    """Return the labels that are joined from others: words between the mark recur, alone or in other combinations.

    Names of classes have spaces, too (polar bear, black bear). There every word must recur, and at least one alone.
    """
    words = {label: [word.strip() for word in label.split(mark) if word.strip()] for label in known}
    uses = Counter(word for parts in words.values() for word in set(parts))
    found = [label for label, parts in words.items() if len(parts) > 1]
    recurring = [label for label in found if any(uses[word] > 1 for word in words[label])]
    if mark == " ":
        alone = any(word in known for label in found for word in words[label])
        return found if alone and all(uses[word] > 1 for label in found for word in words[label]) else []
    return found if recurring and 2 * len(recurring) >= len(found) else []


def missing_labels(known: Counter[str], column: str) -> LabelDoubt | None:
    """Recognise words that stand for a missing label."""
    found = {label: count for label, count in known.items() if label.casefold() in MISSING}
    if not found:
        return None
    named = ", ".join(f"“{label}” ({count})" for label, count in found.items())
    finding = f"{column} holds {named}, which programs write where a label is missing; it is taken for a class"
    cure = "remove these rows and images, or rename the class"
    return LabelDoubt(finding=finding, remedy=cure, certainty="possible")
