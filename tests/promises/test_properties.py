"""Whatever a sweep says: it reads back equal, closes to valid configurations, and a mistake never crashes."""

from __future__ import annotations

import copy
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaces.config.trial import TrialConfig
from spaces.domains.close import close, corners
from spaces.domains.domain import Choice, Int, Log, Uniform, contains
from spaces.domains.tree import as_written
from spaces.file.load import load_sweep, write_yaml
from spaces.problem import InputError

FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def reals(draw, low, high):
    """A uniform domain within limits, with or without a step, and a baseline in it."""
    parts = draw(st.none() | st.integers(1, 12))
    a = draw(st.floats(low, high / 2))
    b = draw(st.floats(a, high, exclude_min=True))
    if parts is None or (b - a) / parts < 1e-6:
        return {"uniform": [a, b], "baseline": draw(st.floats(a, b))}
    return {"uniform": [a, b], "step": (b - a) / parts, "baseline": draw(st.sampled_from([a, b]))}


@st.composite
def wholes(draw, low, high):
    """An int domain within limits, on a grid or with its logarithm uniform, and a baseline in it."""
    a, step = draw(st.integers(low, high - 1)), draw(st.integers(1, 8))
    steps = draw(st.integers(1, max(1, (high - a) // step)))
    if a + step > high or draw(st.booleans()):
        b = draw(st.integers(a + 1, high))
        return {"int": [a, b], "log": a > 0 and draw(st.booleans()), "baseline": draw(st.integers(a, b))}
    return {"int": [a, a + steps * step], "step": step, "baseline": a + step * draw(st.integers(0, steps))}


@st.composite
def logs(draw):
    a = draw(st.floats(1e-9, 1e-3))
    b = draw(st.floats(1e-2, 1.0))
    return {"log": [a, b], "baseline": draw(st.floats(a, b))}


def either(*values):
    return st.sampled_from(values).map(lambda value: {"choice": list(values), "baseline": value})


@st.composite
def models(draw, depth=0):
    if depth == 0 and draw(st.booleans()):
        labels = draw(
            st.lists(st.sampled_from(["off", "small", "wide", "no 1", "é"]), min_size=1, max_size=2, unique=True)
        )
        return {"choice": {label: draw(models(depth=1)) for label in labels}, "baseline": labels[-1]}
    if draw(st.booleans()):
        return {
            "kind": "cnn",
            "blocks": draw(st.just(2) | wholes(1, 4)),
            "dropout": draw(reals(0, 0.9)),
            "filters": draw(wholes(1, 64)),
            "l2": draw(logs() | st.just(0) | l2_branches()),
        }
    return {
        "kind": "pretrained",
        "backbone": "b",
        "weights": "none",
        "fine_tune_learning_rate": draw(logs()),
        "unfrozen_blocks": draw(wholes(0, 4)),
        "head_epochs": draw(st.just(2) | wholes(1, 2)),
    }


@st.composite
def l2_branches(draw):
    return {"choice": {"off": 0, "on": draw(logs())}, "baseline": draw(st.sampled_from(["off", "on"]))}


@st.composite
def sweeps(draw):
    optimizer = {"name": draw(either("adam", "sgd")), "learning_rate": draw(logs())}
    augmentation = {"policy": ["flip"], "strength": draw(reals(0, 1))}
    trial = {
        "data": {"source": "digits"},
        "model": draw(models()),
        "augmentation": augmentation,
        "optimizer": optimizer,
        "training": {"epochs": draw(st.integers(5, 99))},
    }
    search = {"trials": draw(st.integers(1, 500)), "grace_epochs": draw(st.integers(3, 4))}
    extra = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "confirm": st.just("off") | st.just({"top": 2}),
                "resources": st.just("auto") | st.just({"gpus": 0.25, "env": ["HF_TOKEN"]}),
                "tracking": st.just("off") | st.just({"wandb": {"project": "p"}}),
                "budget": st.just({"hours": 1.5}),
            },
        )
    )
    return {"trial": trial, "search": search, **extra}


def loaded(data, folder, name="random.yaml"):
    write_yaml(folder / name, data)
    return load_sweep(folder / name)


@FEW
@given(sweeps())
def test_a_sweep_as_written_reads_back_equal(tmp_path, data) -> None:
    sweep = loaded(data, tmp_path)
    again = loaded(sweep.as_mapping(), tmp_path)
    assert again == sweep
    assert list(again.open_values) == list(sweep.open_values)
    assert again.as_mapping() == sweep.as_mapping()
    assert as_written(again.trial) == as_written(sweep.trial)


