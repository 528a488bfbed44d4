"""KerasTuner's grid search: one trial after the other in one process that has the whole machine.

`python -m warm.keras_tuner_search JOB`.
"""

from __future__ import annotations

import sys

import keras
import keras_tuner

from warm.epoch_log import EpochLog
from warm.job import Job
from warm.network import network


def main(job: Job) -> None:
    """Runs all trials."""
    data = job.arrays()

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        values = {name: hp.Choice(name, list(options)) for name, options in job.space.items()}
        return network(values, image_shape=data.x_train.shape[1:])

    tuner = keras_tuner.GridSearch(
        build, objective="val_accuracy", max_trials=job.trials, directory=job.folder, project_name="keras_tuner"
    )
    tuner.search(
        data.x_train,
        data.y_train,
        batch_size=job.batch_size,
        epochs=job.epochs,
        validation_data=(data.x_val, data.y_val),
        callbacks=[EpochLog(job.log)],
        verbose=0,
    )
    print("best:", tuner.oracle.get_best_trials()[0].score)


if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
