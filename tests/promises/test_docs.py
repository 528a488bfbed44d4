"""What the pages say can be typed, opened and loaded: commands, links, sweeps, Python, files. Nothing is run."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from PIL import Image

from spaces.config.settings import Settings
from spaces.config.trial import TrialConfig
from spaces.file.load import load_sweep
from spaces.file.sweep import SECTIONS
from spaces.problem import InputError
from tests.promises.pages import PROGRAMS, ROOT, Page, page, pages
from tests.promises.typed import ROOMS, check, check_line, is_name, our_cli

PAGES = pages()
README = page("README.md")
MISTAKES = {"[16, 64]": "[16, 60]", "dropout:": "droput:", "[1.0e-6, ": "[0.0, ", "grace_epochs: 3": "grace_epochs: 27"}
"""What is wrong with the sweep whose check docs/sweep-file.md shows, against the one that it shows before."""
MAX_README_BYTES, MAX_PICTURE_BYTES = 8_000, 300_000


# Commands

COMMANDS = [pytest.param(words, id=f"{each}: {shlex.join(words)}") for each in PAGES for words in each.commands()]
MENTIONS = [pytest.param(words, id=f"{each}: {shlex.join(words)}") for each in PAGES for words in each.mentions()]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_can_be_typed(words: list[str]) -> None:
    check(words)


@pytest.mark.parametrize("words", MENTIONS)
def test_a_command_in_the_text_exists(words: list[str]) -> None:
    if not is_name(words):
        check(words)


@pytest.mark.parametrize(
    "line",
    [
        "tunehound fly digits",
        "tunehound run digits --fast",
        "tunehound leaderboard latest --top many",
        "tunehound run",
        "tunehound run dogs",
        "tunehound run digits --set model.droput=0.3",
        "tunehound submit clusters/aws.yaml -- run digits --fast",
        "tunehound submit clusters/moon.yaml -- run digits",
        "make tea",
        "python tests/benchmarks/nothing.py",
        "python tests/benchmarks/memory.py --nothing",
        "python -m trainables CONFIG.yaml --nothing",
        "pytest tests/nothing.py",
        "pip install 'tunehound[nothing]'",
        "ray exec clusters/aws.yaml 'tunehound leaderbord latest'",
        "ray submit clusters/aws.yaml clusters/submit.py -- run digits --fast",
        "ray up --nothing clusters/aws.yaml",
        "tunehoud run digits",
    ],
)
def test_a_command_that_cannot_be_typed_is_found(line: str) -> None:
    with pytest.raises(Exception):  # noqa: B017 - Click's, Typer's, ours or an assertion
        check_line(line)


def test_commands_are_found_in_blocks_and_in_the_text() -> None:
    assert len(COMMANDS) > 50
    assert len(MENTIONS) > 50
    assert {words[0] for each in PAGES for words in each.commands() + each.mentions()} >= set(PROGRAMS)


# Links and files


@pytest.mark.parametrize("each", PAGES, ids=str)
def test_links_lead_somewhere(each: Page) -> None:
    for link in each.links:
        name, _, anchor = link.partition("#")
        if name.startswith("https://"):
            continue
        target = (each.path.parent / name).resolve() if name else each.path
        assert target.exists(), link
        assert not anchor or anchor in Page(target).anchors, link


def test_every_page_can_be_reached() -> None:
    linked = {(each.path.parent / link.partition("#")[0]).resolve() for each in PAGES for link in each.links}
    assert {each.path for each in PAGES if each.path.parent.name == "docs"} <= linked


@pytest.mark.parametrize("each", [each for each in PAGES if each.path.name != "CHANGELOG.md"], ids=str)
def test_files_that_are_named_are_there(each: Page) -> None:
    assert [name for name in each.spans if re.fullmatch(r"[\w./-]+", name) and is_lost(name)] == []


def is_lost(name: str) -> bool:
    return name.startswith(ROOMS) and not (ROOT / name).exists()


def test_the_tree_names_files_that_are_there() -> None:
    (tree,) = (block.text for block in README.blocks if block.language == "text")
    files = list(named_files(tree))
    assert len(files) > 20
    assert [file for file in files if not (ROOT / file).exists()] == []


def named_files(tree: str) -> Iterator[str]:
    """The paths of a tree, and of the files that a line names beside its own."""
    room = ""
    for line in tree.splitlines():
        first, *others = re.findall(r"[\w./]+(?:\.py|\.md|/)(?=[\s:;]|$)", line)
        room = room if line.startswith(" ") else first if first.endswith("/") else ""
        yield room + first if line.startswith(" ") else first
        folder = (room + first).rpartition("/")[0] if line.startswith(" ") else ""
        yield from (f"{folder}/{other}".lstrip("/") for other in others)


def test_the_readme_is_a_map_with_a_picture() -> None:
    assert len(README.text.encode()) <= MAX_README_BYTES
    picture = ROOT / next(link for link in README.links if link.endswith(".png"))
    assert picture.stat().st_size <= MAX_PICTURE_BYTES
    with Image.open(picture) as image:
        image.verify()


# Sweeps and Python


@pytest.mark.parametrize("each", PAGES, ids=str)
def test_sweep_files_load(each: Page, tmp_path: Path) -> None:
    for number, block in enumerate(block for block in each.blocks if block.language == "yaml"):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block.text, encoding="utf-8")
        assert load_sweep(file, check_files=False).baseline


def test_the_check_that_is_shown_is_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = page("docs/sweep-file.md").blocks
    text = next(block.text for block in blocks if block.language == "yaml")
    for right, wrong in MISTAKES.items():
        assert right in text
        text = text.replace(right, wrong)
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as said:
        load_sweep("mine.yaml", check_files=False)
    shown = next(block.text for block in blocks if block.text.startswith("$ tunehound plan mine.yaml --check"))
    assert str(said.value) == shown.partition("\n")[2].rstrip("\n")


def test_what_is_set_in_a_sweep_of_the_reader_fits_the_one_that_is_shown(tmp_path: Path) -> None:
    (block,) = (block for block in README.blocks if block.language == "yaml")
    file = tmp_path / "mine.yaml"
    file.write_text(block.text, encoding="utf-8")
    lines = [words for each in PAGES for words in each.commands() if "mine.yaml" in words and "--set" in words]
    assert lines
    for words in lines:
        overrides = [value for option, value in itertools.pairwise(words) if option == "--set"]
        load_sweep(file, overrides, check_files=False)


@pytest.mark.parametrize("each", PAGES, ids=str)
def test_python_calls_what_tunehound_offers(each: Page) -> None:
    for block in each.blocks:
        if block.language != "python":
            continue
        tree = ast.parse(block.text)
        face = importlib.import_module("tunehound")
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("tunehound"), attr=name), args=given, keywords=named):
                    arguments = {str(each.arg): None for each in named}
                    inspect.signature(getattr(face, name)).bind(*given, **arguments)


# Nothing is left out


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by what is typed."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
    for name, each in (inner or {}).items():
        yield from leaves(each, f"{path} {name}")


def test_every_command_and_option_is_described() -> None:
    text = page("docs/commands.md").text
    rows = {name: row for row in text.splitlines() if row.startswith("| `tunehound") for name in [row.split("`")[1]]}
    for name, command in leaves(our_cli(), "tunehound"):
        row = next((row for typed, row in rows.items() if typed == name or typed.startswith(f"{name} ")), "")
        longest = {max(each.opts, key=len) for each in command.params if each.param_type_name == "option"}
        assert {option for option in longest - {"--help"} if f"`{option}`" not in row} == set(), name


def sections(model: type[Settings]) -> Iterator[type[Settings]]:
    """A settings model and all that its fields hold."""
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from sections(inner)


def models_in(annotation: Any) -> Iterator[type[Settings]]:
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, Settings):
        yield annotation
    if get_origin(annotation) in (Union, UnionType) or get_args(annotation):
        for part in get_args(annotation):
            yield from models_in(part)


def test_every_key_of_a_sweep_file_is_described() -> None:
    spans = set(page("docs/sweep-file.md").spans)
    models = {each for top in (TrialConfig, *SECTIONS.values()) for each in sections(top)}
    assert len(models) > 15
    words = {word for span in spans for word in re.findall(r"\w+", span)}
    lacking = {f"{model.__name__}.{name}" for model in models for name in model.model_fields if name not in words}
    assert lacking == set()
