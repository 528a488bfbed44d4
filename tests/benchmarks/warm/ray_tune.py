"""Raw Ray Tune: a function trainable in plain Keras, two trials at a time on two cores.

`python -m warm.ray_tune JOB`. As Ray's guides have it: the images go to the object store by `with_parameters`, each
trial is given one CPU, every epoch is reported. In its favour it writes no model an epoch, as its Keras callback would,
and starts no dashboard.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from warm.job import Arrays, Domain, Job, label


def train(config: dict[str, Any], data: Arrays, job: Job) -> None:
    """One trial."""
    import keras

    from warm.epoch_log import EpochLog
    from warm.network import network

    report = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tune.report(dict(logs)))
    model = network(config, image_shape=data.x_train.shape[1:])
    model.fit(
        data.x_train,
        data.y_train,
        batch_size=job.batch_size,
        epochs=job.epochs,
        validation_data=(data.x_val, data.y_val),
        callbacks=[EpochLog(job.log, label(config)), report],
        verbose=0,
    )


def domain(written: Domain, *, grid: bool) -> Any:
    """A domain in Ray's words."""
    if isinstance(written, dict):
        [(kind, (low, high))] = written.items()
        return {"uniform": tune.uniform, "log": tune.loguniform}[kind](low, high)
    return tune.grid_search(list(written)) if grid else tune.choice(list(written))


def main(job: Job) -> None:
    """Runs all trials."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    search = {"search_alg": OptunaSearch(seed=0)} if job.asha else {}
    asha = {"scheduler": ASHAScheduler(max_t=job.epochs, grace_period=1, reduction_factor=3)} if job.asha else {}
    trainable = tune.with_resources(tune.with_parameters(train, data=job.arrays(), job=job), {"cpu": 1})
    tuner = tune.Tuner(
        trainable,
        param_space={name: domain(written, grid=not job.asha) for name, written in job.space.items()},
        tune_config=tune.TuneConfig(
            metric="val_accuracy",
            mode="max",
            num_samples=job.trials if job.asha else 1,
            reuse_actors=job.reuse_actors,
            **search,
            **asha,
        ),
        run_config=tune.RunConfig(storage_path=str(Path(job.folder).absolute()), name="tune", verbose=0),
    )
    print("best:", tuner.fit().get_best_result().metrics["val_accuracy"])


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
