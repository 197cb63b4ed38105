"""The judges judge: known-good objects pass, and one misspelt key anywhere is a problem."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.oracles import aws, cel, kubernetes, names, quantity, release, vllm
from tests.oracles.regex import re2
from tests.oracles.schema import Judge
from tests.oracles.urn import urn

ACCEPTED = Path(__file__).parent / "oracles" / "data" / "accepted"
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all((ACCEPTED / "kubernetes.yaml").read_text(encoding="utf-8")))
RESOURCES: list[dict[str, Any]] = yaml.safe_load((ACCEPTED / "aws.yaml").read_text(encoding="utf-8"))

Steps = tuple[str | int, ...]

FREE_KEYS = {"labels", "annotations", "matchLabels", "nodeSelector", "data", "tags"}
"""Maps whose keys are the user's own: no schema can know a misspelling there."""


def of_kind(kind: str) -> dict[str, Any]:
    """Return a copy of the accepted object of this kind, for a test to break."""
    return copy.deepcopy(next(o for o in OBJECTS if o["kind"] == kind))


def edited(value: dict[str, Any], path: Steps, edit: Callable[[Any, Any], None]) -> dict[str, Any]:
    """Return a copy of the value in which `edit(parent, last step)` was done at the path."""
    value = copy.deepcopy(value)
    parent: Any = value
    for step in path[:-1]:
        parent = parent[step]
    edit(parent, path[-1])
    return value


def put(value: dict[str, Any], path: str, item: Any) -> dict[str, Any]:
    """Return a copy with `item` at a dotted path, whose digits are positions in lists."""
    steps = tuple(int(s) if s.isdigit() else s for s in path.split("/"))
    return edited(value, steps, setter(item))


