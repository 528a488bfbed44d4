"""A sweep over a user's own model, run by someone whose environment is full of credentials."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.search.commands import call

MODULE = """
import keras

def build(values, image_shape, classes):
    x = images = keras.Input(image_shape)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    x = keras.layers.Dense(values["units"], activation="relu")(x)
    return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(x))
"""
LISTED = "LISTED_TOKEN"
SWEEP = f"""
trial:
  data: {{source: digits}}
  model: {{kind: custom, build: my_models:build, values: {{units: {{int: [8, 32], baseline: 16}}}}}}
  training: {{epochs: 1}}
search: {{trials: 2, scheduler: none}}
confirm: off
resources: {{cpus: 2, env: [{LISTED}]}}
"""
PLANTED = {
    "AWS_ACCESS_KEY_ID": "planted-access-key",
    "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
    "AWS_SESSION_TOKEN": "planted-session-token",
    "WANDB_API_KEY": "planted0wandb0key00000000000000000000000",
    "GOOGLE_APPLICATION_CREDENTIALS": "/planted/google.json",
    "db_password": "planted-password",
    LISTED: "planted-listed-token",
}
SPY = """
import json, os
from pathlib import Path

def environment(process):
    entries = Path(f"/proc/{process}/environ").read_bytes().split(b"\\0")
    return dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)

if "SEEN" in os.environ:
    seen = {"own": dict(os.environ), "parent": environment(os.getppid())}
    Path(os.environ["SEEN"], f"{os.getpid()}.json").write_text(json.dumps(seen))
"""


@dataclass(frozen=True)
class Ran:
    """A run `own`, the folder in which it was started, and what each process that imported the module could see."""

    place: Path
    done: subprocess.CompletedProcess[str]
    seen: list[dict[str, dict[str, str]]]

    @property
    def best(self) -> str:
        """The winner's file."""
        return str(self.place / "runs" / "own" / "best.yaml")


def laid_out(place: Path, module: str = MODULE) -> Path:
    """Puts a sweep and the module beside it into a folder of a folder."""
    (place / "project").mkdir()
    (place / "project" / "my_models.py").write_text(module)
    (place / "project" / "mine.yaml").write_text(SWEEP)
    return place


def keep_rays_files(place: Path) -> None:
    """Copies them into the folder: a long name kept them out of it, and the next run but one removes them."""
    [log] = (place / "cache").glob("*.log")
    [folder] = re.findall(r"Ray's own logs.+: (.+)/logs$", log.read_text(), re.MULTILINE)
    for number, file in enumerate(file for file in Path(folder).rglob("*") if file.is_file()):
        (place / "ray").mkdir(exist_ok=True)
        shutil.copyfile(file, place / "ray" / f"{number}-{file.name}")


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A trusted sweep that ran to its end. The files that ask for it are listed in `tests/conftest.py`."""
    place = laid_out(tmp_path_factory.mktemp("ran"), SPY + MODULE)
    folders = {"SEEN": "seen", "TMPDIR": "tmp", "TUNEHOUND_CACHE": "cache"}
    for folder in folders.values():
        (place / folder).mkdir()
    more = PLANTED | {"WANDB_MODE": "offline"} | {name: str(place / folder) for name, folder in folders.items()}
    done = call("run", "project/mine.yaml", "--trust", "my_models", "--name", "own", cwd=place, more=more)
    assert done.returncode == 0, done.stderr
    keep_rays_files(place)
    return Ran(place, done, [json.loads(file.read_text()) for file in (place / "seen").iterdir()])
