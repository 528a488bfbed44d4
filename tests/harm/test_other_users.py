"""A second user beside a running sweep: reads no secret, joins nothing, plants nothing."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clusters.connection.local_ray import FOLDER, LOCK, TOKEN
from tests.harm.doing import Driver, crew, driven, ended, epochs, until
from tests.harm.sweeps import LONG, RUN, written
from tests.second_user import as_nobody, common_folder, needs_mounts, nobodys_python

SECRET = "of-the-user-alone"  # noqa: S105
"""A value in the user's environment."""
THEIR_RAY = """
import pathlib, sys, ray
ray.init(address="local", num_cpus=1, include_dashboard=False, _temp_dir=sys.argv[1] + "/ray-of-theirs")
address = ray.get_runtime_context().gcs_address
file = pathlib.Path(sys.argv[1], "ray", "ray_current_cluster")
file.parent.mkdir(exist_ok=True)
file.parent.chmod(0o777)
file.write_text(address)
print("THEIRS", address, flush=True)
sys.stdin.read()
"""
JOIN = """
import sys, ray
from ray._private import ray_constants
ray_constants.ENABLE_RAY_CLUSTER = False  # else Ray takes the loopback for this machine's outer address
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
    print("JOINED", flush=True)
except BaseException as error:
    refused = "AuthenticationError" in repr(error) or "AuthenticationError" in repr(error.__cause__)
    print("REFUSED" if refused else repr(error), flush=True)
"""
READ = """
import http.client, json, os, pathlib, stat, sys, urllib.request
secrets, ports, processes = json.loads(sys.argv[1])
readable, found, served = [], [], []
def hold(place, read):
    try:
        content = read()
    except OSError:
        return
    readable.append(place)
    found.extend([place] for secret in secrets if secret.encode() in content)
for top in sys.argv[2:]:
    for folder, _, files in os.walk(top):
        for file in files:
            path = pathlib.Path(folder, file)
            if stat.S_ISREG(path.lstat().st_mode):
                hold(str(path), path.read_bytes)
for number in processes:
    for name in ("environ", "cmdline", "maps", "mem", "fd", "cwd/.", "root/."):
        path = pathlib.Path("/proc", str(number), name)
        hold(str(path), lambda: "".join(map(str, path.iterdir())).encode() if path.is_dir() else path.read_bytes())
for port in ports:
    for page in ("/", "/logs", "/api/job_agent/jobs/", "/get_or_create_runtime_env"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=1) as answer:
                content = answer.read()
            served.append([port, page, content[:60].decode(errors="replace")])
            found.extend([port, page] for secret in secrets if secret.encode() in content)
        except (OSError, http.client.HTTPException):
            pass
print("TOLD", json.dumps({"readable": readable, "found": found, "served": served}), flush=True)
"""
LAY = """
for name in (sys.argv[2] + "trap", sys.argv[2] + "trap2"):
    trap = pathlib.Path(sys.argv[1], name)
    trap.mkdir(mode=0o777)
    trap.chmod(0o777)
    (trap / sys.argv[3]).symlink_to(sys.argv[4])
"""
WRITE = """
done = []
for place in sys.argv[1:]:
    for name in ("planted", "r/planted", "r/session_latest/planted", "r/session_latest/sockets/planted"):
        try:
            pathlib.Path(place, name).write_text("theirs")
            done.append(name)
        except OSError:
            pass
print(done)
"""


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What /tmp is to both users."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with common_folder() as folder:
        monkeypatch.setenv("RAY_TMPDIR", str(folder))
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield folder


@needs_mounts
def test_a_second_user_reads_no_secret_joins_nothing_and_plants_nothing(tmp_path: Path, common: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("of value")
    run = written(tmp_path, LONG.replace("epochs: 120", "epochs: 5000"))
    with (
        common_folder() as home,
        nobodys_python(THEIR_RAY, str(common), home=home, env={"RAY_AUTH_MODE": "disabled"}) as theirs,
    ):
        address = _said(theirs.stdout, r"THEIRS (\S+)")
        as_nobody(LAY, common, FOLDER, LOCK, kept)
        with driven(*RUN, cwd=tmp_path) as driver:
            until(lambda: len(epochs(run, 0)) >= 5, of=driver)
            [folder] = [each for each in common.glob(f"{FOLDER}*") if (each / TOKEN).exists()]
            told = _what_they_read(driver, folder, common, home=home)
            assert as_nobody(WRITE, folder).strip() == "[]"
            _assert_cannot_join(driver, (folder / TOKEN).read_text(), home=home)
            driver.process.send_signal(signal.SIGINT)
            assert ended(driver) == 130
    assert told["found"] == []
    assert not [place for place in told["readable"] if str(folder) in place or place.endswith(("environ", "fd"))]
    assert all(page == "/" or text.startswith("# HELP") for _, page, text in told["served"]), told["served"]
    assert f"named in {common}/ray/ray_current_cluster: " in driver.said
    assert "belongs to the user nobody" in driver.said
    assert address not in driver.said
    assert kept.read_text() == "of value"
    assert not (tmp_path / ".ray").exists()


def _what_they_read(driver: Driver, folder: Path, common: Path, *, home: Path) -> dict[str, list[list[str]]]:
    """Everything of the sweep that the second user tries to read, and what they got."""
    processes = [driver.process.pid, *(each.pid for each in crew(driver))]
    sockets = [each for pid in processes for each in psutil.Process(pid).net_connections("tcp")]
    outside = {each.laddr.ip for each in sockets if each.status == "LISTEN"} - {"127.0.0.1", "::ffff:127.0.0.1"}
    assert outside == set()
    ports = [each.laddr.port for each in sockets if each.status == "LISTEN"]
    assert len(ports) >= 6
    secrets = [SECRET, (folder / TOKEN).read_text()]
    owner = psutil.Process(driver.process.pid)
    assert owner.environ()["AWS_SECRET_ACCESS_KEY"] == SECRET
    asked = [json.dumps([secrets, ports, processes]), str(common), "/dev/shm"]  # noqa: S108
    with nobodys_python(READ, *asked, home=home, env={}) as theirs:
        return dict(json.loads(_said(theirs.stdout, "TOLD (.*)")))


def _assert_cannot_join(driver: Driver, token: str, *, home: Path) -> None:
    """Neither without a token nor with a wrong one."""
    [gcs] = [each for each in crew(driver) if each.name() == "gcs_server"]
    [address] = [f"127.0.0.1:{each.laddr.port}" for each in gcs.net_connections("tcp") if each.status == "LISTEN"]
    attempts = {"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * len(token)}
    for attempt in attempts:
        with nobodys_python(JOIN, address, home=home, env=attempt) as theirs:
            assert _said(theirs.stdout, r"(JOINED|REFUSED)") == "REFUSED"


def _said(lines: Iterator[str] | None, pattern: str) -> str:
    """What a process comes to say, after other things."""
    heard = []
    for line in lines or ():
        heard.append(line)
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError(f"{pattern} was not said, but:\n{''.join(heard)}")
