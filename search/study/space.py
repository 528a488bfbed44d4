"""The open values of a sweep as a search space: draw from it, count it, list it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from spaces.domains.close import close
from spaces.domains.domain import Branches, Choice, Domain, Int, Scalar, Uniform, size
from spaces.file.sweep import Sweep

Suggest = Callable[[str, Domain], Scalar]
"""From the full name of an open value and its domain to a value."""

ENUMERABLE = 20_000
"""A space with more configurations than this is not listed."""


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
    prefix: list[int] = []
    while True:
        path = _Path(prefix)
        yield draw(sweep, path.follow)
        while path.taken and path.taken[-1] + 1 == path.counts[len(path.taken) - 1]:
            path.taken.pop()
        if not path.taken:
            return
        prefix = [*path.taken[:-1], path.taken[-1] + 1]


def key(values: Mapping[str, Scalar]) -> frozenset[tuple[str, Scalar]]:
    """Configurations with the same key are the same."""
    return frozenset(values.items())


def untried(sweep: Sweep, tried: Collection[frozenset[tuple[str, Scalar]]]) -> list[dict[str, Scalar]] | None:
    """The configurations whose keys are not among ``tried``; None where the space is too large to list."""
    if most_configurations(sweep) > ENUMERABLE:
        return None
    return [values for values in all_configurations(sweep) if key(values) not in tried]


class _Path:
    """One way down the tree of choices: which option each value asked for takes; the first one beyond the prefix."""

    def __init__(self, prefix: Sequence[int]) -> None:
        self._prefix = prefix
        self.taken: list[int] = []
        self.counts: list[int] = []

    def follow(self, name: str, domain: Domain) -> Scalar:
        options, position = _options(domain), len(self.taken)
        self.taken.append(self._prefix[position] if position < len(self._prefix) else 0)
        self.counts.append(len(options))
        return options[self.taken[-1]]


def _options(domain: Domain) -> list[Scalar]:
    if isinstance(domain, (Choice, Branches)):
        return list(domain.options)
    if isinstance(domain, Int):
        return list(range(domain.low, domain.high + 1, domain.step))
    if isinstance(domain, Uniform) and domain.step is not None:
        return [domain.low + k * domain.step for k in range(int(size(domain)))]
    raise ValueError(f"{domain} is not finite")
