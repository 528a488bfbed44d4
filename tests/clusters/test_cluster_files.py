"""What holds for every file that starts a cluster: no open door, no secret, locked versions, commands that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ray.scripts.scripts import cli as ray_cli
from typer.main import get_command

from search.cli.app import app
from tests.clusters.launchers import FILES, FOLDER, commands, documents, header, is_launcher, locked

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
every_text = pytest.mark.parametrize(
    "path",
    sorted(path for path in FOLDER.rglob("*") if path.suffix in {".py", ".yaml", ".sh"}),
    ids=lambda path: path.name,
)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
MARKED = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN|gh[pousr]_\w{20}|xox[bp]-|\bAIza[\w-]{30}|\b[0-9a-fA-F]{32,}\b")
"""As those who issue keys mark theirs; keys of W&B and of Ray are long hexadecimal numbers."""
NAMED = re.compile(r"(?i:password|passwd|secret_?key|api_?key|token)[\"']?\s*[:=]\s*[\"']?[\w/+-]{8,}")
HARMLESS = re.compile(r"RAY_AUTH_MODE=token|WANDB_API_KEY=key\.txt")


def test_all_the_kinds_of_clusters_are_there() -> None:
    names = {path.name for path in FILES}
    assert names >= {"onprem.yaml", "aws.yaml", "gcp.yaml", "azure.yaml", "kuberay.yaml", "slurm.sh"}


@every_text
def test_nothing_is_bound_to_all_addresses(path: Path) -> None:
    text = path.read_text()
    if path.suffix != ".py":  # which may speak of such addresses, to warn of them
        assert "0.0.0.0" not in text  # noqa: S104
        assert not re.search(r"(?<![\w:])::(?![\w:])|\[::\]", text)
    assert not re.search(r"host[\"']?\s*[=:]\s*[\"'](?:0\.0\.0\.0|::)?[\"']", text)
    assert set(re.findall(r"dashboard-host[=: ]+[\"']?([^\s\"',);]+)", text)) <= LOOPBACK


@every_file
def test_a_head_that_ray_up_or_slurm_starts_names_its_loopback(path: Path) -> None:
    starts = re.findall(r"ray start --head(?:[^;]|\n)*?(?=\n\S|;|\Z)", path.read_text())
    if path.name == "kuberay.yaml":
        assert not starts
    else:
        assert starts
        assert all("--dashboard-host=127.0.0.1" in start for start in starts)


@every_text
def test_no_secret_is_written_down(path: Path) -> None:
    text = HARMLESS.sub("", path.read_text())
    assert not MARKED.search(text)
    assert path.suffix == ".py" or not NAMED.search(text)


@pytest.mark.parametrize(
    "leak", ["key: AKIAABCDEFGHIJKLMNOP", f"WANDB_API_KEY={'0a' * 20}", 'auth_token: "hunter2hunter2"']
)
def test_a_secret_would_be_seen(leak: str) -> None:
    assert MARKED.search(leak) or NAMED.search(leak)


@every_file
def test_the_versions_it_names_are_the_locked_ones(path: Path) -> None:
    text, versions = path.read_text(), locked()
    named = {(name.lower(), version) for name, version in re.findall(r"\b([a-zA-Z][\w-]*)==([\d.]+\d)", text)}
    for name, version in named:
        assert version in versions.get(name, {version})
    rays = re.findall(r"(?:rayproject/ray:|rayVersion: \"|\bRay (?:here is )?)(\d+\.\d+(?:\.\d+)?)", text)
    ray_version = next(iter(versions["ray"]))
    assert all(ray_version == ray or ray_version.startswith(f"{ray}.") for ray in rays)
    assert rays or ("ray", ray_version) in named or "constraints.txt" in text


@every_file
def test_its_header_says_what_to_edit_and_what_it_costs(path: Path) -> None:
    assert re.search(r"# EDIT\b", path.read_text())
    assert "Costs" in header(path)


@every_file
def test_the_tunehound_commands_of_its_header_exist(path: Path) -> None:
    root = get_command(app)
    called = commands(path, "tunehound") + commands(path, "clusters/slurm.sh")
    assert called
    for words in called:
        exists(root, words)


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".yaml"], ids=lambda path: path.name)
def test_the_ray_commands_of_its_header_exist(path: Path) -> None:
    called = commands(path, "ray")
    if is_launcher(path):
        names = {words[0] for words in called}
        assert names >= {"up", "submit", "exec", "rsync-down", "dashboard", "down", "get-auth-token"}
        assert all(f"clusters/{path.name}" in words for words in called if words[0] in {"up", "submit", "down"})
    for words in called:
        exists(ray_cli, words)


def test_kubernetes_documents_have_names_of_one_family() -> None:
    kinds = {document["kind"]: document["metadata"]["name"] for document in documents(FOLDER / "kuberay.yaml")}
    assert all(name.startswith("tunehound") for name in kinds.values())


def exists(root: Any, words: list[str]) -> None:
    """Follows words down a tree of commands, and finds the options before ``--``; what follows that is tunehound's."""
    command, rest = root, list(words)
    while rest and hasattr(command, "commands"):
        known = {name.replace("_", "-"): found for name, found in command.commands.items()}
        assert rest[0] in known, f"no such command: {' '.join(words)}"
        command = known[rest.pop(0)]
    own = rest[: rest.index("--")] if "--" in rest else rest
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    given = {word.partition("=")[0] for word in own if re.match(r"--?[a-z]", word)}
    assert given <= options, f"no such option: {' '.join(words)}"
    if "--" in rest:
        sent = rest[rest.index("--") + 1 :]
        exists(get_command(app), sent[2:] if sent[0] == "python" else sent)
