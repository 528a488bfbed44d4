"""`tunehound submit`: a tunehound command line, run on a cluster by `ray submit`, every argument as given.

Ray copies one script to the head and nothing else, joins the arguments by spaces and has a shell there split them
again. So the files that the command reads are sent first, and every argument is quoted for that shell.
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

from search.cli.output import told
from spaces.problem import InputError, Problem, WorkFailedError, did_you_mean

SENT = "tunehound-sent"
"""The folder in the home of the head for what was sent, each file in one that is named after its content."""
YAML = (".yaml", ".yml")
STAND_IN = "tunehound-stand-in"
"""Put in the place of an argument to learn what that place is to the command."""
Cluster = Annotated[Path, typer.Argument(metavar="CLUSTER.yaml", help="The file that `ray up` was given.")]
Command = Annotated[
    list[str], typer.Argument(metavar="-- COMMAND…", help="A tunehound command line, without the first word.")
]
Detach = Annotated[
    Literal["screen", "tmux"] | None,
    typer.Option(help="Return at once; on the head it goes on inside this program, which must be installed there."),
]


def submit(ctx: typer.Context, cluster: Cluster, command: Command, detach: Detach = None) -> None:
    """Run a tunehound command on a cluster. Sweep files and configurations that it reads are sent along.

    Every failure on the cluster ends with 1, for that is all that Ray tells; what failed is printed before.
    """
    ray, known = check_cluster(cluster), vars(ctx.find_root().command)["commands"]
    sent = {place: Sent(path) for place, path in check_command(command, known).items()}
    if sent:
        send(ray, cluster, list(sent.values()))
    arguments = [sent[place].argument if place in sent else shlex.quote(word) for place, word in enumerate(command)]
    with as_file(files("clusters") / "submit.py") as script:
        way = [f"--{detach}"] if detach else []
        code = follow([ray, "submit", *way, str(cluster), str(script), "--", *arguments])
    if code == 0 and detach:
        told.print(f"To look at it: ray attach {shlex.quote(str(cluster))} --{detach}", highlight=False)
    raise typer.Exit(code)


class Sent:
    """A file that goes to the head, into a place that depends on nothing but its content and its name."""

    def __init__(self, here: Path) -> None:
        self.here = here
        digest = hashlib.sha256(here.read_bytes()).hexdigest()[:12]
        self.place = PurePosixPath(digest, here.name)
        """In the folder of what was sent."""

    @property
    def argument(self) -> str:
        """What names it to a shell on the head."""
        return "~/" + shlex.quote(str(SENT / self.place))


def check_cluster(cluster: Path) -> str:
    """The `ray` command, by which the cluster can be reached, as far as can be told from here.

    Raises:
        InputError: the file is none of a cluster, or there is no such command.
    """
    from spaces.file.load import read_yaml

    content = read_yaml(cluster)
    if not isinstance(content.get("provider"), Mapping) or "cluster_name" not in content:
        rule, given = "a cluster file has `cluster_name` and `provider`", ", ".join(map(str, content)) or "nothing"
        problem = Problem(rule=rule, given=given, remedy="name the file that `ray up` was given")
        raise InputError([problem], str(cluster))
    ray = shutil.which("ray") or shutil.which("ray", path=Path(sys.executable).parent)
    if ray is None:
        rule, remedy = "the command `ray` must be here", "activate the environment that tunehound is installed in"
        raise InputError([Problem(rule=rule, remedy=remedy)], "tunehound submit")
    return ray


def check_command(command: Sequence[str], known: Mapping[str, Any]) -> dict[int, Path]:
    """The files that a tunehound command line reads, by the place of the word that names them.

    Args:
        command: the words after `tunehound`.
        known: the commands of tunehound, by name.

    Raises:
        InputError: there is no such command; or a file is wrong, or names others by names that lead elsewhere there.
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
    """Whether a word names a YAML file that is here and that the command reads, rather than one that it writes."""
    path = Path(command[place])
    if path.suffix not in YAML or not path.is_file():
        return False
    given, positional = parsed([*command[:place], STAND_IN, *command[place + 1 :]], known)
    values = [given[name] for name in positional]
    return any(STAND_IN in value if isinstance(value, (list, tuple)) else value == STAND_IN for value in values)


def parsed(command: Sequence[str], known: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """What the parameters of a tunehound command line are given, and the names of those that are no options.

    Raises:
        InputError: there is no such command. Wrong options and arguments are a usage error, as for every command.
    """
    name, *words = command
    if name not in known:
        rule, remedy = "what follows -- is a tunehound command line", did_you_mean(name, known)
        raise InputError([Problem(rule=rule, given=name, remedy=remedy)], "tunehound submit")
    context = known[name].make_context(f"tunehound {name}", words)
    return context.params, [each.name for each in known[name].params if each.param_type_name == "argument"]


def send(ray: str, cluster: Path, sent: Sequence[Sent]) -> None:
    """Copies files into the home of the head.

    Raises:
        WorkFailedError: they did not get there.
    """
    with tempfile.TemporaryDirectory() as folder:
        for each in sent:
            staged = Path(folder, each.place)
            staged.parent.mkdir(exist_ok=True)
            shutil.copyfile(each.here, staged)
        command = [ray, "rsync-up", str(cluster), f"{folder}/", f"~/{SENT}/"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode:
        raise WorkFailedError(f"{done.stdout.strip()}\nThe files were not sent; nothing was started on the cluster.")


def follow(command: Sequence[str]) -> int:
    """Runs a command at this terminal to its end; its exit code. Ctrl-C is the command's business."""
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
