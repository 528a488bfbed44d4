"""Find problems that only appear when a model is built, by building it in a separate process before anything starts.

This takes some seconds, mostly to import TensorFlow, so it is only done if arithmetic (`compatibility`) is not enough:
for a user's function, and for a weights file. This process does not load TensorFlow or use GPUs, and survives whatever
a user's function does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from spaces.config.trial import CustomModel, PretrainedModel, TrialConfig
from spaces.container import usable_cpus
from spaces.file.load import load_config
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem
from trainables.dataset import DataInfo
from trainables.preflight.compatibility import weights_file
from trainables.process import child_environment
from trainables.trust import trust, trusted

Trial = tuple[TrialConfig, DataInfo]


def dry_build(trials: Iterable[Trial], *, env: Collection[str] = ()) -> list[Problem]:
    """Build the models of these trials that arithmetic cannot check, each distinct one once, and return the problems.

    The trials must have passed `trainables.preflight.compatibility.incompatibilities`. Nothing is trained. ``env``: see
    `trainables.process.child_environment`.
    """
    different: dict[str, Trial] = {}
    for trial in trials:
        key = _key(*trial)
        if key is not None:
            different.setdefault(key, trial)
    if not different:
        return []
    with tempfile.TemporaryDirectory(prefix="tunehound-") as folder:
        answers, why = _ask(Path(folder), list(different.values()), env)
    found = [problem for answer in answers for problem in answer]
    if len(answers) < len(different):
        config, _ = list(different.values())[len(answers)]
        found.append(_unbuilt(config, why))
    return [replace(problem, path=("trial", *problem.path)) for problem in found]


def _ask(folder: Path, trials: Sequence[Trial], env: Collection[str]) -> tuple[list[list[Problem]], str]:
    """Return the problems of each model that the other process tried to build, and how that process ended."""
    for number, (config, _) in enumerate(trials):
        write_yaml(folder / f"{number}.yaml", config.model_dump(mode="json"))
    shapes = [(data.image_shape, len(data.class_names)) for _, data in trials]
    (folder / "asked.json").write_text(json.dumps({"trusted": sorted(trusted()), "shapes": shapes}))
    with (folder / "output.txt").open("w") as output:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "trainables.preflight.dry_build", str(folder)],
            env=child_environment(gpus="-1", env=env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    printed = (folder / "output.txt").read_text(errors="replace").strip() or "none"
    return _answers(folder), f"exit code {ended.returncode}; its last output: {printed.splitlines()[-1][:300]}"


def _key(config: TrialConfig, data: DataInfo) -> str | None:
    """Return what determines whether a model can be built, as text; None if arithmetic is enough."""
    model = config.model
    if isinstance(model, CustomModel):
        return repr((model, config.training.mixed_precision, data.image_shape, len(data.class_names)))
    if isinstance(model, PretrainedModel) and weights_file(model) is not None:
        return repr((model.backbone, model.alpha, model.weights))
    return None


def _answers(folder: Path) -> list[list[Problem]]:
    """Return the problems of each model that was tried."""
    file = folder / "answers.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [[Problem(**{**problem, "path": tuple(problem["path"])}) for problem in json.loads(line)] for line in lines]


def _unbuilt(config: TrialConfig, given: str) -> Problem:
    """Return the problem to report if no better rule is known."""
    field = "build" if isinstance(config.model, CustomModel) else "weights"
    rule, remedy = "it must be possible to build the model", "build it in a Python session of your own to see why"
    return Problem(path=("model", field), rule=rule, given=f"{getattr(config.model, field)}: {given}", remedy=remedy)


def main(folder: Path) -> None:
    """Run the other process: build one model after the other and write a line of problems for each."""
    from trainables.process import prepare

    prepare(cpus=usable_cpus())
    asked = json.loads((folder / "asked.json").read_text())
    trust(asked["trusted"])
    with (folder / "answers.jsonl").open("w", encoding="utf-8", buffering=1) as answers:
        for number, (image_shape, classes) in enumerate(asked["shapes"]):
            config, _ = load_config(folder / f"{number}.yaml")
            found = _try(config, image_shape=image_shape, classes=classes)
            answers.write(json.dumps([asdict(problem) for problem in found]) + "\n")


def _try(config: TrialConfig, *, image_shape: Sequence[int], classes: int) -> tuple[Problem, ...]:
    from trainables.models.pretrained import trained_network
    from trainables.training.build import Inputs, build

    height, width, channels = image_shape
    shape = (height, width, channels)
    inputs = Inputs(shape=shape, classes=classes, mean=(0.0,) * channels, variance=(1.0,) * channels)
    try:
        if isinstance(config.model, PretrainedModel):
            trained_network(config.model)  # the only uncertain part, and a third of the work
        else:
            build(config, inputs)
    except InputError as error:
        return error.problems
    except Exception as error:  # whatever it is, every trial would fail with it
        return (_unbuilt(config, f"{type(error).__name__}: {error}".split("\n")[0]),)
    return ()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