def drawn(domain, rng):
    """A random value of a domain."""
    if isinstance(domain, Int):
        return rng.randrange(domain.low, domain.high + 1, domain.step)
    if isinstance(domain, Uniform) and domain.step is not None:
        return domain.low + domain.step * rng.randint(0, round((domain.high - domain.low) / domain.step) - 1)
    if isinstance(domain, (Uniform, Log)):
        return rng.uniform(domain.low, domain.high)
    return rng.choice(domain.options if isinstance(domain, Choice) else list(domain.options))


@FEW
@given(sweeps(), st.integers(0, 2**32))
def test_random_closings_lie_inside_the_domains_and_are_valid(tmp_path, data, seed) -> None:
    sweep, rng, asked = loaded(data, tmp_path), random.Random(seed), set()

    def suggest(name, domain):
        assert domain is sweep.open_values[name]
        assert name not in asked
        asked.add(name)
        value = drawn(domain, rng)
        assert contains(domain, value)
        return value

    config = close(sweep.trial, suggest)
    assert TrialConfig.model_validate(config.model_dump()) == config


@FEW
@given(sweeps())
def test_the_first_corner_is_the_baseline_and_lies_inside_the_domains(tmp_path, data) -> None:
    sweep = loaded(data, tmp_path)
    first = next(corners(sweep.trial))
    assert first == sweep.baseline
    assert all(contains(sweep.open_values[name], value) for name, value in first.items())


def places(data, path=()):
    """Every path into nested mappings and lists."""
    yield path
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield from places(value, (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def misspelt(data, rng):
    """A key of a section or a domain with two letters swapped, and its line of ancestors."""
    labels = [p for p in places(data) if p and isinstance(p[-1], str) and (len(p) < 2 or p[-2] != "choice")]
    path = rng.choice(labels)
    section, key = at(data, path[:-1]), path[-1]
    section[key[::-1] + "q"] = section.pop(key)


def swapped(data, rng):
    """Bounds the wrong way round."""
    path = rng.choice(
        [p for p in places(data) if p and p[-1] in ("uniform", "log", "int") and isinstance(at(data, p), list)]
    )
    at(data, path).reverse()


def not_a_number(data, rng):
    """NaN in the place of a number."""
    numbers = [p for p in places(data) if type(at(data, p)) in (int, float) and at(data, p[:1]) is not None]
    path = rng.choice(numbers)
    at(data, path[:-1])[path[-1]] = rng.choice([float("nan"), float("inf"), float("-inf")])


@pytest.mark.parametrize("mistake", [misspelt, swapped, not_a_number])
@FEW
@given(data=sweeps(), seed=st.integers(0, 2**32))
def test_a_single_mistake_is_always_refused_with_its_line(tmp_path, mistake, data, seed) -> None:
    wrong = copy.deepcopy(data)
    mistake(wrong, random.Random(seed))
    with pytest.raises(InputError) as caught:
        loaded(wrong, tmp_path)
    assert all(problem.line is not None for problem in caught.value.problems)


JUNK = [
    None,
    True,
    0,
    -1,
    3.5,
    float("nan"),
    2**70,
    "",
    "off",
    "a.b",
    [],
    {},
    [[]],
    {"uniform": [0, 1]},
    {"choice": {"a": 1}},
    {"choice": [1, 2]},
    {"choice": {"a": {"uniform": [0, 1]}}},
    {"int": [1, 3], "log": [1, 2]},
    {"kind": "cnn"},
    {"kind": {"choice": ["cnn", "pretrained"]}},
    {"kind": ["x"]},
    {"source": "folder", "path": "\0"},
    {"choice": {"a": {"choice": {"b": [{"int": [1, 2]}]}}}},
    {"step": 1},
    {"uniform": None},
    {"choice": None},
]


@FEW
@given(data=sweeps(), seed=st.integers(0, 2**32))
def test_junk_anywhere_either_loads_or_is_refused_as_input(tmp_path, data, seed) -> None:
    rng = random.Random(seed)
    path = rng.choice([p for p in places(data) if p])
    at(data, path[:-1])[path[-1]] = copy.deepcopy(rng.choice(JUNK))
    problems = []
    try:
        assert next(corners(loaded(data, tmp_path).trial)) is not None
    except InputError as error:
        problems = list(error.problems)
    assert all(problem.line is not None for problem in problems)
