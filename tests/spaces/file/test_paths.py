"""File names are found by their fields' marks, wherever they stand."""

from __future__ import annotations

import pytest

from spaces.domains.domain import Branches, Choice
from spaces.file.load import load_sweep
from spaces.problem import InputError

TEXT = """\
trial:
  data: {source: digits}
  model:
    kind: pretrained
    backbone: mobilenet_v2
    weights: WEIGHTS
  training: {epochs: 3}
"""


def weights(write, value):
    return load_sweep(write(TEXT.replace("WEIGHTS", value))).trial["model"]["weights"]


@pytest.mark.parametrize("word", ["imagenet", "none", "s3://bucket/weights.h5", "gs://bucket/w"])
def test_words_and_uris_stay_as_they_are(write, word) -> None:
    assert weights(write, word) == word


def test_names_inside_choices_and_branches_become_absolute(write, tmp_path) -> None:
    for name in ("a.h5", "b.h5"):
        (tmp_path / name).touch()
    found = weights(write, "{choice: [a.h5, none, b.h5], baseline: b.h5}")
    assert found == Choice(
        options=(str(tmp_path / "a.h5"), "none", str(tmp_path / "b.h5")), baseline=str(tmp_path / "b.h5")
    )
    found = weights(write, "{choice: {one: a.h5, two: b.h5}}")
    assert found == Branches(options={"one": str(tmp_path / "a.h5"), "two": str(tmp_path / "b.h5")})


def test_a_missing_file_is_told_with_its_absolute_name_and_the_nearest_neighbour(write, tmp_path) -> None:
    (tmp_path / "weights.h5").touch()
    with pytest.raises(InputError) as caught:
        weights(write, "weihgts.h5")
    (problem,) = caught.value.problems
    assert str(tmp_path / "weihgts.h5") in str(problem.given)
    assert problem.remedy == "did you mean weights.h5?"
    assert problem.line == 6


def test_a_missing_file_inside_a_branch_is_told_at_its_path(write) -> None:
    with pytest.raises(InputError, match=r"trial\.model\.weights\.choice\.two\n"):
        weights(write, "{choice: {one: none, two: b.h5}}")


def test_a_name_that_no_system_knows_is_a_missing_file(write) -> None:
    with pytest.raises(InputError, match="must be a file"):
        weights(write, '"a\\0b"')
    with pytest.raises(InputError, match="must be a file"):
        weights(write, "~nobody-has-this-name/w.h5")