def drop(value: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a copy without what is at the path."""
    steps = tuple(int(s) if s.isdigit() else s for s in path.split("/"))
    return edited(value, steps, lambda parent, step: parent.pop(step))


def key_paths(value: Any, path: Steps = ()) -> Iterator[Steps]:
    """Yield the path of every key below the value; a reference form has no keys of its own."""
    if isinstance(value, dict) and len(value) == 1 and str(next(iter(value))).startswith("$"):
        inside = value.get("$json")
        if isinstance(inside, dict) and "Version" in inside:
            yield from key_paths(inside, (*path, "$json"))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from key_paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from key_paths(item, (*path, index))


def is_free(kind: str, path: Steps) -> bool:
    """Whether the last key of the path is the user's own word."""
    parent = path[-2] if len(path) > 1 else ""
    selector = kind == "Service" and path[:-1] == ("spec", "selector")
    limits = kind == "NodePool" and path[:-1] == ("spec", "limits")
    condition = len(path) > 2 and path[-3] == "Condition"
    return parent in FREE_KEYS or selector or limits or condition


def misspellings(key: str) -> list[str]:
    """Return three slips of a writer: a letter too many, two letters swapped, the wrong case."""
    slips = [key + "x", key[:-2] + key[:-3:-1], key[0].swapcase() + key[1:]]
    return [slip for slip in slips if slip != key]


def misspelt(value: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the value with one key misspelt, for every key and slip, with the name of what was done."""
    for path in key_paths(value):
        if is_free(kind, path):
            continue
        for slip in misspellings(str(path[-1])):

            def rename(parent: dict[str, Any], key: str, slip: str = slip) -> None:
                items = [(slip if k == key else k, v) for k, v in parent.items()]
                parent.clear()
                parent.update(items)

            yield f"{'/'.join(map(str, path))} -> {slip}", edited(value, path, rename)


# --- Kubernetes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda o: o["kind"])
def test_accepted_objects_pass(manifest: dict[str, Any]) -> None:
    """A realistic object of each kind has no problem."""
    assert kubernetes.problems(manifest) == []


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda o: o["kind"])
def test_every_misspelt_key_of_an_object_is_a_problem(manifest: dict[str, Any]) -> None:
    """Whatever key of a manifest is misspelt, the judge says so."""
    broken = list(misspelt(manifest, manifest["kind"]))
    assert len(broken) > 5
    assert [what for what, value in broken if not kubernetes.problems(value)] == []


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda o: o["kind"])
def test_every_value_of_the_wrong_type_is_a_problem(manifest: dict[str, Any]) -> None:
    """A list of lists fits no field of these objects."""
    for path in key_paths(manifest):
        broken = edited(manifest, path, setter([[]]))
        assert kubernetes.problems(broken), path


def test_a_reference_stands_for_any_value() -> None:
    """A value known only after apply cannot be judged, whatever form it has."""
    deployment = of_kind("Deployment")
    for form in (
        {"$ref": ["a", "arn"]},
        {"$format": ["x", {"$ref": ["a", "id"]}]},
        {"$stackOutput": ["p", "n"]},
    ):
        assert kubernetes.problems(put(deployment, "metadata/annotations", {"example.com/role": form})) == []
        assert kubernetes.problems(put(deployment, "spec/replicas", form)) == []
        assert kubernetes.problems(put(deployment, "spec/template/spec/containers/0/image", form)) == []


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda o: o["kind"])
def test_no_object_makes_the_judge_stumble(manifest: dict[str, Any]) -> None:
    """Whatever stands at a key, the judge answers; null, an empty list or a reference do not break it."""
    for path in key_paths(manifest):
        for item in (None, [], {}, -1, "", [None], {"$ref": ["a", "b"]}):
            kubernetes.problems(edited(manifest, path, setter(item)))


def setter(item: Any) -> Callable[[Any, Any], None]:
    """Return the edit that puts the item at the key."""
    return lambda parent, key: parent.__setitem__(key, item)


MISTAKES: list[tuple[str, str, Any, str]] = [
    ("Deployment", "kind", "Deploymnt", "no kind"),
    ("Deployment", "apiVersion", "apps/v2", "no kind"),
    ("Deployment", "metadata/name", "Chat", "DNS subdomain"),
    ("Deployment", "metadata/namespace", "a.b", "DNS label"),
    ("Deployment", "metadata/labels", {"a b": "c"}, "label key"),
    ("Deployment", "metadata/labels", {"a": "c" * 64}, "label value"),
    ("Deployment", "metadata/labels", {"a": 1}, "type string"),
    ("Deployment", "metadata/annotations", {"a": "x" * 300_000}, "262144"),
    ("Deployment", "metadata/uid", "1", "written by the server"),
    ("Deployment", "spec/replicas", "2", "type integer"),
    ("Deployment", "spec/replicas", 2**31, "int32"),
    ("Deployment", "spec/selector/matchLabels", {"app": "other"}, "does not match"),
    ("Deployment", "spec/selector", {}, "empty selector"),
    ("Deployment", "spec/template/metadata/labels", {"app.kubernetes.io/name": "vllm"}, "does not match"),
    ("Deployment", "spec/strategy/rollingUpdate/maxUnavailable", "0%", "both 0"),
    ("Deployment", "spec/strategy/rollingUpdate/maxUnavailable", "lots", "percentage"),
    ("Deployment", "spec/strategy/type", "Recreate", "not with Recreate"),
    ("Deployment", "spec/progressDeadlineSeconds", 5, "minReadySeconds"),
    ("Deployment", "spec/template/spec/restartPolicy", "Never", "restartPolicy"),
    ("Deployment", "spec/template/spec/volumes/0/name", "other", "no volume"),
    ("Deployment", "spec/template/spec/volumes/1/name", "models", "duplicate"),
    ("Deployment", "spec/template/spec/volumes/1/hostPath", {"path": "/x"}, "exactly one source"),
    ("Deployment", "spec/template/spec/volumes/1/emptyDir/sizeLimit", "8GB", "quantity"),
    ("Deployment", "spec/template/spec/initContainers/0/name", "vllm", "used twice"),
    (
        "Deployment",
        "spec/template/spec/initContainers/0/readinessProbe",
        {"exec": {"command": ["x"]}},
        "init",
    ),
    ("Deployment", "spec/template/spec/tolerations/0/value", "x", "not with Exists"),
    ("Deployment", "spec/template/spec/nodeSelector", {"pool": "a b"}, "label value"),
    ("Deployment", "spec/template/spec/topologySpreadConstraints/0/maxSkew", 0, "below 1"),
    ("Deployment", "spec/template/spec/securityContext/runAsUser", 0, "runAsNonRoot"),
    ("Deployment", "spec/template/spec/containers/0/image", "", "image"),
    ("Deployment", "spec/template/spec/containers/0/imagePullPolicy", "always", "not one of"),
    ("Deployment", "spec/template/spec/containers/0/env/1/name", "VLLM_NO_USAGE_STATS", "duplicate"),
    ("Deployment", "spec/template/spec/containers/0/env/0/name", "A=B", "not a name"),
    ("Deployment", "spec/template/spec/containers/0/env/0/value", 1, "type string"),
    ("Deployment", "spec/template/spec/containers/0/env/1/value", "x", "exclude each other"),
    ("Deployment", "spec/template/spec/containers/0/ports/0/name", "a-name-too-long-x", "port name"),
    ("Deployment", "spec/template/spec/containers/0/ports/0/name", "web", "no port 'http'"),
    ("Deployment", "spec/template/spec/containers/0/ports/0/containerPort", 70000, "not a port"),
    ("Deployment", "spec/template/spec/containers/0/livenessProbe/httpGet", {"port": 8000}, "exactly one"),
    ("Deployment", "spec/template/spec/containers/0/livenessProbe/successThreshold", 2, "must be 1"),
    ("Deployment", "spec/template/spec/containers/0/lifecycle/preStop/sleep/seconds", 121, "grace period"),
    ("Deployment", "spec/template/spec/containers/0/resources/requests/memory", "25Gi", "above the limit"),
    ("Deployment", "spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu", "2", "differs"),
    ("Deployment", "spec/template/spec/containers/0/resources/limits", {"memory": "24Gi"}, "needs a limit"),
    ("Deployment", "spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu", "500m", "not whole"),
    ("Deployment", "spec/template/spec/containers/0/resources/limits/gpu", "1", "not a resource"),
    (
        "Deployment",
        "spec/template/spec/containers/0/resources/limits/nvidia.com~1gpus",
        "1",
        "not a resource",
    ),
    ("Deployment", "spec/template/spec/containers/0/volumeMounts/1/mountPath", "/models", "duplicate"),
    ("Deployment", "spec/template/spec/containers/0/securityContext/privileged", True, "privileged"),
    ("Service", "metadata/name", "1chat", "starts with a letter"),
    ("Service", "spec/ports/1/name", "http", "used twice"),
    ("Service", "spec/ports/1/port", 80, "duplicate"),
    ("Service", "spec/ports/0/targetPort", "no_name", "port name"),
    ("Service", "spec/ports/0/nodePort", 30000, "not with ClusterIP"),
    ("Service", "spec/ports", [], "required"),
    ("Service", "spec/type", "Clusterip", "not one of"),
    ("PodDisruptionBudget", "spec/minAvailable", 1, "exactly one"),
    ("PodDisruptionBudget", "spec/maxUnavailable", "101%", "percentage"),
    ("NetworkPolicy", "spec/policyTypes", ["Ingress"], "has no effect"),
    ("NetworkPolicy", "spec/policyTypes", ["In"], "not one of"),
    ("NetworkPolicy", "spec/egress/0/to/0/ipBlock/cidr", "0.0.0.0/40", "ipBlock"),
    ("NetworkPolicy", "spec/egress/0/to/0/ipBlock/cidr", "10.0.0.0/8", "not in 10.0.0.0/8"),
    ("NetworkPolicy", "spec/egress/0/to/0/podSelector", {}, "selectors or ipBlock"),
    ("NetworkPolicy", "spec/egress/0/ports/0/endPort", 442, "range of ports"),
    ("NetworkPolicy", "spec/podSelector/matchExpressions/0/values", [], "required with In"),
    ("Job", "metadata/name", "j" * 64, "longer than 63"),
    ("Job", "spec/template/spec/restartPolicy", "Always", "restartPolicy"),
    ("Job", "spec/backoffLimit", -1, "below 0"),
    ("Job", "spec/selector", {"matchLabels": {"a": "b"}}, "made by the server"),
    ("CronJob", "spec/schedule", "15 3 * *", "not a schedule"),
    ("CronJob", "metadata/name", "c" * 53, "longer than 52"),
    ("Namespace", "metadata/namespace", "x", "cluster-scoped"),
    ("Namespace", "metadata/name", "a.b", "DNS label"),
    ("Namespace", "metadata/labels", {"pod-security.kubernetes.io/enforc": "restricted"}, "PodSecurity"),
    ("Namespace", "metadata/labels", {"pod-security.kubernetes.io/enforce": "strict"}, "not one of"),
    ("ConfigMap", "data", {"a/b": "x"}, "not a key"),
    ("ConfigMap", "data", {"a": "x" * 1_100_000}, "1048576"),
    ("ConfigMap", "binaryData", {"a": "%"}, "format byte"),
    ("PersistentVolumeClaim", "spec/accessModes", ["ReadWrite"], "not one of"),
    ("PersistentVolumeClaim", "spec/resources/requests/storage", "0", "not a size"),
    ("Role", "rules/0/verbs", [], "required"),
    ("RoleBinding", "roleRef/kind", "Rolle", "not one of"),
    ("RoleBinding", "subjects/0/apiGroup", "rbac.authorization.k8s.io", "apiGroup"),
    ("HorizontalPodAutoscaler", "spec/minReplicas", 5, "not a range"),
    ("HorizontalPodAutoscaler", "spec/metrics/0/type", "Pods", "its own key"),
    ("PriorityClass", "value", 1_000_000_001, "above"),
    ("NodePool", "metadata/namespace", "x", "cluster-scoped"),
    ("NodePool", "metadata/labels", {"a b": "c"}, "label key"),
    ("NodePool", "metadata/nam", "x", "unknown field"),
    ("NodePool", "spec/disruption/consolidationPolicy", "Never", "not one of"),
    ("NodePool", "spec/disruption/consolidateAfter", "ten", "does not match"),
    ("NodePool", "spec/disruption/budgets/0/nodes", "101%", "does not match"),
    ("NodePool", "spec/template/spec/expireAfter", "30d", "does not match"),
    ("NodePool", "spec/template/spec/requirements/0/values", [], "must have a value"),
    ("NodePool", "spec/template/spec/requirements/0/minValues", 3, "at least that many"),
    ("NodePool", "spec/template/spec/requirements/1/values", ["-1"], "positive integer"),
    ("NodePool", "spec/template/spec/requirements/1/key", "karpenter.k8s.aws/gpus", "restricted"),
    ("NodePool", "spec/template/metadata/labels", {"karpenter.sh/nodepool": "x"}, "restricted"),
    ("NodePool", "spec/template/spec/taints/0/effect", "NoRun", "not one of"),
    ("NodePool", "spec/replicas", 1, "static NodePools"),
    ("NodePool", "spec/limits", {"nvidia.com/gpu": "two"}, "does not match"),
    ("EC2NodeClass", "spec/instanceProfile", "x", "exactly one of"),
    ("EC2NodeClass", "spec/role", "", "role cannot be empty"),
    ("EC2NodeClass", "spec/amiFamily", "Bottlerocket", "AL2023"),
    ("EC2NodeClass", "spec/amiSelectorTerms/0/alias", "al2023", "improperly formatted"),
    ("EC2NodeClass", "spec/amiSelectorTerms/0/alias", "ubuntu@latest", "family is not supported"),
    ("EC2NodeClass", "spec/amiSelectorTerms/0/id", "ami-0123456789abcdef0", "mutually exclusive"),
    ("EC2NodeClass", "spec/amiSelectorTerms", [{"alias": "al2023@v1"}, {"name": "x"}], "mutually exclusive"),
    ("EC2NodeClass", "spec/subnetSelectorTerms", [], "cannot be empty"),
    ("EC2NodeClass", "spec/subnetSelectorTerms/0/id", "subnet-0123456789abcdef0", "mutually exclusive"),
    ("EC2NodeClass", "spec/subnetSelectorTerms/0/tags", {"a": ""}, "empty tag"),
    ("EC2NodeClass", "spec/tags", {"karpenter.sh/nodepool": "x"}, "restricted tag"),
    ("EC2NodeClass", "spec/kubelet/evictionSoft", {"memory.available": "5%"}, "evictionSoftGracePeriod"),
    ("EC2NodeClass", "spec/blockDeviceMappings/0/ebs/volumeType", "gp9", "not one of"),
    ("EC2NodeClass", "spec/metadataOptions/httpPutResponseHopLimit", 65, "above the maximum"),
    ("HTTPRoute", "spec/rules/0/timeouts/request", "30s", "backendRequest"),
    ("HTTPRoute", "spec/rules/0/backendRefs/0/port", 0, "below the minimum"),
    ("LeaderWorkerSet", "spec/leaderWorkerTemplate/workerTemplate/spec/containers/0/image", "", "image"),
]


@pytest.mark.parametrize(("kind", "path", "item", "message"), MISTAKES, ids=lambda v: str(v)[:60])
def test_mistakes_beyond_spelling(kind: str, path: str, item: Any, message: str) -> None:
    """A wrong value is a problem whose message names what is wrong."""
    steps = [s.replace("~1", "/") for s in path.split("/")]
    parts = tuple(int(s) if s.isdigit() else s for s in steps)
    broken = edited(of_kind(kind), parts, setter(item))
    assert any(message in problem for problem in kubernetes.problems(broken)), kubernetes.problems(broken)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "spec/selector"),
        ("Deployment", "metadata/namespace"),
        ("Deployment", "spec/template/spec/containers/0/name"),
        ("Deployment", "spec/template/spec/containers/0/ports/0/containerPort"),
        ("Deployment", "spec/template/spec/containers/0/livenessProbe/tcpSocket"),
        ("Service", "spec/ports/1/name"),
        ("PodDisruptionBudget", "spec/maxUnavailable"),
        ("RoleBinding", "roleRef/apiGroup"),
        ("NodePool", "spec/template/spec/nodeClassRef/group"),
        ("NodePool", "spec/disruption/budgets/0/duration"),
        ("EC2NodeClass", "spec/role"),
        ("EC2NodeClass", "spec/subnetSelectorTerms"),
    ],
)
def test_what_is_required_is_missed(kind: str, path: str) -> None:
    """Leaving out a required field is a problem."""
    assert kubernetes.problems(drop(of_kind(kind), path))


def test_a_default_of_a_crd_fills_a_required_field() -> None:
    """The API server fills defaults in before it validates: `consolidateAfter` is required and has one."""
    pool = drop(of_kind("NodePool"), "spec/disruption")
    assert kubernetes.problems(pool) == []


def test_a_version_that_is_not_served_is_a_problem() -> None:
    """external-secrets 2.9 still defines v1beta1 and no longer serves it."""
    secret = {
        "apiVersion": "external-secrets.io/v1beta1",
        "kind": "ExternalSecret",
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {},
    }
    assert "apiVersion: external-secrets.io/v1beta1 is not served" in kubernetes.problems(secret)


def test_judging_is_fast() -> None:
    """A graph of a hundred objects is judged in under a second."""
    for manifest in OBJECTS:
        kubernetes.problems(manifest)
    started = time.perf_counter()
    for _ in range(100 // len(OBJECTS) + 1):
        for manifest in OBJECTS:
            kubernetes.problems(manifest)
    assert time.perf_counter() - started < 1


def draft(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """Return the schema as plain JSON Schema: references put in, unknown keys refused."""
    if "$ref" in schema:
        return draft(definitions[schema["$ref"]], definitions)
    plain = {k: v for k, v in schema.items() if not k.startswith("x-kubernetes-") and k != "default"}
    if "properties" in plain:
        plain["properties"] = {name: draft(part, definitions) for name, part in plain["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            plain.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(plain.get(key), dict):
            plain[key] = draft(plain[key], definitions)
    if schema.get("x-kubernetes-int-or-string"):
        plain["type"] = ["integer", "string"]
        plain.pop("anyOf", None)
    return plain


def cross_checked() -> list[tuple[dict[str, Any], Any, Judge]]:
    """Return accepted objects with the schema and the judge that the walker uses for them."""
    kinds, judge = kubernetes.built_in()
    found: list[tuple[dict[str, Any], Any, Judge]] = []
    for manifest in OBJECTS:
        kind = f"{manifest['apiVersion']}/{manifest['kind']}"
        if kind in kinds:
            found.append((manifest, judge.definitions[kinds[kind]["schema"]], judge))
        elif manifest["kind"] in ("NodePool", "EC2NodeClass"):
            schema = kubernetes.custom_kinds(manifest["apiVersion"].partition("/")[0])[kind]["schema"]
            found.append((Judge().with_defaults(schema, manifest), schema, Judge()))
    return found


@pytest.mark.parametrize(
    ("manifest", "schema", "judge"), cross_checked(), ids=[m["kind"] for m, _, _ in cross_checked()]
)
def test_the_walker_agrees_with_jsonschema(manifest: dict[str, Any], schema: Any, judge: Judge) -> None:
    """On objects broken at every key, our walker and the jsonschema library give the same verdict.

    The walker may say more: duplicates, quantities, formats and CEL rules are not in JSON Schema.
    """
    validator = jsonschema.Draft7Validator(draft(schema, judge.definitions))
    more = ("duplicate", "quantity", "int32", "int64", "format")
    if not judge.definitions:
        # messages of CEL rules are prose without a common word
        schema = without_rules(schema)
    assert list(judge.problems(schema, manifest, "")) == []
    for index, path in enumerate(key_paths(manifest)):
        # every key gets three of the eight edits, in turn: all of them take long on a Deployment
        for name, edit in (list(EDITS.items()) * 2)[index % 8 : index % 8 + 3]:
            broken = edited(manifest, path, edit)
            said = list(judge.problems(schema, broken, ""))
            if validator.is_valid(broken):
                assert [s for s in said if not any(word in s for word in more)] == [], (path, name)
            else:
                assert said, (path, name)


EDITS: Mapping[str, Callable[[Any, Any], Any]] = {
    "misspelt": lambda parent, key: parent.__setitem__(key + "x", parent.pop(key)),
    "removed": lambda parent, key: parent.pop(key),
    "a list": setter([[]]),
    "a text": setter("Some text"),
    "true": setter(True),
    "a number": setter(7),
    "half": setter(0.5),
    "a map": setter({"a": {"b": 1}, "c": []}),
}


def without_rules(schema: Any) -> Any:
    """Return a schema without its CEL rules."""
    if isinstance(schema, list):
        return [without_rules(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: without_rules(v) for k, v in schema.items() if k != "x-kubernetes-validations"}


def rules(schema: Any) -> Iterator[str]:
    """Yield the texts of all CEL rules in a schema."""
    for rule in schema.get("x-kubernetes-validations", ()):
        yield rule["rule"]
    for part in schema.get("properties", {}).values():
        yield from rules(part)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from rules(schema[key])


def test_every_carried_rule_and_pattern_can_be_read() -> None:
    """No rule of a carried CRD is passed over: all parse but those that compare with an old object."""
    read = set()
    for group in kubernetes.custom_groups():
        for row in kubernetes.custom_kinds(group).values():
            read |= {rule for rule in rules(row["schema"]) if "oldSelf" not in rule}
            for pattern in patterns(row["schema"]):
                re2(pattern)
    assert len(read) > 300
    for rule in read:
        cel.parse(rule)


def patterns(schema: Any) -> Iterator[str]:
    """Yield all patterns in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for part in schema.values():
            yield from patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from patterns(part)


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        # examples of the Kubernetes documentation, "Validation rules" of CustomResourceDefinitions
        ("self.minReplicas <= self.replicas", {"minReplicas": 1, "replicas": 2}, True),
        ("self.minReplicas <= self.replicas", {"minReplicas": 3, "replicas": 2}, False),
        ("'Available' in self.stateCounts", {"stateCounts": {"Available": 1}}, True),
        ("has(self.foo) || !has(self.bar)", {"bar": 1}, False),
        ("self.names.all(n, n.matches('^[a-z]+$'))", {"names": ["a", "B"]}, False),
        ("self.names.exists_one(n, n == 'a')", {"names": ["a", "b", "a"]}, False),
        ("self.names.filter(n, n != 'a').size() == 1", {"names": ["a", "b"]}, True),
        ("self.names.map(n, n + 'x') == ['ax']", {"names": ["a"]}, True),
        ("has(self.__namespace__) ? self.__namespace__ != '' : true", {"namespace": ""}, False),
        ("self.a__dash__b == 1", {"a-b": 1}, True),
        ("duration(self.a) < duration('1m30s')", {"a": "1m"}, True),
        # the language definition: logic overcomes an error on the other side, in either order
        ("self.missing == 1 || true", {}, True),
        ("true || self.missing == 1", {}, True),
        ("self.missing == 1 && false", {}, False),
        ("self.list.exists(x, x.a == 1)", {"list": [{}, {"a": 1}]}, True),
        ("self.a == true", {"a": 1}, False),
        ("{'x': 1, 'y': 2}[self.k] >= 2", {"k": "y"}, True),
        ("2 + 3 * 4 == 14 && !(7 % 4 != 3) && -1 < 0", {}, True),
        ("self.text.find('^[^@]+') == 'al2023'", {"text": "al2023@v1"}, True),
        ("self.text.split('@')[1] == 'v1'", {"text": "al2023@v1"}, True),
        ('self.text.matches(r"""^a\\d$""")', {"text": "a1"}, True),
    ],
)
def test_cel_means_what_the_language_says(rule: str, value: Any, expected: bool) -> None:
    """The evaluator agrees with the language definition and with Kubernetes' own examples."""
    assert cel.holds(rule, value) is expected


