"""Holds the plain networks of the contestants against ours: layer by layer the same number of parameters.

`python -m warm.same_networks JOB`; a difference is an error.
"""

from __future__ import annotations

import sys
from typing import Any

from spaces.config.trial import CnnModel, TrialConfig
from trainables.preflight.describe import describe
from warm.job import CLASSES, Job, label
from warm.network import network
from warm.ours import sweep


def main(job: Job) -> None:
    """Compares every architecture of the space."""
    shape = job.arrays().x_train.shape[1:]
    settings = {"dropout": 0.2, "learning_rate": 1e-3, "l2": 1e-4}
    for architecture in job.architectures():
        plain = [layer.count_params() for layer in network(settings | architecture, image_shape=shape).layers]
        found = describe(_config(job, settings | architecture), image_shape=shape, classes=CLASSES)
        ours = [part.parameters for part in found.parts if part.kind != "Normalization"]  # theirs is done beforehand
        if [count for count in plain if count] != [count for count in ours if count]:
            raise SystemExit(f"the networks {label(architecture)} differ: {plain} in plain Keras, {ours} in ours")
        print(label(architecture), sum(plain))


def _config(job: Job, values: dict[str, Any]) -> TrialConfig:
    trial = sweep(job)["trial"]
    model = trial["model"] | {name: values[name] for name in CnnModel.model_fields if name in values}
    optimizer = trial["optimizer"] | {"learning_rate": values["learning_rate"]}
    return TrialConfig.model_validate(trial | {"model": model, "optimizer": optimizer})


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
