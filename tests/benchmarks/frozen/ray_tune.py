"""Raw Ray Tune with keras.applications: `python -m frozen.ray_tune JOB`. One trial a depth, a core each."""

from __future__ import annotations

import sys
from typing import Any

import ray
from ray import tune

JOB = sys.argv[1]


def train(values: dict[str, Any], path: str) -> None:
    """One trial."""
    import keras

    from frozen.network import EpochTimes, datasets, job, network

    given = job(path)
    images, held_out = datasets(given)
    report = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tune.report(dict(logs)))
    network(given, values).fit(
        images,
        epochs=given["peer_epochs"],
        validation_data=held_out,
        callbacks=[EpochTimes(given["log"], values["depth"]), report],
        verbose=0,
    )


def main() -> None:
    """Runs all trials."""
    from frozen.network import job

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(train, path=JOB), {"cpu": 1}),
        param_space={"depth": tune.grid_search([0, 1, 2]), "dropout": 0.2, "learning_rate": 1e-3},
        tune_config=tune.TuneConfig(metric="val_accuracy", mode="max"),
        run_config=tune.RunConfig(storage_path=job(JOB)["folder"], name="tune", verbose=0),
    )
    print("best:", tuner.fit().get_best_result().metrics["val_accuracy"])


if __name__ == "__main__":
    main()
