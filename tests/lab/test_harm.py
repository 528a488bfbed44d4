"""Harm in the middle of a sweep: nothing is lost, nothing is done twice, and the sweep is at work again soon."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.harm.sound import assert_sound, ended_trials
from tests.lab.cluster import FILE, STATUS, TRAINS, Cluster, Started
from tests.lab.hosts import Host, until
from tests.lab.sweeps import LONG
from tests.lab.work import DRIVER, recovered_s, until_at_work


def begun(cluster: Cluster, name: str) -> tuple[Started, dict[int, int]]:
    """A sweep with a trial at work on every host, and what these have reached."""
    (cluster.desk.home / "mine.yaml").write_text(LONG)
    sweep = cluster.start("tunehound", "submit", FILE, "--", "run", "mine.yaml", "--name", name)
    cluster.until_all_train(sweep)
    return sweep, until_at_work(cluster.run(name), trials=len(cluster.nodes), epoch=20)


def until_all_are_back(cluster: Cluster, what: str) -> None:
    """Waits until all the nodes are alive."""
    began = time.monotonic()
    until(
        lambda: cluster.alive() == len(cluster.nodes),
        within_s=240,
        every_s=2,
        said=lambda: cluster.head.call(*STATUS).stdout,
    )
    cluster.times[f"{what}: node back"] = time.monotonic() - began


@pytest.mark.parametrize(
    ("what", "harm", "mended"),
    [
        ("power", Host.power_off, Host.boot),
        ("link", Host.cut, Host.mend),
        ("process", lambda host: host.kill(TRAINS), lambda host: None),
    ],
    ids=["its power goes", "its cable is pulled", "its trial is killed"],
)
def test_a_sweep_survives_what_happens_to_a_worker(
    cluster: Cluster, what: str, harm: Callable[[Host], object], mended: Callable[[Host], object]
) -> None:
    sweep, before = begun(cluster, what)
    harm(cluster.workers[0])
    cluster.times[f"{what}: at work again"] = recovered_s(cluster.run(what), before)
    mended(cluster.workers[0])
    sweep.ended_well(within_s=400)
    assert_sound(cluster.run(what), trials=5)
    until_all_are_back(cluster, what)


def test_a_killed_driver_is_resumed(cluster: Cluster) -> None:
    sweep, before = begun(cluster, "driver")
    assert cluster.head.kill(DRIVER)
    assert sweep.process.wait(60) != 0
    known = ended_trials(cluster.run("driver"))
    resumed = cluster.start("tunehound", "submit", FILE, "--", "resume", "driver")
    cluster.times["driver: at work again"] = recovered_s(cluster.run("driver"), before)
    resumed.ended_well(within_s=400)
    assert_sound(cluster.run("driver"), trials=5)
    after = ended_trials(cluster.run("driver"))
    assert {number: after[number] for number in known} == known


def test_a_head_that_is_switched_off_comes_back_with_ray_up_and_resume(cluster: Cluster) -> None:
    sweep, before = begun(cluster, "head")
    cluster.head.power_off()
    assert sweep.process.wait(120) != 0
    cluster.head.boot()
    cluster.up()
    resumed = cluster.start("tunehound", "submit", FILE, "--", "resume", "head")
    cluster.times["head: at work again"] = recovered_s(cluster.run("head"), before)
    resumed.ended_well(within_s=400)
    assert_sound(cluster.run("head"), trials=5)
