"""An S3 server on this machine."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator

import pytest


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket, whose server this process and the commands that it starts find by AWS's own
    variables."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {"AWS_ENDPOINT_URL": f"http://{host}:{port}", **keys}.items():
        monkeypatch.setenv(name, value)
    from search.mirror.store import place_of

    bucket = f"bucket-{secrets.token_hex(4)}"  # what moto holds it holds for the whole process
    place_of(f"s3://{bucket}/runs", option="").store.mkdir(bucket)
    yield f"s3://{bucket}/runs"
    server.stop()
