"""The options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Replaces a value of the file; VALUE is YAML. May be repeated."),
]
Trust = Annotated[
    list[str],
    typer.Option(metavar="MODULE", help="Lets `kind: custom` run this module of yours. May be repeated."),
]
Runs = Annotated[
    str,
    typer.Option("--runs", metavar="DIR|URI", help="The folder that holds runs; or s3://…, gs://… to mirror them to."),
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's folder, its name, the address of its mirror, or `latest`.")
]
SweepArgument = Annotated[
    str, typer.Argument(metavar="SWEEP", help="A sweep file, or the name of a ready one (`tunehound spaces`).")
]
Formats = Annotated[
    list[str],
    typer.Option("--export", metavar="FORMAT", help="Write saved_model, litert or onnx as well. May be repeated."),
]
NO_OVERRIDES: list[str] = []
NO_TRUST: list[str] = []
NO_FORMATS: list[str] = []
RUNS = "runs"


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n\n".join(("Examples:", *lines))


def trust_modules(modules: list[str]) -> None:
    """Lets this process, and the trials that it starts, import what the user named with --trust."""
    if modules:
        from trainables.trust import trust

        trust(modules)
