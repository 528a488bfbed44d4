"""The script that is sent to a cluster: runs, on the head, the `tunehound` command line that follows it.

`ray submit` copies it to the home folder of the head and starts it there, `ray job submit` inside a copy of the folder
that it was given. Nothing but the standard library is needed here. Plain `ray submit` joins the arguments and lets a
shell split them: what holds spaces or other special characters is quoted twice, or sent by `tunehound submit`.

    ray submit clusters/onprem.yaml clusters/submit.py -- run digits --set search.trials=8
    ray submit clusters/onprem.yaml clusters/submit.py -- run digits --name "'first try'"
    ray job submit --address http://127.0.0.1:8265 --working-dir . --no-wait -- python clusters/submit.py run digits
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

RUNS = "runs"
"""Where tunehound keeps runs, from the folder it is started in."""
BY_RAY = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
"""What Ray sets for every command that it runs by SSH: a model that is retrained on the head would have one thread."""
START = """
import sys
try:
    from search.cli.app import main
except ModuleNotFoundError as error:
    sys.exit(f"{sys.argv[1]}\\n({error})")
del sys.argv[1]
main()
"""
"""The program that takes over; its first argument is what it says where tunehound is not installed."""


def main() -> None:
    """Becomes the tunehound of the checkout that this script lies in, else the one that is installed."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "search" / "cli" / "app.py").is_file():
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(checkout), os.environ.get("PYTHONPATH"))))
    if "working_dir_files" in Path.cwd().parts:
        keep_runs(Path.cwd())
    if all(os.environ.get(name) == value for name, value in BY_RAY.items()):
        for name in BY_RAY:
            del os.environ[name]
    # Another program in the same process, so that signals and the exit code are its own. -P: what happens to lie in
    # the home folder of the head, a keras.py say, is none of tunehound's modules.
    os.execv(  # noqa: S606
        sys.executable, [sys.executable, "-P", "-c", START, missing(), *sys.argv[1:]]
    )


def keep_runs(folder: Path) -> None:
    """Lets the runs of a job lie in the home folder: Ray removes the folder of a job, with all that is in it."""
    runs, kept = folder / RUNS, Path.home() / RUNS
    if runs.is_symlink() or runs.resolve() == kept:
        return
    if runs.exists():
        sys.exit(
            f"{runs} came with the job, and Ray will remove it with whatever is added to it.\n"
            f'Leave it out of what is sent: ray job submit --runtime-env-json \'{{"excludes": ["/{RUNS}"]}}\' …'
        )
    kept.mkdir(exist_ok=True)
    runs.symlink_to(kept)


def missing() -> str:
    """What to say where tunehound is not installed."""
    return (
        f"tunehound is not installed for {sys.executable} on {socket.gethostname()}.\n"
        "Install it on every node (`setup_commands` of the cluster file), or let ~/.bashrc put the folder of a python\n"
        "that has it first on PATH."
    )


if __name__ == "__main__":
    main()
