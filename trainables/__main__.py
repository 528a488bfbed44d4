"""Train one closed configuration and print its metrics after each epoch: ``python -m trainables CONFIG.yaml``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spaces.config.trial import TrialConfig
    from trainables.training.history import Reason


def main() -> int:
    """Return the exit code: 0 trained; 1 the loss was not finite; 2 invalid input, or a package of ours is shadowed."""
    parser = argparse.ArgumentParser(prog="python -m trainables", description=__doc__)
    parser.add_argument("config", help="a closed configuration, such as best.yaml or trials/0/config.yaml of a run")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides")
    parser.add_argument("--trust", action="append", default=[], metavar="MODULE", help="allow this module to be run")
    arguments = parser.parse_args()
    try:
        from spaces.problem import InputError
    except ImportError as error:
        return _explain(error)
    try:
        reason = _train(_load(arguments))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"ended: {reason}")
    return 1 if reason == "diverged" else 0


def _explain(failed: ImportError) -> int:
    """Names the file that hides `spaces`: `-m` looks into the current folder first."""
    try:
        import tunehound  # noqa: F401  # fails with a sentence, where a package of ours is hidden
    except ImportError as error:
        print(error, file=sys.stderr)
        return 2
    raise failed


def _load(arguments: argparse.Namespace) -> TrialConfig:
    from spaces.file.load import load_config
    from trainables.preflight.compatibility import check_compatibility
    from trainables.trust import trust

    trust(arguments.trust)
    config, _ = load_config(arguments.config, arguments.overrides)
    check_compatibility(config, source=arguments.config)
    return config


def _train(config: TrialConfig) -> Reason:
    from spaces.container import usable_cpus
    from trainables.data.load import load
    from trainables.process import prepare

    prepare(cpus=usable_cpus())
    from trainables.training.train import Hooks, train

    dataset = load(config.data)
    hooks = Hooks(on_epoch=lambda row, reason, snapshot: print(_line(row), flush=True))
    return train(config, dataset.train, dataset.validation, classes=dataset.class_count, hooks=hooks).reason


def _line(row: dict[str, float]) -> str:
    return "  ".join(f"{name}={value:.6g}" for name, value in row.items())


if __name__ == "__main__":
    sys.exit(main())
