"""Trains every configuration of a sweep to its last epoch: what did early stopping save, and what did it miss?

python tests/benchmarks/studies/to_the_end.py RUN [--processes 2]

RUN is the folder of a finished run. The configurations that were stopped train again, each with the seed that it had,
two at a time with one thread each; of the others the history is taken. What is finished is kept in
RUN/to_the_end.json, so that the script goes on where it was ended.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from search.run.history import read_history
from search.run.reader import history_file
from spaces.config.metric import maximised
from spaces.file.load import load_config, read_yaml
from trainables.process import prepare


def main() -> None:
    """Trains what is left to train, then prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    board = pd.read_csv(arguments.run / "leaderboard.csv").set_index("trial")
    metric = str(read_yaml(arguments.run / "sweep.yaml")["search"]["metric"])
    kept = arguments.run / "to_the_end.json"
    curves: dict[str, list[float]] = (
        json.loads(kept.read_text()) if kept.exists() else whole(board, arguments.run, metric)
    )
    left = [number for number in board.index if str(number) not in curves]
    with ProcessPoolExecutor(arguments.processes, get_context("spawn"), initializer=settle) as pool:
        waiting = {pool.submit(curve, arguments.run / "trials" / str(number), metric): number for number in left}
        for done in track(as_completed(waiting), "to the end", total=len(left), console=Console(stderr=True)):
            curves[str(waiting[done])] = done.result()
            kept.write_text(json.dumps(curves))
    Console().print(table(board, curves, metric))


def whole(board: pd.DataFrame, run: Path, metric: str) -> dict[str, list[float]]:
    """The curves of the trials that nobody stopped, by number."""
    numbers = board.index[board["reason"].isin(["finished", "patience"])]
    return {str(number): [row[metric] for row in read_history(history_file(run, number))] for number in numbers}


def settle() -> None:
    """One thread a process, as one CPU core a trial."""
    prepare(cpus=1)


def curve(trial: Path, metric: str) -> list[float]:
    """The metric after every epoch of the configuration of a trial, trained without early stopping."""
    from trainables.data.load import load
    from trainables.training.train import train

    config, _ = load_config(trial / "config.yaml")
    data = load(config.data)
    history = train(config, data.train, data.validation, classes=data.class_count, metric=metric).history
    return [row[metric] for row in history]


def table(board: pd.DataFrame, curves: dict[str, list[float]], metric: str) -> Table:
    """Three rows: the baseline, the sweep, the same configurations to the end."""
    best = max if maximised(metric) else min
    ends = {int(number): best(values) for number, values in curves.items()}
    leader, first = best(ends, key=lambda number: ends[number]), int(board.index[0])
    written = int(board.index[board["baseline"]][0])
    shown = Table("what", metric, "epochs", "best configuration")
    shown.add_row("as it was written", f"{ends[written]:.4f}", str(len(curves[str(written)])), f"trial {written}")
    shown.add_row("sweep, stopped early", f"{board[metric].iloc[0]:.4f}", str(board["epochs"].sum()), f"trial {first}")
    total = sum(map(len, curves.values()))
    shown.add_row("same, to the end", f"{ends[leader]:.4f}", str(total), f"trial {leader}")
    shown.caption = f"The sweep's winner reaches {ends[first]:.4f} at the end; rank {rank(ends, first, metric)} there."
    return shown


def rank(ends: dict[int, float], number: int, metric: str) -> str:
    """The place of a trial among all, as ``2 of 24``."""
    sign = -1 if maximised(metric) else 1
    ordered = sorted(ends, key=lambda each: (sign * ends[each], each))
    return f"{ordered.index(number) + 1} of {len(ends)}"


if __name__ == "__main__":
    main()
