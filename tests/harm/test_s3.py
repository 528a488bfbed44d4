"""With a real S3 server: a machine is lost, and its run goes on elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from search.mirror.download import fetched
from search.mirror.lease import LEASE, Holder, holder
from search.mirror.store import Place, place_of
from tests.harm.doing import driven, power_off, until
from tests.harm.sound import assert_sound, ended_trials
from tests.harm.sweeps import LONG, written
from tests.search.commands import call


def records_at(place: Place) -> int:
    """How many records the journal there has."""
    return (place.read("study.journal") or b"").count(b"\n")


def run_out(place: Place) -> None:
    """What the time does to the lease of a driver that is dead."""
    lease = holder(place)
    assert isinstance(lease, Holder)
    place.write_all({LEASE: json.dumps({**vars(lease), "until": 0}).encode()})


def test_a_run_whose_machine_is_lost_is_resumed_from_its_mirror_on_another_one(tmp_path: Path, s3: str) -> None:
    first, second, place = tmp_path / "first", tmp_path / "second", place_of(f"{s3}/one", option="--runs")
    first.mkdir()
    second.mkdir()
    written(first, LONG)
    with driven("run", "sweep.yaml", "--name", "one", "--runs", s3, cwd=first) as driver:
        until(lambda: records_at(place) > 12, of=driver)
        power_off(driver)
    shutil.rmtree(first)
    run_out(place)
    left = fetched(place.uri, tmp_path / "seen")
    resumed = call("resume", f"{s3}/one", cwd=second)
    assert resumed.returncode == 0, resumed.stderr
    assert f"files from {place.uri} to runs/one." in resumed.stderr
    run = second / "runs" / "one"
    assert_sound(run, trials=3)
    assert ended_trials(left).items() <= ended_trials(run).items()
    assert (run / "study.journal").read_bytes().startswith((left / "study.journal").read_bytes())
    for name in place.sizes():
        assert place.read(name) == (run / name).read_bytes(), name
    assert {"best.yaml", "leaderboard.csv", "report.html"} < set(place.sizes())
    assert holder(place) is None