def test_cel_does_not_guess() -> None:
    """A missing key is an error, an unknown function is refused when the rule is read."""
    with pytest.raises(cel.CelError):
        cel.holds("self.missing == 1", {})
    with pytest.raises(cel.Unsupported):
        cel.parse("self.matchesAnything()")


def test_re2_differs_from_python_where_it_does() -> None:
    """`$` is the very end, and `(?i)` holds inside its group only."""
    assert not re2("^a$").search("a\n")
    assert re2("^((?i)sun|mon)day$").search("SUNday")
    assert not re2("^((?i)sun|mon)day$").search("sunDAY")
    assert re2(r"^[^]$]+[)\]]$").search("a)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("500m", 0.5), ("2Gi", 2 * 1024**3), ("1e3", 1000), ("1E", 10**18), ("0.5Ki", 512), (3, 3)],
)
def test_quantities(text: object, expected: float) -> None:
    """Suffixes are powers of 1000 or 1024, or a decimal exponent."""
    assert quantity.amount(text) == expected


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "1 Gi", "0x1", "1KI", True, None, "1e", "--1"])
def test_what_is_not_a_quantity(text: object) -> None:
    """What apimachinery refuses to parse has no amount."""
    assert quantity.amount(text) is None


def test_names() -> None:
    """Names at the edge of what Kubernetes takes."""
    assert names.is_dns_label("a" * 63) and not names.is_dns_label("a" * 64)
    assert not names.is_dns_label("-a") and not names.is_dns_label("a.b") and names.is_dns_subdomain("a.b")
    assert names.is_qualified_name("example.com/Name_1.x") and not names.is_qualified_name("a/b/c")
    assert not names.is_qualified_name("Example.com/x") and not names.is_qualified_name("/x")
    assert names.is_label_value("") and not names.is_label_value("a/") and not names.is_label_value("_a")
    assert names.is_port_name("http-8000") and not names.is_port_name("8000") and not names.is_port_name("a--b")


