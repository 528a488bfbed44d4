"""What the study proposes, remembers and never proposes again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search.run.events import TrialFinished
from search.study.study import Proposal, Study
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep

TEXT = """
trial:
  data: {{source: digits}}
  model: {model}
  optimizer: {{learning_rate: {learning_rate}}}
  training: {{epochs: 9}}
search: {{trials: {trials}, sampler: {sampler}, seed: {seed}}}
"""
CNN = "{kind: cnn, dropout: {uniform: [0.0, 0.5], baseline: 0.25}}"
RATE = "{log: [1.0e-4, 1.0e-2], baseline: 1.0e-3}"
FINITE = "{kind: cnn, blocks: 1, filters: {choice: [4, 8]}, batch_norm: {choice: [before, 'off']}}"
BRANCHES = """
    choice:
      plain: {kind: cnn, filters: {int: [4, 8]}}
      wide: {kind: cnn, growth: {uniform: [1.0, 3.0]}}
"""

MakeSweep = Callable[..., Sweep]


@pytest.fixture
def sweep(tmp_path: Path) -> MakeSweep:
    def make(
        model: str = CNN, learning_rate: str = RATE, *, trials: int = 30, sampler: str = "tpe", seed: int = 0
    ) -> Sweep:
        file = tmp_path / "sweep.yaml"
        file.write_text(
            TEXT.format(model=model, learning_rate=learning_rate, trials=trials, sampler=sampler, seed=seed)
        )
        return load_sweep(file)

    return make


def done(number: int, value: float | None, *, state: str = "complete", reason: str = "finished") -> TrialFinished:
    return TrialFinished(number=number, state=state, reason=reason, best_epoch=1, value=value, epochs=1, seconds=0.1)


def score(proposal: Proposal) -> float:
    return 1 - sum(float(value) for value in proposal.values.values() if isinstance(value, float)) / 10


def train(study: Study, count: int) -> list[Proposal]:
    """Trains ``count`` trials one after the other, for one epoch each."""
    proposals = []
    for _ in range(count):
        proposal = study.next()
        assert proposal is not None
        study.report(proposal.number, epoch=1, value=score(proposal))
        study.tell(done(proposal.number, score(proposal)))
        proposals.append(proposal)
    return proposals


def journal(path: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(path)))).trials


def test_the_baseline_is_trial_0_as_written(sweep: MakeSweep, tmp_path: Path) -> None:
    first = Study(tmp_path / "study.journal", sweep()).next()
    assert first == Proposal(number=0, values={"model.dropout": 0.25, "optimizer.learning_rate": 0.001}, baseline=True)


def test_a_sweep_without_baselines_has_no_baseline_trial(sweep: MakeSweep, tmp_path: Path) -> None:
    first = Study(tmp_path / "study.journal", sweep(FINITE, "0.001")).next()
    assert first is not None
    assert not first.baseline


@pytest.mark.parametrize("sampler", ["tpe", "sobol", "random"])
def test_the_same_seed_proposes_the_same_trials(sweep: MakeSweep, tmp_path: Path, sampler: str) -> None:
    runs = [train(Study(tmp_path / f"{k}.journal", sweep(sampler=sampler)), 15) for k in range(2)]
    assert runs[0] == runs[1]
    other = train(Study(tmp_path / "other.journal", sweep(sampler=sampler, seed=1)), 15)
    assert [p.values for p in other[1:]] != [p.values for p in runs[0][1:]]


@pytest.mark.parametrize("sampler", ["tpe", "sobol"])
@pytest.mark.parametrize("model", [CNN, BRANCHES])
def test_a_study_opened_again_goes_on_as_if_never_closed(
    sweep: MakeSweep, tmp_path: Path, model: str, sampler: str
) -> None:
    asked = sweep(model, "0.001" if model == BRANCHES else RATE, sampler=sampler)
    whole = train(Study(tmp_path / "whole.journal", asked), 16)
    train(Study(tmp_path / "parts.journal", asked), 12)
    assert train(Study(tmp_path / "parts.journal", asked), 4) == whole[12:]


def test_a_sobol_sweep_takes_every_configuration_of_a_finite_space_once(sweep: MakeSweep, tmp_path: Path) -> None:
    study = Study(tmp_path / "study.journal", sweep(FINITE, "0.001", sampler="sobol"))
    assert len({tuple(sorted(proposal.values.items())) for proposal in train(study, 4)}) == 4
    assert study.next() is None


def test_a_trial_enters_the_journal_whole(sweep: MakeSweep, tmp_path: Path) -> None:
    Study(tmp_path / "study.journal", sweep()).next()
    (trial,) = journal(tmp_path / "study.journal")
    assert trial.state == TrialState.RUNNING
    assert set(trial.params) == {"model.dropout", "optimizer.learning_rate"}
    assert trial.user_attrs == {"baseline": True}


def test_an_interrupted_trial_is_handed_out_first_after_reopening(sweep: MakeSweep, tmp_path: Path) -> None:
    study = Study(tmp_path / "study.journal", sweep())
    train(study, 2)
    open_one = study.next()
    assert open_one is not None
    study.report(open_one.number, epoch=1, value=0.5)
    study.tell(done(open_one.number, None, state="interrupted", reason="interrupted"))
    again = Study(tmp_path / "study.journal", sweep())
    assert again.next() == open_one
    after = again.next()
    assert after is not None
    assert after.number == 3


def test_states_and_values_are_told_as_they_are(sweep: MakeSweep, tmp_path: Path) -> None:
    study = Study(tmp_path / "study.journal", sweep())
    ends = [
        ("complete", "finished"),
        ("complete", "patience"),
        ("pruned", "asha"),
        ("pruned", "diverged"),
        ("fail", "lost"),
    ]
    for number, (state, reason) in enumerate(ends):
        assert study.next() is not None
        study.report(number, epoch=1, value=float("nan") if reason == "diverged" else 0.5)
        study.tell(done(number, 0.7 if state == "complete" else 0.5, state=state, reason=reason))
    trials = journal(tmp_path / "study.journal")
    assert [t.state.name for t in trials] == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED", "FAIL"]
    assert [t.value for t in trials[:3]] == [0.7, 0.7, 0.5]
    assert [t.user_attrs["reason"] for t in trials] == [reason for _, reason in ends]
    assert trials[3].intermediate_values[1] != trials[3].intermediate_values[1]  # NaN is kept


def test_no_configuration_is_proposed_twice_and_a_finite_space_is_exhausted(sweep: MakeSweep, tmp_path: Path) -> None:
    study = Study(tmp_path / "study.journal", sweep(FINITE, "0.001"))
    proposals = train(study, 4)
    assert len({tuple(p.values.items()) for p in proposals}) == 4
    assert study.next() is None
    assert not study.complete()
    assert len(journal(tmp_path / "study.journal")) == 4


def test_running_configurations_are_not_proposed_again(sweep: MakeSweep, tmp_path: Path) -> None:
    study = Study(tmp_path / "study.journal", sweep(FINITE, "0.001"))
    proposals = [study.next() for _ in range(4)]
    assert len({tuple(p.values.items()) for p in proposals if p}) == 4
    assert study.next() is None


def test_a_configuration_lost_by_accident_may_be_tried_again(sweep: MakeSweep, tmp_path: Path) -> None:
    study = Study(tmp_path / "study.journal", sweep(FINITE, "0.001"))
    for number in range(4):
        study.next()
        study.tell(done(number, None, state="fail", reason="lost"))
    assert study.next() is not None


def test_values_of_branches_not_taken_are_not_proposed(sweep: MakeSweep, tmp_path: Path) -> None:
    for proposal in train(Study(tmp_path / "study.journal", sweep(BRANCHES, "0.001")), 14):
        taken = proposal.values["model"]
        assert set(proposal.values) == {"model", f"model.{taken}." + ("filters" if taken == "plain" else "growth")}


def test_no_more_trials_than_asked_for(sweep: MakeSweep, tmp_path: Path) -> None:
    study = Study(tmp_path / "study.journal", sweep(trials=3))
    train(study, 3)
    assert study.complete()
    assert study.next() is None


def test_tpe_learns_from_what_was_stopped(sweep: MakeSweep, tmp_path: Path) -> None:
    """Told as PRUNED with its value, a poor region is proposed less often than at random."""
    study = Study(tmp_path / "study.journal", sweep())
    late = []
    for number in range(30):
        proposal = study.next()
        assert proposal is not None
        value = 1.0 - float(str(proposal.values["model.dropout"]))
        study.report(number, epoch=1, value=value)
        study.tell(done(number, value, state="pruned", reason="asha"))
        late.append(float(str(proposal.values["model.dropout"])))
    assert sum(late[15:]) / 15 < 0.2
