"""Whatever is read is plain data: no module of ours knows how to unpickle or to evaluate."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("spaces", "trainables", "search", "clusters")
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}
CALLS = {"eval", "exec", "__import__", "enable_unsafe_deserialization", "system", "popen"}
OPTIONS = {("allow_pickle", True), ("safe_mode", False), ("shell", True), ("trust_remote_code", True)}


def forbidden(code: ast.AST) -> Iterator[str]:
    """What of the above a module imports or calls."""
    for node in ast.walk(code):
        match node:
            case ast.Import(names=names):
                yield from {name.name.split(".")[0] for name in names} & MODULES
            case ast.ImportFrom(module=str(module)):
                yield from {module.split(".")[0]} & MODULES
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), keywords=keywords):
                yield from {called} & CALLS
                given = {(each.arg, each.value.value) for each in keywords if isinstance(each.value, ast.Constant)}
                yield from (f"{option}={value}" for option, value in given & OPTIONS)


def test_no_module_unpickles_or_evaluates() -> None:
    files = [*ROOT.glob("*.py"), *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))]
    assert len(files) > 50
    found = {str(file): set(forbidden(ast.parse(file.read_text(encoding="utf-8")))) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


def test_what_is_forbidden_is_found() -> None:
    for line in (
        "import pickle",
        "from yaml import load",
        "eval('1')",
        "np.load(f, allow_pickle=True)",
        "os.system('')",
    ):
        assert list(forbidden(ast.parse(line)))
