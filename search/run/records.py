"""What the records of a journal may hold: what Optuna writes, and the notes and attributes that Tunehound gives it.

A journal may be edited or come from another program. Optuna replays whatever it is given, so a wrong value would only
be noticed far from its line; here each record is checked when it is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution, json_to_distribution
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    NonNegativeInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from search.run.events import Reason
from spaces.problem import shown

MOST_EPOCHS = 10_000_000
"""No trial reports a later epoch."""


def _moment(text: str) -> str:
    """Check a time as Optuna reads it."""
    try:
        datetime.fromisoformat(text).astimezone()
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from error
    return text


@cache
def _distribution(text: str) -> BaseDistribution:
    """Return the distribution that a text describes. Raises: ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of choices that are refused below
            distribution = json_to_distribution(text)
        numbers = [number for name, number in vars(distribution).items() if name in ("low", "high", "step") and number]
        sound = all(abs(number) <= 1e300 for number in numbers)  # not of NaN, either
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"no distribution of Optuna: {error!r:.100}") from error
    choices = distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
    if not sound or not all(choice is None or isinstance(choice, (bool, int, float, str)) for choice in choices):
        raise ValueError("a distribution is over finite numbers or plain values")
    return distribution


Text = InstanceOf[str]
"""Any text, also of file names that are not UTF-8, which pydantic's own type rejects."""
Moment = Annotated[Text, AfterValidator(_moment)]
Distribution = Annotated[Text, AfterValidator(_distribution)]
Number = int | float
Metric = float
Epoch = Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Trial = Annotated[int, Field(ge=0, lt=2**31)]
Plain = bool | int | float | Text | None


class RecordPart(BaseModel):
    """A part of a record; what it holds besides is left to Optuna."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class TrialAttributes(RecordPart):
    """What the journal says of a trial besides its values and its curve."""

    baseline: bool = False
    epochs: Annotated[int, Field(ge=0, le=MOST_EPOCHS)] = 0
    seconds: Amount = 0.0
    slowest_s: Amount = 0.0
    best_epoch: Epoch | None = None
    host: Text = ""


class FinalistsNote(RecordPart):
    """What is confirmed: see `search.run.confirmation.Finalists`."""

    trials: list[Trial]
    seeds: list[Annotated[int, Field(ge=0, lt=2**63)]]
    overlap: Amount


class TrainingNote(RecordPart):
    """A training of the confirmation: see `search.run.events.ConfirmationTraining`."""

    model_config = ConfigDict(extra="forbid")

    value: Metric | None
    best_epoch: Epoch | None
    epochs: NonNegativeInt
    seconds: Amount
    reason: Reason
    told: Text = ""


class SpentNote(RecordPart):
    """The sums of `search.study.budget.Meter`."""

    hours: Amount = 0.0
    slot_hours: Amount = 0.0


class EarlierTrial(RecordPart):
    """A trial of another run: see `search.study.warm_start`."""

    values: dict[Any, Plain]
    curve: dict[Annotated[str, Field(pattern=r"^[0-9]{1,8}$")], Metric]
    state: Literal["COMPLETE", "PRUNED"]
    value: Metric | None

    @model_validator(mode="after")
    def _complete_ones_have_a_value(self) -> Self:
        if self.state == "COMPLETE" and not (self.value is not None and abs(self.value) < 1e300):
            raise ValueError("a complete trial has a finite value")
        return self


class Notes(RecordPart):
    """The notes of a run that Tunehound knows; there may be others."""

    confirming: FinalistsNote | None = None
    spent: SpentNote | None = None
    lasting: dict[Any, Any] | None = None
    earlier: list[EarlierTrial] | None = None


class CreateStudy(RecordPart):
    """A new study."""

    op_code: Literal[0]
    study_name: Text
    directions: Annotated[list[Literal[1, 2]], Field(min_length=1, max_length=1)]


class DeleteStudy(RecordPart):
    """A study is removed."""

    op_code: Literal[1]
    study_id: int


class StudyNote(RecordPart):
    """A note."""

    op_code: Literal[2]
    study_id: int
    user_attr: Annotated[dict[Any, Any], Field(min_length=1, max_length=1)]

    @model_validator(mode="after")
    def _known_notes_are_sound(self) -> Self:
        ((name, value),) = self.user_attr.items()
        if name.startswith("confirm:"):
            if not all(part.isdecimal() and len(part) < 20 for part in name.split(":")[1:]) or name.count(":") != 2:
                raise ValueError(f"{shown(name)} must be confirm:TRIAL:SEED")
            _check(TrainingNote, value, name)
        else:
            _check(Notes, self.user_attr, "")
        return self


class StudySystemNote(RecordPart):
    """A note of Optuna's own."""

    op_code: Literal[3]
    study_id: int
    system_attr: Annotated[dict[Any, Any], Field(min_length=1, max_length=1)]