# --- AWS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r["type"])
def test_accepted_inputs_pass(resource: dict[str, Any]) -> None:
    """Realistic inputs of each type have no problem."""
    assert aws.problems(resource["type"], resource["inputs"]) == []


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r["type"])
def test_every_misspelt_property_is_a_problem(resource: dict[str, Any]) -> None:
    """Whatever property, or key of a policy document, is misspelt, the judge says so."""
    broken = list(misspelt(resource["inputs"], resource["type"]))
    assert broken
    assert [what for what, inputs in broken if not aws.problems(resource["type"], inputs)] == []


def test_an_unknown_type_is_a_problem() -> None:
    """A type token that the provider lacks is refused."""
    assert aws.problems("aws:ec2/vcp:Vpc", {}) == ["aws:ec2/vcp:Vpc: unknown type"]


POLICY = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}


@pytest.mark.parametrize(
    ("token", "inputs", "message"),
    [
        ("aws:ec2/vpc:Vpc", {"enableDnsSupport": "true"}, "type bool"),
        ("aws:ec2/vpc:Vpc", {"tags": {"a": 1}}, "type str"),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": None}, "type str"),
        ("aws:eks/cluster:Cluster", {"roleArn": "x"}, "vpcConfig: required"),
        ("aws:eks/cluster:Cluster", {"roleArn": "x", "vpcConfig": {}}, "vpcConfig.subnetIds: required"),
        ("aws:eks/cluster:Cluster", {"roleArn": "x", "vpcConfig": {"subnetIds": "a"}}, "not a list"),
        ("aws:eks/cluster:Cluster", {"roleArn": "x", "vpcConfig": []}, "not an object"),
        ("aws:iam/policy:Policy", {"policy": "{"}, "not JSON"),
        ("aws:iam/policy:Policy", {"policy": json.dumps({"Statement": [POLICY]})}, "Version"),
    ],
)
def test_mistakes_in_inputs(token: str, inputs: dict[str, Any], message: str) -> None:
    """A wrong type, a missing property and a broken document are problems."""
    assert any(message in problem for problem in aws.problems(token, inputs)), aws.problems(token, inputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Sid": "a-b"}, "not alphanumeric"),
        ({"Effect": "allow"}, "Effect"),
        ({"NotAction": "s3:*"}, "exactly one of Action"),
        ({"Action": []}, "empty"),
        ({"Action": "GetObject"}, "form of Action"),
        ({"Resource": "s3://b"}, "form of Resource"),
        ({"Resource": []}, "empty"),
        ({"Principal": "*"}, "not in a policy of this kind"),
        ({"Condition": {"StringEqual": {"aws:x": "y"}}}, "not an operator"),
        ({"Condition": {"StringEquals": {"x y": "z"}}}, "not a condition key"),
        ({"Condition": {"StringEquals": {}}}, "no key"),
    ],
)
def test_mistakes_in_policies(change: dict[str, Any], message: str) -> None:
    """Each part of a statement is judged."""
    document = {"$json": {"Version": "2012-10-17", "Statement": [{**POLICY, **change}]}}
    found = aws.problems("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": document})
    assert any(message in problem for problem in found), found


