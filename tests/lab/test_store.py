"""A run that is mirrored to an object store on the head: the disk of its driver is lost, and it goes on elsewhere."""

from __future__ import annotations

import shutil
import time

from tests.harm.sound import assert_sound, ended_trials
from tests.lab.cluster import FILE, Cluster
from tests.lab.hosts import until
from tests.lab.sweeps import LONG
from tests.lab.work import DRIVER, reached, recovered_s

STORE = "s3://lab/runs"
SERVER = """
import threading
from moto.server import ThreadedMotoServer
ThreadedMotoServer(ip_address="{address}", port=5000).start()
threading.Event().wait()
"""
KEYS = """
export AWS_ENDPOINT_URL=http://head:5000 AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_DEFAULT_REGION=us-east-1
"""
INTERVAL_S = 30
"""At least so often a run is sent."""


def serve(cluster: Cluster) -> None:
    """An S3 server on the head, and whom it lets in: the head and the desk, not the workers."""
    for host in (cluster.desk, cluster.head):
        with (host.home / ".bashrc").open("a") as file:
            file.write(KEYS)
    server = SERVER.format(address=cluster.head.address)
    cluster.head.start("python", "-c", server, said=cluster.head.folder / "store")
    until(lambda: cluster.desk.call("bash", "-c", "echo > /dev/tcp/head/5000").returncode == 0, within_s=60)
    cluster.well("python", "-c", "import s3fs; s3fs.S3FileSystem().mkdir('lab')")


def test_a_run_whose_disk_is_lost_goes_on_elsewhere_from_its_mirror(cluster: Cluster) -> None:
    serve(cluster)
    (cluster.desk.home / "mine.yaml").write_text(LONG)
    sweep = cluster.start("tunehound", "submit", FILE, "--", "run", "mine.yaml", "--runs", STORE, "--name", "mirrored")
    cluster.until_all_train(sweep)
    run = cluster.run("mirrored")
    until(lambda: len(ended_trials(run)) >= 1, within_s=240, every_s=1)
    known = ended_trials(run)
    time.sleep(INTERVAL_S + 5)
    assert cluster.head.kill(DRIVER)
    assert sweep.process.wait(60) != 0
    shutil.rmtree(run)
    resume = ("tunehound", "resume", f"{STORE}/mirrored")
    refused = cluster.desk.call(*resume)
    assert refused.returncode == 2, refused.stdout
    assert "on head" in refused.stdout  # who holds the lease, which a dead driver does not give back
    at_home = cluster.desk.home / "runs" / "mirrored"
    before = reached(at_home)  # as it was fetched; what it lacks of the lost one is trained again
    resumed = cluster.start("bash", "-c", f"until {' '.join(resume)}; do [ $? = 2 ] || exit 1; sleep 2; done")
    cluster.times["lost disk: at work again elsewhere"] = recovered_s(at_home, before)
    resumed.ended_well(within_s=400)
    assert_sound(at_home, trials=5)
    after = ended_trials(at_home)
    assert {number: after[number] for number in known} == known
