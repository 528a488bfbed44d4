"""KerasTuner with keras.applications: `python -m frozen.keras_tuner_search JOB`. One trial a depth, all cores."""

from __future__ import annotations

import sys

import keras
import keras_tuner

from frozen.network import EpochTimes, datasets, job, network


class Search(keras_tuner.GridSearch):
    """Grid search that notes epochs with their depth."""

    def run_trial(self, trial: keras_tuner.engine.trial.Trial, *arguments: object, **options: object) -> object:
        """One trial."""
        options["callbacks"] = [EpochTimes(GIVEN["log"], trial.hyperparameters.get("depth"))]
        return super().run_trial(trial, *arguments, **options)


def main() -> None:
    """Runs all trials."""
    images, held_out = datasets(GIVEN)

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        values = {"depth": hp.Choice("depth", [0, 1, 2]), "dropout": 0.2, "learning_rate": 1e-3}
        return network(GIVEN, values)

    tuner = Search(build, objective="val_accuracy", directory=GIVEN["folder"], project_name="keras_tuner")
    tuner.search(images, epochs=GIVEN["peer_epochs"], validation_data=held_out, verbose=0)
    print("best:", tuner.oracle.get_best_trials()[0].score)


if __name__ == "__main__":
    GIVEN = job(sys.argv[1])
    main()