def test_policies_have_unique_sids_and_a_size() -> None:
    """Two statements may not share a Sid, and a managed policy has at most 6,144 characters."""
    twice = {"Version": "2012-10-17", "Statement": [{**POLICY, "Sid": "A"}, {**POLICY, "Sid": "A"}]}
    assert any("used twice" in p for p in aws.problems("aws:iam/policy:Policy", {"policy": {"$json": twice}}))
    long = {"Version": "2012-10-17", "Statement": [POLICY] * 100}
    assert any("6144" in p for p in aws.problems("aws:iam/policy:Policy", {"policy": json.dumps(long)}))


def test_the_reader_agrees_with_the_imported_classes() -> None:
    """Property names read from the source are those that Pulumi itself would send for the class."""
    import pulumi_aws
    from pulumi import _types

    for token, cls in (
        ("aws:sqs/queue:Queue", pulumi_aws.sqs.QueueArgs),
        ("aws:eks/nodeGroup:NodeGroup", pulumi_aws.eks.NodeGroupArgs),
        ("aws:iam/role:Role", pulumi_aws.iam.RoleArgs),
    ):
        wire = set(_types.input_type_py_to_pulumi_names(cls).values())
        assert wire == aws.package().tables(token)[aws.package().root(token)].keys()


RELEASE: dict[str, Any] = {
    "name": "karpenter",
    "namespace": "karpenter",
    "chart": "oci://public.ecr.aws/karpenter/karpenter",
    "version": "1.14.1",
    "atomic": True,
    "timeout": 600,
    "skipCrds": False,
    "repositoryOpts": {"repo": "https://example.com"},
    "values": {"settings": {"clusterName": "x"}},
}


