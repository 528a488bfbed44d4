"""Which environment variables look like credentials."""

from __future__ import annotations

import pytest

from trainables.credentials import credentials, is_credential, values_of
from trainables.process import child_environment

SECRET = (
    "WANDB_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_TOKEN",
    "DB_PASSWORD",
    "PGPASSWORD",
    "MYSQL_PWD",
    "REDIS_PASS",
    "KEY_PASSPHRASE",
    "LDAP_PASSWD",
    "OPENAI_APIKEY",
    "GITHUB_PAT",
    "PROXY_AUTH",
    "my_secret",
)
OPEN = (
    "PATH",
    "PWD",
    "OLDPWD",
    "HOME",
    "KERAS_HOME",
    "TUNEHOUND_CACHE",
    "CUDA_VISIBLE_DEVICES",
    "GIT_AUTHOR_NAME",
    "XAUTHORITY",
    "COMPASS",
    "RAY_AUTH_MODE",
    "RAY_AUTH_TOKEN",
    "RAY_AUTH_TOKEN_PATH",
)


@pytest.mark.parametrize("name", SECRET)
def test_a_credential_is_known_by_its_name(name: str) -> None:
    assert is_credential(name)


@pytest.mark.parametrize("name", OPEN)
def test_what_is_none_is_left_alone(name: str) -> None:
    assert not is_credential(name)


def test_a_child_has_only_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SECRET, *OPEN):
        monkeypatch.setenv(name, name)
    child = child_environment(gpus="-1", env=("HF_TOKEN", "NOT_SET_ANYWHERE"))
    assert set(SECRET) & child.keys() == {"HF_TOKEN"}
    assert set(OPEN) <= child.keys()
    assert set(SECRET) <= credentials()
    assert values_of(("HF_TOKEN", "NOT_SET_ANYWHERE")) == {"HF_TOKEN": "HF_TOKEN"}
