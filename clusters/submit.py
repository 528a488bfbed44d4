"""The script that is sent to a cluster: runs, on the head, the `tunehound` command line that follows it.

`ray submit` copies it to the head's home folder and starts it there; `ray job submit` starts it in a copy of the
working directory. It needs only the standard library. Plain `ray submit` joins the arguments and lets a shell split
them again: quote arguments with spaces or special characters twice, or use `tunehound submit`.

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
"""Tunehound's folder of runs, relative to the current folder."""
BY_RAY = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
"""What Ray sets for every command that it runs by SSH; retraining on the head would be limited to one thread."""
START = """
import sys
try:
    from tunehound import main
except ModuleNotFoundError as error:
    sys.exit(f"{sys.argv[1]}\\n({error})")
except ImportError as error:
    sys.exit(str(error))
del sys.argv[1]
main()
"""
"""The program that takes over; its first argument is its message if tunehound is not installed."""


def main() -> None:
    """Become the tunehound of the checkout that contains this script, else the installed one."""
    checkout = Path(__file__).resolve().parents[1]
    if (checkout / "tunehound.py").is_file():
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(checkout), os.environ.get("PYTHONPATH"))))
    if "working_dir_files" in Path.cwd().parts:
        keep_runs(Path.cwd())
    if all(os.environ.get(name) == value for name, value in BY_RAY.items()):
        for name in BY_RAY:
            del os.environ[name]
    # Replace this process, so that signals and the exit code are tunehound's own. -P: whatever is in the head's home
    # folder, such as a keras.py, must not hide a module.
    os.execv(  # noqa: S606
        sys.executable, [sys.executable, "-P", "-c", START, not_installed(), *sys.argv[1:]]
    )


def keep_runs(folder: Path) -> None:
    """Put the runs of a job into the home folder, because Ray removes a job's working directory."""
    runs, kept = folder / RUNS, Path.home() / RUNS
    if runs.is_symlink() or runs.resolve() == kept:
        return
    if runs.exists():
        sys.exit(
            f"{runs} was uploaded with the job, and Ray will delete it together with any new runs.\n"
            f'Exclude it from the upload: ray job submit --runtime-env-json \'{{"excludes": ["/{RUNS}"]}}\' …'
        )
    kept.mkdir(exist_ok=True)
    runs.symlink_to(kept)


def not_installed() -> str:
    """Return the message if tunehound is not installed."""
    return (
        f"tunehound is not installed for {sys.executable} on {socket.gethostname()}.\n"
        "Install it on every node (`setup_commands` of the cluster file), or put the folder of a Python that has it\n"
        "first on PATH in ~/.bashrc."
    )


if __name__ == "__main__":
    main()