def test_helm_releases_are_judged_but_not_their_values() -> None:
    """A misspelt property of a Release is a problem; values belong to the chart."""
    token = "kubernetes:helm.sh/v3:Release"
    assert release.problems(token, RELEASE) == []
    for what, broken in misspelt({**RELEASE, "values": {}}, "Release"):
        assert release.problems(token, broken), what
    assert release.problems(token, {k: v for k, v in RELEASE.items() if k != "version"})
    provider = {"clusterIdentifier": "x", "enableServerSideApply": True, "kubeconfig": {"$ref": ["a", "b"]}}
    assert release.problems("pulumi:providers:kubernetes", provider) == []
    assert release.problems("pulumi:providers:kubernetes", {"clusterId": "x"})


# --- vLLM -------------------------------------------------------------------------------------------------

SERVE = ["--model", "/models/chat", "--served-model-name", "chat", "--max-model-len", "16384", "-tp", "2"]


@pytest.mark.parametrize(
    "args",
    [
        SERVE,
        ["Qwen/Qwen2.5-7B-Instruct", "--max-model-len", "1k"],
        ["--max-model-len", "auto"],
        ["--gpu-memory-utilization", "0.9", "--enable-prefix-caching", "--no-enable-chunked-prefill"],
        ["--served-model-name", "a", "b", "--port", "8000"],
        ["--compilation-config.mode", "3"],
        ["--lora-modules", "a=/x", "b=/y", "--enable-lora", "--max-lora-rank", "16"],
        ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"],
        ["--kv-cache-dtype=fp8", "--shutdown-timeout=60"],
        ["--speculative-config", '{"method": "ngram"}'],
    ],
    ids=" ".join,
)
def test_accepted_arguments_pass(args: list[str]) -> None:
    """Arguments that the recorded server took, or forms of them that its parser took."""
    assert vllm.problems(args) == []


