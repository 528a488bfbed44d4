"""Every command that is shown can be pasted into a shell, whatever the names in it are."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from search.cli.output import conclude, show_scores, show_sync_result
from search.find import find_best, find_retrained
from search.report.provenance import retrain_part
from search.results.export import best_config, header
from search.results.leaderboard import leaderboard
from search.run.directory import new_directory
from search.run.reader import open_run
from search.tracking.sync import SyncResult
from search.tuner.driver import RunResult, SweepFailedError
from spaces.problem import InputError
from tests.search.commands import called
from tests.search.new.test_inspect import archive
from tests.search.runs import make_run
from tests.spaces.test_shell import read_by_bash
from trainables.retrain.retrain import RetrainResult
from trainables.trust import trust_options

FOLDER = Path("-my $runs; it's été")
SHOWN = f"./{FOLDER}"
RUN = f"{SHOWN}/one"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in a folder whose name is harmful, and a `tunehound` to be called."""
    desk = tmp_path_factory.mktemp("desk")
    make_run(desk / FOLDER / "one")
    (desk / "bin").mkdir()
    (desk / "bin" / "tunehound").touch(mode=0o755)
    return desk


@pytest.fixture(autouse=True)
def _at_the_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    monkeypatch.setenv("PATH", f"{desk / 'bin'}:/usr/bin:/bin")


def commands_in(text: str) -> list[list[str]]:
    """Return the words of every command that a text shows, as bash reads them."""
    return read_by_bash(*re.findall(r"tunehound [a-z]+ [^\n`…]*", text))


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


ERRORS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "no best configuration": (lambda: find_best(str(FOLDER / "one")), ["resume", RUN]),
    "not retrained": (lambda: find_retrained(str(FOLDER / "one")), ["retrain", RUN]),
    "a name that is taken": (lambda: new_directory(FOLDER, "one", {}), ["resume", RUN]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_shows_what_to_do(name: str) -> None:
    call, expected = ERRORS[name]
    assert commands_in(error_of(call)) == [expected]


def test_a_rank_that_is_not_there_shows_the_command_that_lists_them() -> None:
    [words] = commands_in(error_of(lambda: best_config(FOLDER / "one", 99)))
    assert words == ["leaderboard", str(Path.cwd() / FOLDER / "one"), "shows", "the", "ranks"]


def test_what_ends_a_sweep_shows_how_to_continue_it() -> None:
    error = SweepFailedError(FOLDER / "one", RuntimeError("died"), Path("log"))
    assert commands_in(str(error)) == [["resume", RUN, *trust_options().split()]]


@pytest.mark.parametrize("interrupted", [True, False])
def test_what_follows_a_sweep_is_shown(interrupted: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run = open_run(FOLDER / "one")
    (FOLDER / "one" / "best.yaml").touch()
    reason = "budget.hours is spent"
    result = RunResult(directory=FOLDER / "one", run=run, interrupted=interrupted, reason=reason, log=Path("log"))
    try:
        conclude(result)
    except typer.Exit:
        assert interrupted
    finally:
        (FOLDER / "one" / "best.yaml").unlink()
    last = ["resume", RUN] if interrupted else ["retrain", f"{RUN}/best.yaml"]
    assert commands_in(capsys.readouterr().err) == [["resume", RUN, "--set", "budget.hours=MORE"], last]


def test_what_follows_a_retraining_or_a_failed_upload_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    show_scores(RetrainResult(folder=FOLDER / "model", scores=({"accuracy": 1.0},), test_images=1, not_exported={}))
    with pytest.raises(typer.Exit):
        show_sync_result(SyncResult(missing_trials=1), FOLDER / "one")
    shown = capsys.readouterr().err.replace(" IMAGE", "")
    assert commands_in(shown) == [["predict", f"{SHOWN}/model"], ["sync", RUN]]


def test_the_report_and_best_yaml_show_how_to_retrain() -> None:
    run = open_run(FOLDER / "one")
    (FOLDER / "one" / "best.yaml").touch()
    page = html.unescape(re.sub(r"<[^>]*>", "\n", retrain_part(run, leaderboard(run))))
    (FOLDER / "one" / "best.yaml").unlink()
    assert commands_in(page) == [["retrain", f"{RUN}/best.yaml"]]
    assert commands_in(header(FOLDER / "-best of $all.yaml")) == [["retrain", "./-best of $all.yaml"]]


def test_a_sweep_file_shows_how_to_run_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "new", str(archive(tmp_path)), "-o", "./-my $first.yaml")
    assert code == 0, err
    assert commands_in(err) == [["run", "./-my $first.yaml"]]
    comments = "\n".join(line for line in Path("-my $first.yaml").read_text().splitlines() if line.startswith("#   "))
    assert commands_in(comments) == [["plan", "./-my $first.yaml", "--check"], ["run", "./-my $first.yaml"]]


def test_no_command_is_put_together_elsewhere() -> None:
    root = Path(__file__).parents[2]
    inserted = re.compile(r"tunehound (?:resume|report|sync|retrain|predict|export|leaderboard|run|plan|new) [^`\"]*\{")
    sources = [file for room in ("search", "trainables", "clusters", "spaces") for file in (root / room).rglob("*.py")]
    assert not [file.name for file in sources if inserted.search(file.read_text())]
