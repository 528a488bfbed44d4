"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from search.cli.completion import run_names, sweep_names

Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value of the file; VALUE is YAML. Can be repeated."),
]
Trust = Annotated[
    list[str],
    typer.Option(metavar="MODULE", help="Allow `kind: custom` to run this module of yours. Can be repeated."),
]
Runs = Annotated[
    str,
    typer.Option("--runs", metavar="DIR|URI", help="The folder for runs, or a URI (s3://…, gs://…) to mirror them to."),
]
RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="The folder or name of a run, the URI of its mirror, or `latest`.",
        autocompletion=run_names,
    ),
]
SweepArgument = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP",
        help="A sweep file, or the name of a ready-made sweep (see `tunehound spaces`).",
        autocompletion=sweep_names,
    ),
]
Formats = Annotated[
    list[str],
    typer.Option("--export", metavar="FORMAT", help="Also export as saved_model, litert or onnx. Can be repeated."),
]
NO_OVERRIDES: list[str] = []
NO_TRUST: list[str] = []
NO_FORMATS: list[str] = []
RUNS = "runs"


def examples(*lines: str) -> str:
    """Return the examples that end a command's help."""
    return "\n\n".join(("Examples:", *lines))


def trust_modules(modules: list[str]) -> None:
    """Allow this process and the trials it starts to import the modules named with --trust."""
    if modules:
        from trainables.trust import trust

        trust(modules)