@pytest.mark.parametrize(
    "args",
    [
        # recorded from running `vllm serve` 0.32.0: exit 2, or exit 1 when the configuration is made
        ["--no-such-flag", "1"],
        ["--dtype", "foo"],
        ["--gpu-memory-utilization", "2"],
        ["--tensor-parallel-size", "0"],
        ["--tensor-parallel-size", "two"],
        ["--max-modell-len", "100"],
        ["--tool-call-parser", "nope", "--enable-auto-tool-choice"],
        ["--kv-cache-dtype", "foo"],
        ["--disable-log-requests"],
        ["--swap-space", "4"],
        ["--enable-lora", "--max-lora-rank", "7"],
        ["--task", "generate"],
        ["--max-num-seqs", "0"],
        ["--enable-prefix-caching", "false", "more"],
        # taken by vLLM, refused by us: prefixes, underscores, repetition, what is going away
        ["--max-mod", "256"],
        ["--max_model_len", "10"],
        ["--port", "99999"],
        ["--port", "8000", "--port", "8001"],
        ["--tensor-parallel-size", "1", "-tp", "2"],
        ["--disable-cascade-attn"],
        ["--enable-auto-tool-choice"],
        ["--max-model-len", "0"],
        ["--max-model-len"],
        ["--compilation-config", "3"],
        ["--port.x", "3"],
        ["--compilation-config.mode"],
    ],
    ids=" ".join,
)
def test_refused_arguments_are_problems(args: list[str]) -> None:
    """Every argument list that was seen to fail, and every leniency that we do not use."""
    assert vllm.problems(args)


