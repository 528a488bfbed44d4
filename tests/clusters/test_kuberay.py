"""kuberay.yaml against what KubeRay publishes.

`FIELDS` is what the custom resource definition ray.io_rayjobs.yaml (KubeRay 1.5.1, 1.6.2 and 1.7.0; v1) says of the
fields that we use, and no more: their types, which are required (a star) and, after a bar, what a word may be. Below
`template` it is Kubernetes' own PodTemplateSpec.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.clusters.launchers import FOLDER, documents, locked

CONTAINER = {
    "name*": "string",
    "image": "string",
    "env": ["object"],
    "envFrom": ["object"],
    "ports": [{"name": "string", "containerPort*": "integer", "protocol": "string"}],
    "resources": {"limits": "quantities", "requests": "quantities"},
    "volumeMounts": [{"name*": "string", "mountPath*": "string", "readOnly": "boolean"}],
}
POD = {
    "containers*": [CONTAINER],
    "volumes": ["object"],
    "restartPolicy": "string",
    "nodeSelector": "strings",
    "tolerations": [{"key": "string", "operator": "string", "value": "string", "effect": "string"}],
    "securityContext": {"fsGroup": "integer"},
}
TEMPLATE = {"metadata": {"labels": "strings"}, "spec": POD}
FIELDS = {
    "entrypoint": "string",
    "submissionMode": "string|K8sJobMode|HTTPMode|InteractiveMode|SidecarMode",
    "backoffLimit": "integer",
    "shutdownAfterJobFinishes": "boolean",
    "ttlSecondsAfterFinished": "integer",
    "rayClusterSpec": {
        "rayVersion": "string",
        "authOptions": {"mode": "string|disabled|token"},
        "enableInTreeAutoscaling": "boolean",
        "autoscalerOptions": {"version": "string|v1|v2", "idleTimeoutSeconds": "integer"},
        "headGroupSpec*": {"rayStartParams": "strings", "template*": TEMPLATE},
        "workerGroupSpecs": [
            {
                "groupName*": "string",
                "replicas": "integer",
                "minReplicas*": "integer",
                "maxReplicas*": "integer",
                "rayStartParams": "strings",
                "template*": TEMPLATE,
            }
        ],
    },
}
TYPES = {"string": str, "integer": int, "boolean": bool, "object": dict}
ALL = documents(FOLDER / "kuberay.yaml")
JOB = ALL[0]
CLUSTER = JOB["spec"]["rayClusterSpec"]
WORKERS = CLUSTER["workerGroupSpecs"][0]
PODS = {"head": CLUSTER["headGroupSpec"]["template"]["spec"], "worker": WORKERS["template"]["spec"]}


def test_every_field_is_one_that_kuberay_has() -> None:
    assert JOB["apiVersion"], JOB["kind"] == ("ray.io/v1", "RayJob")
    assert list(faults(JOB["spec"], FIELDS, "spec")) == []


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"backofLimit": 1}, "spec.backofLimit"),
        ({"submissionMode": "Sidecar"}, "spec.submissionMode"),
        ({"rayClusterSpec": {}}, "spec.rayClusterSpec.headGroupSpec"),
        ({"backoffLimit": "3"}, "spec.backoffLimit"),
    ],
)
def test_a_field_that_kuberay_has_not_would_be_seen(spec: dict[str, Any], fault: str) -> None:
    assert list(faults(spec, FIELDS, "spec")) == [fault]


def test_the_head_trains_nothing_and_workers_come_and_go() -> None:
    assert CLUSTER["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0", "num-gpus": "0"}
    assert CLUSTER["enableInTreeAutoscaling"] is True
    assert (WORKERS["replicas"], WORKERS["minReplicas"]) == (0, 0)
    assert PODS["worker"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_ray_asks_for_a_token_that_stands_nowhere_in_the_file() -> None:
    assert CLUSTER["authOptions"] == {"mode": "token"}
    version = tuple(int(part) for part in CLUSTER["rayVersion"].split("."))
    assert version >= (2, 52, 0)  # what KubeRay asks for with a token
    assert CLUSTER["rayVersion"] in locked()["ray"]
    assert "kind: Secret\n" not in (FOLDER / "kuberay.yaml").read_text()


def test_the_key_of_wandb_reaches_the_head_alone() -> None:
    head, worker = (PODS[part]["containers"][0] for part in ("head", "worker"))
    assert head["envFrom"] == [{"secretRef": {"name": "tunehound-wandb", "optional": True}}]
    assert "envFrom" not in worker
    assert not any("KEY" in variable["name"] for variable in head["env"] + worker["env"])


def test_the_sidecar_that_submits_lets_no_head_restart_by_itself() -> None:
    assert JOB["spec"]["submissionMode"] == "SidecarMode"
    assert PODS["head"]["restartPolicy"] == "Never"
    assert "submitterPodTemplate" not in JOB["spec"]


@pytest.mark.parametrize("part", ["head", "worker"])
def test_what_a_container_mounts_its_pod_has(part: str) -> None:
    pod = PODS[part]
    container = pod["containers"][0]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    settings = {variable["name"]: variable["value"] for variable in container["env"]}
    mounted = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert any(settings["TUNEHOUND_CACHE"].startswith(path) for path in mounted)


def test_what_the_job_needs_beside_it_is_in_the_file_or_made_by_its_header() -> None:
    made = {(document["kind"], document["metadata"]["name"]) for document in ALL}
    text = (FOLDER / "kuberay.yaml").read_text()
    for volume in PODS["head"]["volumes"]:
        if "configMap" in volume:
            name = volume["configMap"]["name"]
            assert ("ConfigMap", name) in made or f"create configmap {name} " in text
        if "persistentVolumeClaim" in volume:
            assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in made


def test_only_rays_own_pods_and_the_operator_are_let_in() -> None:
    policy = next(document for document in ALL if document["kind"] == "NetworkPolicy")["spec"]
    for template in (CLUSTER["headGroupSpec"]["template"], WORKERS["template"]):
        assert policy["podSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    own, operator = policy["ingress"]
    assert own["from"] == [{"podSelector": policy["podSelector"]}]
    assert operator["ports"] == [{"protocol": "TCP", "port": 8265}]


def faults(value: Any, wanted: Any, path: str) -> Iterator[str]:
    """The paths of what is not as published; required fields are marked by a star."""
    if isinstance(wanted, Mapping):
        yield from object_faults(value, wanted, path)
    elif isinstance(wanted, list):
        for number, entry in enumerate(value):
            yield from faults(entry, wanted[0], f"{path}[{number}]")
    elif wanted in ("strings", "quantities"):
        if not all(isinstance(entry, str) for entry in value.values()):
            yield path
    else:
        kind, *words = wanted.split("|")
        if type(value) is not TYPES[kind] or (words and value not in words):
            yield path


def object_faults(value: Mapping[str, Any], wanted: Mapping[str, Any], path: str) -> Iterator[str]:
    known = {name.rstrip("*"): kind for name, kind in wanted.items()}
    required = {name.rstrip("*") for name in wanted if name.endswith("*")}
    yield from (f"{path}.{name}" for name in sorted((required - value.keys()) | (value.keys() - known.keys())))
    for name in value.keys() & known.keys():
        yield from faults(value[name], known[name], f"{path}.{name}")
