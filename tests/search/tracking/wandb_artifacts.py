"""The artifacts of a stand-in W&B server: versions, their manifests and files."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

ME = {"id": "u", "name": "me"}
PROJECT_ID = 7
SINCE = "2026-01-02T03:04:05Z"


@dataclass
class Kept:
    """One version of an artifact."""

    id: str
    collection: str
    kind: str
    digest: str
    run: str
    version: int
    aliases: list[str]
    metadata: str
    state: str = "PENDING"
    manifest: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)


class ArtifactStore:
    """Keeps artifacts, and answers what is asked of them. A version is committed once every file has arrived whole."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.artifacts: list[Kept] = []
        self.links: dict[str, tuple[str, list[str]]] = {}
        """By the name of the collection, the artifact that was linked to it, and as what."""
        self.projects: dict[str, str] = {}
        """The project of each run."""

    def versions(self, kind: str) -> list[Kept]:
        """The committed versions of the artifacts of a kind."""
        return [kept for kept in self.artifacts if kept.kind == kind and kept.state == "COMMITTED"]

    def rewrite(self, kept: Kept, name: str, file: bytes) -> None:
        """Somebody who may do so puts another file in the place of one."""
        kept.files[name] = file
        manifest = json.loads(kept.manifest)
        manifest["contents"][name] |= {"digest": _md5(file), "size": len(file)}
        kept.manifest = json.dumps(manifest).encode()

    def _artifact(self, id: str) -> Kept:
        (kept,) = (kept for kept in self.artifacts if kept.id == id)
        return kept

    def _artifactType(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        kept = self._named(given["name"])
        return {"project": {"artifact": kept and {"artifactType": {"name": kept.kind}}}}

    def _createArtifact(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        told = given["input"]
        collection = (told.get("artifactCollectionNames") or [told.get("artifactCollectionName")])[0]
        aliases = [alias["alias"] for alias in told.get("aliases") or []]
        earlier = [kept for kept in self.artifacts if kept.collection == collection]
        same = [kept for kept in earlier if kept.digest == told["digest"] and kept.state == "COMMITTED"]
        for kept in earlier:
            kept.aliases = [alias for alias in kept.aliases if alias not in aliases]
        if same:
            same[0].aliases += aliases
        else:
            new = Kept(
                id=f"A{len(self.artifacts)}",
                collection=collection,
                kind=told["artifactTypeName"],
                digest=told["digest"],
                run=told.get("runName") or "",
                version=len(earlier),
                aliases=aliases,
                metadata=told.get("metadata") or "{}",
            )
            self.artifacts.append(new)
            same = [new]
        latest = {"id": earlier[-1].id} if earlier else None
        sequence = {"latestArtifact": latest}
        return {
            "createArtifact": {"artifact": {"id": same[0].id, "state": same[0].state, "artifactSequence": sequence}}
        }

    def _createArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"createArtifactManifest": self._manifest_of(given["artifactID"])}

    def _updateArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"updateArtifactManifest": self._manifest_of(given["artifactManifestID"].removeprefix("M"))}

    def _manifest_of(self, artifact: str) -> dict[str, Any]:
        file = {"id": "F", "uploadUrl": f"{self.url}/manifest/{artifact}/manifest.json", "uploadHeaders": []}
        return {"artifactManifest": {"id": f"M{artifact}", "file": file}}

    def _createArtifactFiles(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        nodes = [
            {
                "storagePath": f"kept/{file['artifactID']}/{file['name']}",
                "uploadUrl": f"{self.url}/artifact/{file['artifactID']}/{file['name']}",
                "uploadHeaders": [],
                "uploadMultipartUrls": None,
                "artifact": {"id": file["artifactID"]},
            }
            for file in given["input"]["artifactFiles"]
        ]
        return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}

    def _commitArtifact(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        kept = self._artifact(given["artifactID"])
        wanted = json.loads(kept.manifest)["contents"]
        arrived = {name: _md5(file) for name, file in kept.files.items()}
        if {name: told["digest"] for name, told in wanted.items()} == arrived:
            kept.state = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": kept.id, "digest": kept.digest}}}

    def _artifactMembershipByName(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        kept = self._named(given["name"])
        return {"project": {"artifactCollectionMembership": kept and self._membership(kept)}}

    def _linkArtifact(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        told = given["input"]
        kept = self._artifact(told["artifactID"])
        aliases = [alias["alias"] for alias in told.get("aliases") or []]
        self.links[told["artifactPortfolioName"]] = (kept.id, aliases)
        return {"result": {"versionIndex": 0, "artifactMembership": self._membership(kept)}}

    def _artifactByID(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"artifact": self._told(self._artifact(given["id"]))}

    def _fetchArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"artifact": {"currentManifest": {"file": {"directUrl": f"{self.url}/manifest/{given['id']}/m"}}}}

    def _getArtifactMembershipFileUrls(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        kept = self._named(f"{given['collection']}:{given['alias']}")
        names = kept.files if kept else ()
        nodes = [
            {"__typename": "File", "name": name, "directUrl": f"{self.url}/artifact/{kept and kept.id}/{name}"}
            for name in names
        ]
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        files = {"pageInfo": page, "edges": [{"node": node} for node in nodes]}
        collection = {"__typename": "ArtifactSequence", "artifactMembership": {"files": files}}
        return {"project": {"artifactCollection": collection}}

    def _named(self, name: str) -> Kept | None:
        collection, _, alias = name.partition(":")
        found = [kept for kept in self.artifacts if kept.collection == collection and kept.state == "COMMITTED"]
        return next((kept for kept in reversed(found) if alias in ("", f"v{kept.version}", *kept.aliases)), None)

    def _collection(self, kept: Kept) -> dict[str, Any]:
        project = {"id": "p", "internalId": str(PROJECT_ID), "name": self.projects[kept.run], "entity": ME}
        return {"__typename": "ArtifactSequence", "name": kept.collection, "project": project}

    def _told(self, kept: Kept) -> dict[str, Any]:
        aliases = [{"__typename": "ArtifactAlias", "id": alias, "alias": alias} for alias in kept.aliases]
        return {
            "__typename": "Artifact", "id": kept.id, "artifactSequence": self._collection(kept),
            "versionIndex": kept.version, "artifactType": {"name": kept.kind}, "description": None,
            "metadata": kept.metadata, "ttlDurationSeconds": -1, "ttlIsInherited": False, "tags": [],
            "historyStep": None, "state": kept.state, "size": 1, "digest": kept.digest, "commitHash": "c",
            "digestAlgorithm": "MANIFEST_MD5", "fileCount": len(kept.files), "createdAt": SINCE, "updatedAt": SINCE,
            "aliases": [{**alias, "artifactCollection": self._collection(kept)} for alias in aliases],
        }  # fmt: skip

    def _membership(self, kept: Kept) -> dict[str, Any]:
        told = self._told(kept)
        return {
            "__typename": "ArtifactCollectionMembership", "id": f"m-{kept.id}", "versionIndex": kept.version,
            "createdAt": SINCE, "aliases": told["aliases"], "artifactCollection": self._collection(kept),
            "artifact": told,
        }  # fmt: skip


def _md5(file: bytes) -> str:
    return base64.b64encode(hashlib.md5(file, usedforsecurity=False).digest()).decode()