def test_every_misspelt_flag_is_a_problem() -> None:
    """A letter dropped, added or swapped in any recorded flag of ours is unknown."""
    for index, argument in enumerate(SERVE):
        if argument.startswith("--"):
            for slip in (argument[:-1], argument + "x", argument[:-2] + argument[:-3:-1]):
                if slip != argument:
                    assert vllm.problems([*SERVE[:index], slip, *SERVE[index + 1 :]]), slip


def test_environment_variables() -> None:
    """Only what `envs.py` of vLLM 0.32.0 declares is known."""
    assert vllm.known_env("VLLM_NO_USAGE_STATS")
    assert not vllm.known_env("VLLM_NO_USAGE_STAT")


# --- URNs -------------------------------------------------------------------------------------------------


def test_the_root_stack_is_no_part_of_a_urn() -> None:
    """The engine leaves the stack's own type out, and joins the components' types with `$`."""
    chain = ["pulumi:pulumi:Stack", "llmform:serving:ModelServer", "kubernetes:apps/v1:Deployment"]
    expected = (
        "urn:pulumi:hello.prod.us-east-1.workloads::llmform"
        "::llmform:serving:ModelServer$kubernetes:apps/v1:Deployment::serving.chat/Deployment/chat"
    )
    assert urn("hello.prod.us-east-1.workloads", "llmform", chain, "serving.chat/Deployment/chat") == expected
    assert urn("dev", "p", chain[:1], "p-dev") == "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
    with pytest.raises(ValueError, match="part of a URN"):
        urn("a::b", "p", chain, "x")
