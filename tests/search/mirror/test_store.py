"""With a real S3 server: who creates first, and what is told of a bucket that is not there."""

from __future__ import annotations

import pytest

from search.mirror.lease import Lease
from search.mirror.store import answered, place_of
from spaces.problem import InputError


def test_of_two_who_create_the_same_at_once_one_succeeds_and_missing_things_are_told_apart(s3: str) -> None:
    place = place_of(f"{s3}/one", option="--runs")
    assert [place.create("a", b"1"), place.create("a", b"2"), place.read("a")] == [True, False, b"1"]
    place.write_all({f"trials/{n}/config.yaml": b"{}" for n in range(70)})
    assert len(place.sizes()) == 71
    assert place.read_all(["a", "b"]) == {"a": b"1"}
    place.remove(["a", "b"])
    assert place.read("a") is None
    nowhere = place_of("s3://no-such-bucket/one", option="--runs")
    with pytest.raises(InputError, match="bucket does not exist"):
        answered(nowhere, lambda: Lease(nowhere).take(None))
