"""What a W&B server keeps, and what it answers to wandb 0.31: runs, their files, artifacts and saved reports."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.search.tracking.wandb_artifacts import ME, PROJECT_ID, SINCE, ArtifactStore


@dataclass
class Received:
    """One W&B run as the server has it."""

    id: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    project: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    """Lines of JSON, at the places that the client gave them."""
    files: dict[str, bytes] = field(default_factory=dict)
    exit_code: int | None = None
    """None: it was not finished."""

    @property
    def steps(self) -> list[int]:
        """The epochs, in the order in which W&B would show them."""
        return [int(json.loads(line)["_step"]) for line in self.history]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.loads(line) for line in self.history]

    def shown(self, key: str) -> Any:
        """What a panel of the newest row shows: the table or figure that was logged as ``key``, read from its file."""
        return json.loads(self.files[self.rows[-1][key]["path"]])


class WandbStore(ArtifactStore):
    """Keeps what is sent, and answers GraphQL by the name of the operation."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.runs: dict[str, Received] = {}
        self.reports: dict[str, dict[str, Any]] = {}

    def steps(self) -> dict[int, list[int]]:
        """The epochs of every trial, by its number."""
        numbered = {id.rsplit("-", 1)[1]: run.steps for id, run in sorted(self.runs.items())}
        return {int(number): steps for number, steps in numbered.items() if number.isdigit()}

    def of(self, which: int | str) -> Received:
        """The W&B run of a trial, or the one of the ``leaderboard``."""
        (run,) = (run for id, run in self.runs.items() if id.endswith(f"-{which}"))
        return run

    def graphql(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        """The data of an answer; what is not known is answered with nothing."""
        method = getattr(self, "_" + name[:1].lower() + name[1:], None)
        return method(given) if method else {}

    def uploaded(self, path: list[str], body: bytes) -> None:
        """A file arrives where an answer said it should."""
        place, owner, name = path[0], path[1], "/".join(path[2:])
        if place == "run-file":
            self.runs[owner].files[name] = body
        elif place == "manifest":
            self._artifact(owner).manifest = body
        else:
            self._artifact(owner).files[name] = body

    def downloaded(self, path: list[str]) -> bytes:
        """A file that an answer said would be there."""
        kept = self._artifact(path[1])
        return kept.manifest if path[0] == "manifest" else kept.files["/".join(path[2:])]

    def stream(self, id: str, sent: dict[str, Any]) -> None:
        """Rows, a summary, the end of a run."""
        run = self.runs[id]
        for file, part in (sent.get("files") or {}).items():
            if file == "wandb-history.jsonl":
                run.history[part["offset"] : part["offset"] + len(part["content"])] = part["content"]
            elif file == "wandb-summary.json":
                run.summary = json.loads(part["content"][-1])
        run.exit_code = sent.get("exitcode", run.exit_code)

    def _upsertBucket(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        run = self.runs.setdefault(given["name"], Received(id=given["name"]))
        run.name, run.group = given.get("displayName") or run.name, given.get("groupName") or run.group
        run.project, run.job_type = given.get("project") or run.project, given.get("jobType") or run.job_type
        self.projects[given["name"]] = run.project
        run.tags = run.tags if given.get("tags") is None else given["tags"]
        run.config = json.loads(given["config"]) if given.get("config") else run.config
        project = {"id": "p", "name": run.project, "entity": ME}
        bucket = {
            "id": f"id-{given['name']}", "name": given["name"], "displayName": run.name, "description": None,
            "config": json.dumps(run.config), "sweepName": None, "project": project,
            "historyLineCount": len(run.history),
        }  # fmt: skip
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def _runResumeStatus(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        run = self.runs.get(given["name"])
        bucket = run and _status(run)
        return {"model": {"id": "p", "name": given["project"], "entity": ME, "bucket": bucket}}

    def _viewer(self, given: dict[str, Any]) -> dict[str, Any]:
        me = {**ME, "entity": "me", "username": "me", "email": "", "flags": "{}", "teams": {"edges": []}}
        return {"viewer": me}

    _getDefaultEntity = _viewer  # noqa: N815

    def _serverFeaturesQuery(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"serverInfo": {"features": []}}

    def _createRunFiles(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        files = [{"name": file, "uploadUrl": f"{self.url}/run-file/{given['run']}/{file}"} for file in given["files"]]
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def _runs(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = json.loads(given["filters"] or "{}")
        found = [run for run in self.runs.values() if run.project == given["project"] and _meets(run, wanted)]
        edges = [{"node": _node(run), "cursor": run.id} for run in found]
        page = {"endCursor": None, "hasNextPage": False}
        runs = {"edges": edges, "pageInfo": page}
        if given["project"] not in {run.project for run in self.runs.values()}:
            return {"project": None}
        return {
            "project": {"internalId": PROJECT_ID, "runCount": len(found), "readOnly": False, "runs": runs},
        }

    def _run(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"run": _node(self.runs[given["name"]])}}

    def _runSampledHistory(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        keys = json.loads(given["specs"][0])["keys"]
        rows = [{key: row[key] for key in keys if key in row} for row in self.runs[given["name"]].rows]
        return {"project": {"run": {"sampledHistory": [rows]}}}

    def _projectInternalId(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"project": {"id": "p", "internalId": str(PROJECT_ID)}}

    def _getProjects(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        names = sorted({run.project for run in self.runs.values()})
        nodes = [
            {"id": "p", "name": name, "entityName": "me", "createdAt": SINCE, "isBenchmark": False, "user": None}
            for name in names
        ]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"models": {"edges": [{"cursor": "c", "node": node} for node in nodes], "pageInfo": page}}

    def _upsertView(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        id = given.get("id") or f"R{len(self.reports)}"
        self.reports[id] = {**given, "spec": json.loads(given["spec"])}
        project = {"id": "p", "name": given["projectName"], "entityName": given["entityName"]}
        told = {key: given.get(key) for key in ("type", "name", "displayName", "description", "spec")}
        return {"upsertView": {"view": {**told, "id": id, "project": project, "updatedAt": SINCE}, "inserted": True}}


def _meets(run: Received, filters: dict[str, Any]) -> bool:
    """Whether a run is what MongoDB's kind of filter asks for; as much of it as is used."""
    if "$or" in filters:
        return any(_meets(run, each) for each in filters["$or"])
    if "$and" in filters:
        return all(_meets(run, each) for each in filters["$and"])
    told = {"group": run.group, "jobType": run.job_type, "name": run.id}
    return all(told[key] == value for key, value in filters.items())


def _node(run: Received) -> dict[str, Any]:
    """A run as the public API reads it."""
    return {
        "projectId": PROJECT_ID, "id": f"id-{run.id}", "tags": run.tags, "name": run.id, "displayName": run.name,
        "sweepName": None, "state": "finished" if run.exit_code == 0 else "failed", "config": json.dumps(run.config),
        "group": run.group, "jobType": run.job_type, "commit": None, "readOnly": False, "createdAt": SINCE,
        "heartbeatAt": SINCE, "description": None, "notes": None, "systemMetrics": "{}",
        "summaryMetrics": json.dumps(run.summary), "historyLineCount": len(run.history),
        "user": {"name": "me", "username": "me"}, "historyKeys": None,
    }  # fmt: skip


def _status(run: Received) -> dict[str, Any]:
    """What the server says of a run that is to be continued."""
    told = run.config.get("_wandb", {}).get("value", {}).get("t", {})
    return {
        "id": f"id-{run.id}", "name": run.id, "summaryMetrics": json.dumps(run.summary),
        "displayName": run.name, "logLineCount": 0, "historyLineCount": len(run.history), "eventsLineCount": 0,
        "historyTail": json.dumps(run.history[-1:]), "eventsTail": "[]", "config": json.dumps(run.config),
        "tags": run.tags, "notes": None, "wandbConfig": json.dumps({"t": told}),
    }  # fmt: skip