class CreateTrial(RecordPart):
    """A new trial, with all that is known of it."""

    op_code: Literal[4]
    study_id: int
    worker_id: Text
    state: Annotated[int, Field(ge=0, le=4)] = 0
    datetime_start: Moment | None
    datetime_complete: Moment = "2000-01-01"
    distributions: dict[Any, Distribution] = {}
    params: dict[Any, Number] = {}
    user_attrs: TrialAttributes = TrialAttributes()
    system_attrs: dict[Any, Any] = {}
    value: float | None = None
    values: Annotated[list[float], Field(max_length=1)] | None = None
    intermediate_values: dict[Annotated[str, Field(pattern=r"^[0-9]{1,8}$")], Metric] = {}

    @model_validator(mode="before")
    @classmethod
    def _finished_ones_have_an_end(cls, record: Any) -> Any:
        if isinstance(record, dict) and (record.get("state") in (1, 2, 3)) != ("datetime_complete" in record):
            raise ValueError("a trial has datetime_complete if, and only if, it is finished")
        return record

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.datetime_start is None and self.state != WAITING:
            raise ValueError("a trial that began has a datetime_start")
        if self.params.keys() != self.distributions.keys():
            raise ValueError("params and distributions name different values")
        if self.value is not None and self.values is not None:
            raise ValueError("a trial has a value or values, not both")
        for name, value in self.params.items():
            _check_in(self.distributions[name], value, name)
        _check_value(self.state, [self.value] if self.value is not None else self.values)
        return self


class TrialParam(RecordPart):
    """A value of a trial."""

    op_code: Literal[5]
    trial_id: int
    worker_id: Text
    param_name: Text
    param_value_internal: Number
    distribution: Distribution

    @model_validator(mode="after")
    def _is_in_its_distribution(self) -> Self:
        _check_in(self.distribution, self.param_value_internal, self.param_name)
        return self


class TrialState(RecordPart):
    """A trial starts or ends."""

    op_code: Literal[6]
    trial_id: int
    worker_id: Text
    state: Annotated[int, Field(ge=0, le=4)]
    values: Annotated[list[float], Field(min_length=1, max_length=1)] | None
    datetime_start: Moment | None = None
    datetime_complete: Moment | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed = {0: self.datetime_start, WAITING: ""}.get(self.state, self.datetime_complete)
        if needed is None:
            raise ValueError("a trial that starts or ends has the time of it")
        _check_value(self.state, self.values)
        return self


class TrialEpoch(RecordPart):
    """The metric of an epoch."""

    op_code: Literal[7]
    trial_id: int
    worker_id: Text
    step: Epoch
    intermediate_value: Metric


class TrialNote(RecordPart):
    """An attribute of a trial."""

    op_code: Literal[8]
    trial_id: int
    worker_id: Text
    user_attr: TrialAttributes

    @model_validator(mode="before")
    @classmethod
    def _of_one_name(cls, record: Any) -> Any:
        return _of_one(record, "user_attr")


class TrialSystemNote(RecordPart):
    """An attribute of Optuna's own."""

    op_code: Literal[9]
    trial_id: int
    worker_id: Text
    system_attr: Annotated[dict[Any, Any], Field(min_length=1, max_length=1)]


class DiscardTrials(RecordPart):
    """Another program of Optuna's writes it; it says nothing."""

    op_code: Literal[10]


WAITING = 4
"""Optuna's number for the state of a trial that has not begun."""
COMPLETE = 1
Record = Annotated[
    CreateStudy
    | DeleteStudy
    | StudyNote
    | StudySystemNote
    | CreateTrial
    | TrialParam
    | TrialState
    | TrialEpoch
    | TrialNote
    | TrialSystemNote
    | DiscardTrials,
    Field(discriminator="op_code"),
]
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


def fault_of(record: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a record of a journal, with the name of the field; None if nothing is."""
    try:
        _RECORD.validate_python(record)
    except ValidationError as error:
        return _in_words(error, skip=1)
    except UnicodeEncodeError:
        return "a text that is not Unicode where a number, a name or a time is expected"
    return None


def _in_words(error: ValidationError, *, skip: int = 0, name: str = "") -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in (*([name] if name else []), *first["loc"][skip:]))
    given = f", not {shown(first['input'])}" if not isinstance(first["input"], Mapping) else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}{given}" if place else f"{message}{given}"


def _check(part: type[RecordPart], value: Any, name: str) -> None:
    try:
        part.model_validate(value)
    except ValidationError as error:
        raise ValueError(_in_words(error, name=name)) from None


def _check_in(distribution: Any, value: Number, name: str) -> None:
    """Check that an internal value, as Optuna writes it, belongs to its distribution. Raises: ValueError."""
    if isinstance(distribution, CategoricalDistribution):
        inside = 0 <= value < len(distribution.choices)
    else:
        inside = distribution.low <= value <= distribution.high
    if not inside:
        raise ValueError(f"{shown(name)}: {shown(value)} is not in {distribution!r:.100}")


def _check_value(state: int, values: list[float] | None) -> None:
    if state == COMPLETE and not (values and abs(values[0]) < 1e300):
        raise ValueError("a complete trial has a finite value")


def _of_one(record: Any, key: str) -> Any:
    entry = record.get(key) if isinstance(record, dict) else None
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ValueError(f"{key}: must have one entry")
    return record
