"""The open values of a sweep as a search space: draw from it, count it, list it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from spaces.close import close
from spaces.domain import Branches, Choice, Domain, Int, Scalar, Uniform, size
from spaces.sweep import Sweep

Suggest = Callable[[str, Domain], Scalar]
"""From the full name of an open value and its domain to a value."""


def draw(sweep: Sweep, suggest: Suggest) -> dict[str, Scalar]:
    """The values that ``suggest`` gives, by full name; it is asked for those of the branches taken only.

    Raises:
        InputError: the values close to a configuration that is not valid.
    """
    drawn: dict[str, Scalar] = {}

    def remember(name: str, domain: Domain) -> Scalar:
        drawn[name] = suggest(name, domain)
        return drawn[name]

    close(sweep.trial, remember)
    return drawn


def most_configurations(sweep: Sweep) -> float:
    """An upper bound on how many configurations a sweep has; infinite where a value is continuous."""
    return math.prod(size(domain) for domain in sweep.open_values.values())


def all_configurations(sweep: Sweep) -> Iterator[dict[str, Scalar]]:
    """Every configuration of a finite sweep, each once."""
    choices: list[tuple[int, int]] = []  # for each value asked for: which option it took, of how many
    while True:
        taken: list[tuple[int, int]] = []

        def follow(name: str, domain: Domain, taken: list[tuple[int, int]] = taken) -> Scalar:
            position = len(taken)
            options = _options(domain)
            index = choices[position][0] if position < len(choices) else 0
            taken.append((index, len(options)))
            return options[index]

        yield draw(sweep, follow)
        while taken and taken[-1][0] + 1 == taken[-1][1]:
            taken.pop()
        if not taken:
            return
        index, count = taken.pop()
        choices = [*taken, (index + 1, count)]


def _options(domain: Domain) -> list[Scalar]:
    if isinstance(domain, (Choice, Branches)):
        return list(domain.options)
    if isinstance(domain, Int):
        return list(range(domain.low, domain.high + 1, domain.step))
    if isinstance(domain, Uniform) and domain.step is not None:
        return [domain.low + k * domain.step for k in range(int(size(domain)))]
    raise ValueError(f"{domain} is not finite")
