"""`tunehound submit`: run a tunehound command on a cluster through `ray submit`, with its arguments unchanged.

Ray copies only one script to the head node, joins the arguments with spaces and lets a shell there split them again.
So the files that the command reads are uploaded first, and every argument is quoted for that shell.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import typer

from search.cli.output import console
from spaces.problem import InputError, Problem, WorkFailedError, did_you_mean

UPLOADS = "tunehound-sent"
"""The upload folder in the home directory of the head node; each file goes to a subfolder named after its content."""
YAML = (".yaml", ".yml")
PLACEHOLDER = "tunehound-stand-in"
"""Takes the place of an argument to find out which parameter it belongs to."""
Cluster = Annotated[Path, typer.Argument(metavar="CLUSTER.yaml", help="The cluster file that you gave to `ray up`.")]
Command = Annotated[
    list[str], typer.Argument(metavar="-- COMMAND…", help="A tunehound command line without the leading `tunehound`.")
]
Detach = Annotated[
    Literal["screen", "tmux"] | None,
    typer.Option(help="Return at once; the command continues inside this program, which the head node must have."),
]


def submit(ctx: typer.Context, cluster: Cluster, command: Command, detach: Detach = None) -> None:
    """Run a tunehound command on a cluster. Sweep files and configurations that it reads are uploaded first.

    Any failure on the cluster exits with 1, since Ray reports no more than that; the error itself is printed before.
    """
    ray, known = check_cluster(cluster), vars(ctx.find_root().command)["commands"]
    uploads = {place: UploadedFile(path) for place, path in check_command(command, known).items()}
    if uploads:
        upload(ray, cluster, list(uploads.values()))
    arguments = [uploads[at].argument if at in uploads else shlex.quote(word) for at, word in enumerate(command)]
    with as_file(files("clusters") / "submit.py") as script:
        way = [f"--{detach}"] if detach else []
        code = follow([ray, "submit", *way, str(cluster), str(script), "--", *arguments])
    if code == 0 and detach:
        console.print(f"To attach to it: ray attach {shlex.quote(str(cluster))} --{detach}", highlight=False)
    raise typer.Exit(code)


class UploadedFile:
    """A file to upload to the head node; its destination depends only on its content and its name."""

    def __init__(self, source: Path) -> None:
        self.source = source
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
        self.destination = PurePosixPath(digest, source.name)
        """Relative to the upload folder."""

    @property
    def argument(self) -> str:
        """The path of the file, quoted for a shell on the head node."""
        return "~/" + shlex.quote(str(UPLOADS / self.destination))


def check_cluster(cluster: Path) -> str:
    """Check the cluster file and return the path of the `ray` command.

    Raises:
        InputError: the file does not describe a cluster, or `ray` is not installed.
    """
    from spaces.file.load import read_yaml

    content = read_yaml(cluster)
    if not isinstance(content.get("provider"), Mapping) or "cluster_name" not in content:
        rule, given = "a cluster file has `cluster_name` and `provider`", ", ".join(map(str, content)) or "nothing"
        problem = Problem(rule=rule, given=given, remedy="give the file that you gave to `ray up`")
        raise InputError([problem], str(cluster))
    ray = shutil.which("ray") or shutil.which("ray", path=Path(sys.executable).parent)
    if ray is None:
        rule, remedy = "the command `ray` must be installed", "activate the environment that tunehound is installed in"
        raise InputError([Problem(rule=rule, remedy=remedy)], "tunehound submit")
    return ray


def check_command(command: Sequence[str], known: Mapping[str, Any]) -> dict[int, Path]:
    """Check a tunehound command line and return the files that it reads, by the position of the word that names them.

    Args:
        command: the words after `tunehound`.
        known: the commands of tunehound, by name.

    Raises:
        InputError: there is no such command, a file is invalid, or it refers to files by relative paths, which mean
                something else on the cluster.
    """
    from spaces.file.load import load_config, load_sweep, read_yaml

    given, _ = parsed(command, known)
    overrides = list(given.get("overrides") or ())
    read = {place: Path(word) for place, word in enumerate(command) if is_read(command, place, known)}
    for path in read.values():
        load = load_sweep if "trial" in read_yaml(path) else load_config
        load(str(path), overrides, elsewhere=True)
    sweep = given.get("sweep")
    if isinstance(sweep, str) and not read and not PurePosixPath(sweep).is_absolute():
        load_sweep(sweep, overrides, elsewhere=True)
    return read


def is_read(command: Sequence[str], place: int, known: Mapping[str, Any]) -> bool:
    """Whether a word names an existing YAML file that the command reads, rather than one that it writes."""
    path = Path(command[place])
    if path.suffix not in YAML or not path.is_file():
        return False
    given, positional = parsed([*command[:place], PLACEHOLDER, *command[place + 1 :]], known)
    values = [given[name] for name in positional]
    return any(PLACEHOLDER in value if isinstance(value, (list, tuple)) else value == PLACEHOLDER for value in values)


def parsed(command: Sequence[str], known: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Parse a tunehound command line; return the values of its parameters and the names of the positional ones.

    Raises:
        InputError: there is no such command. Invalid options and arguments are usage errors, as for any command.
    """
    name, *words = command
    if name not in known:
        rule, remedy = "-- must be followed by a tunehound command line", did_you_mean(name, known)
        raise InputError([Problem(rule=rule, given=name, remedy=remedy)], "tunehound submit")
    context = known[name].make_context(f"tunehound {name}", words)
    return context.params, [each.name for each in known[name].params if each.param_type_name == "argument"]


def upload(ray: str, cluster: Path, uploads: Sequence[UploadedFile]) -> None:
    """Copy files to the home directory of the head node.

    Raises:
        WorkFailedError: the upload failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        for each in uploads:
            staged = Path(folder, each.destination)
            staged.parent.mkdir(exist_ok=True)
            shutil.copyfile(each.source, staged)
        command = [ray, "rsync-up", str(cluster), f"{folder}/", f"~/{UPLOADS}/"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode:
        raise WorkFailedError(f"{done.stdout.strip()}\nThe upload failed; nothing was started on the cluster.")


def follow(command: Sequence[str]) -> int:
    """Run a command in this terminal and return its exit code. The command handles Ctrl-C itself."""
    with subprocess.Popen(command) as process:
        before = {
            signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
        }
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return code if code >= 0 else 128 - code
