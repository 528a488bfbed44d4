"""Plain Optuna and Keras: one trial after the other in one process that has the whole machine.

`python -m warm.optuna_loop JOB`. The session is cleared before each trial, as Optuna's own Keras examples do.
"""

from __future__ import annotations

import sys

import keras
import optuna

from warm.epoch_log import EpochLog
from warm.job import Job, label
from warm.network import network


def main(job: Job) -> None:
    """Runs all trials."""
    data = job.arrays()

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()
        values = {name: trial.suggest_categorical(name, list(options)) for name, options in job.space.items()}
        model = network(values, image_shape=data.x_train.shape[1:])
        history = model.fit(
            data.x_train,
            data.y_train,
            batch_size=job.batch_size,
            epochs=job.epochs,
            validation_data=(data.x_val, data.y_val),
            callbacks=[EpochLog(job.log, label(values))],
            verbose=0,
        )
        return float(max(history.history["val_accuracy"]))

    space = {name: list(options) for name, options in job.space.items()}
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.GridSampler(space, seed=0))
    study.optimize(objective, n_trials=job.trials)
    print("best:", study.best_value)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
