"""What may stand behind --runs, and in the place of RUN."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from search.mirror.store import answered, place_of
from spaces.problem import InputError


@pytest.mark.parametrize("uri", ["s3://", "s3://bucket/../other", "s3://bucket?endpoint=x", "s3://a b", "s3://b//r"])
def test_what_is_no_plain_address_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match=r"PROTOCOL://BUCKET/PATH"):
        place_of(uri, option="--runs")


def test_an_address_with_a_password_is_refused_and_the_password_is_not_repeated() -> None:
    with pytest.raises(InputError, match="holds no password") as refused:
        place_of("sftp://me:secret@host/runs", option="--runs")
    assert "secret" not in str(refused.value)


def test_a_protocol_whose_package_is_not_installed_names_our_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(InputError, match=r"pip install 'tunehound\[gcs\]'"):
        place_of("gs://bucket/runs", option="--runs")


def test_an_unknown_protocol_is_met_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match="did you mean s3://"):
        place_of("s33://bucket/runs", option="--runs")


def test_a_store_that_does_not_answer_or_fails_is_refused_before_anything_starts(tmp_path: Path) -> None:
    import threading

    place = place_of(f"file://{tmp_path}/runs", option="--runs")
    with pytest.raises(InputError, match=r"no answer within 0\.05 s"):
        answered(place, threading.Event().wait, within_s=0.05)
    with pytest.raises(InputError, match="PermissionError: keys"):
        answered(place, lambda: (_ for _ in ()).throw(PermissionError("keys")))
