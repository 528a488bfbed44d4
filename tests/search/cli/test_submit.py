"""A command line reaches the cluster as it was given, with its files; a wrong one is refused before anything moves."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ray.autoscaler._private.command_runner import _with_interactive

from tests.search.commands import TINY, called

CLUSTER = "cluster_name: lab\nprovider: {type: local, head_ip: 192.0.2.1, worker_ips: []}\n"
RECORDER = "import json, pathlib, sys\nwith pathlib.Path('{file}').open('a') as file:\n"
RECORDER += "    file.write(json.dumps(sys.argv[1:]) + '\\n')\n"
NASTY = [
    "a b",
    "it's",
    'say "so"',
    "x=1;touch harm",
    "$(touch harm)",
    "`touch harm`",
    "zwei\nZeilen",
    "Größe",
    "*",
    "~",
    "",
]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a cluster file and a sweep; a `ray` that writes down what it is given, and fails when told to."""
    (tmp_path / "bin").mkdir()
    ray = tmp_path / "bin" / "ray"
    copy = (
        "import os, shutil\nif sys.argv[1] == 'rsync-up': shutil.copytree(sys.argv[3], 'there', dirs_exist_ok=True)\n"
    )
    recorder = RECORDER.format(file=tmp_path / "said")
    ray.write_text(f"#!{sys.executable} -IS\n{recorder}{copy}sys.exit(int(os.environ.get('RAY_CODE', 0)))\n")
    ray.chmod(0o755)
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    (tmp_path / "mine.yaml").write_text(TINY)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(desk: Path) -> list[list[str]]:
    """What `ray` was given, call by call."""
    return [json.loads(line) for line in (desk / "said").read_text().splitlines()] if (desk / "said").exists() else []


def arrived(desk: Path, words: list[str]) -> list[str]:
    """The arguments of the script on the head, after Ray and a shell there had what `ray submit` was given."""
    (desk / "submit.py").write_text(RECORDER.format(file=desk / "arrived"))
    joined = " ".join(["python", "~/submit.py", *words])  # as `ray submit` does it
    (desk / ".bashrc").write_text(f"export PATH={Path(sys.executable).parent}:/usr/bin:/bin\n")
    environment = {"HOME": str(desk), "LC_ALL": "C"}
    # A session of its own: an interactive shell would take the terminal away from whoever runs the tests.
    shell = " ".join(_with_interactive(joined))
    subprocess.run(["sh", "-c", shell], env=environment, cwd=desk, start_new_session=True, capture_output=True)
    [given] = (desk / "arrived").read_text().splitlines()
    return list(json.loads(given))


def test_every_argument_arrives_as_it_was_given(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["leaderboard", *NASTY, "--runs", "my runs; $HOME"]
    code, _, err = called(capsys, "submit", "cluster.yaml", "--", *command)
    assert code == 0, err
    [ray] = said(desk)
    assert ray[:2] == ["submit", "cluster.yaml"]
    assert Path(ray[2]).name == "submit.py"
    assert arrived(desk, ray[ray.index("--") + 1 :]) == command
    assert not (desk / "harm").exists()


def test_a_file_is_sent_into_a_place_named_by_its_content(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "mine.yaml").rename(desk / "my sweep.yaml")
    command = ["run", "my sweep.yaml", "--set", "search.trials=2", "--name", "my sweep.yaml"]
    assert called(capsys, "submit", "cluster.yaml", "--detach", "tmux", "--", *command)[0] == 0
    up, ray = said(desk)
    assert (up[0], up[3]) == ("rsync-up", "~/tunehound-sent/")
    assert ray[:3] == ["submit", "--tmux", "cluster.yaml"]
    there = arrived(desk, ray[ray.index("--") + 1 :])
    assert there[2:] == command[2:]
    assert Path(desk, "there", Path(there[1]).relative_to(desk / "tunehound-sent")).read_text() == TINY


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("run mine.yaml --set search.trials=none", "search.trials"),
        ("run mine.yml", "mine.yml"),
        ("run digit", "did you mean digits?"),
        ("rum digits", "did you mean run?"),
        ("run digits --trials 3", "--trials"),
        ("run", "SWEEP"),
        ("run photos.yaml", "data.path"),
        ("run mine.yaml --set 'data={source: npz, path: a.npz}'", "absolute"),
        ("retrain best.yaml", "data.path"),
    ],
)
def test_a_wrong_command_is_refused_before_anything_is_sent(
    desk: Path, capsys: pytest.CaptureFixture[str], command: str, told: str
) -> None:
    photos = TINY.replace("{source: digits}", "{source: folder, path: photos, image_size: 8}")
    (desk / "photos.yaml").write_text(photos)
    (desk / "best.yaml").write_text(
        "data: {source: npz, path: a.npz}\nmodel: {kind: cnn, blocks: 1}\ntraining: {epochs: 1}\n"
    )
    code, _, err = called(capsys, "submit", "cluster.yaml", "--", *shlex.split(command))
    assert code == 2
    assert told in err
    assert not said(desk)


def test_a_file_with_absolute_names_is_sent_though_they_are_not_here(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = TINY.replace("{source: digits}", "{source: folder, path: /data/photos, image_size: 8}")
    (desk / "photos.yaml").write_text(photos)
    code, _, err = called(capsys, "submit", "cluster.yaml", "--", "run", "photos.yaml")
    assert code == 0, err


def test_what_is_no_cluster_file_is_refused(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "submit", "mine.yaml", "--", "run", "digits")
    assert code == 2
    assert "cluster_name" in err


def test_a_failure_on_the_way_and_one_on_the_cluster_end_with_1(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_CODE", "1")
    assert called(capsys, "submit", "cluster.yaml", "--", "run", "digits")[0] == 1
    code, _, err = called(capsys, "submit", "cluster.yaml", "--", "run", "mine.yaml")
    assert code == 1
    assert "nothing was started" in err
