"""The resource monitor and the engine that a program talks to, in this process, and what they record."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, provider_pb2, resource_pb2

from tests.monitor.outputs import checked, made_id, made_outputs, merged
from tests.monitor.values import from_struct, has_secret, revealed, to_struct

STACK_TYPE = "pulumi:pulumi:Stack"
REFERENCE_TYPE = "pulumi:pulumi:StackReference"
UNKNOWN_ID = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
FEATURES = [feature for _, feature in resource_pb2.ResourceMonitorFeature.items() if feature <= 16]
"""What CLI 3.260 says it can do (resource.proto, `ResourceMonitorFeature`)."""
SEVERITIES = {engine_pb2.INFO: "info", engine_pb2.WARNING: "warning"}


class Refused(grpc.RpcError):  # type: ignore[misc]
    """An RPC that the engine answers with an error."""

    def __init__(self, details: str) -> None:
        super().__init__(details)
        self._details = details

    def code(self) -> grpc.StatusCode:
        """The status that Go gives to an error without one."""
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        """The error's text."""
        return self._details


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it, and as the engine answered.

    `sent` are the inputs as they came, `inputs` what a provider's Check makes of them; secrets are `Secret`, values
    that are not known yet `UNKNOWN`. `aliases` are all URNs it had before, its parents' aliases counted in. Timeouts
    are texts such as `1800s`, by operation. `external` resources are read, not made.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    id: str
    sent: Mapping[str, Any]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    timeouts: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    import_id: str = ""
    version: str = ""
    external: bool = False


@dataclass(frozen=True)
class Recorded:
    """One run of a program: everything that it registered, exported and said, and how it ended.

    `error` is what the engine shows when the program fails; `crashed` says that this is a traceback.
    """

    project: str
    stack: str
    preview: bool
    registrations: tuple[Registration, ...]
    outputs: Mapping[str, Any]
    logs: tuple[tuple[Literal["info", "warning", "error"], str], ...]
    invoked: tuple[str, ...]
    error: str = ""
    crashed: bool = False

    def resource(self, name: str) -> Registration:
        """Return the registration of this name; KeyError if there is none."""
        for registration in self.registrations:
            if registration.name == name:
                return registration
        raise KeyError(name)


class Engine:
    """The engine's own service: logs, and the root resource."""

    def __init__(self) -> None:
        self.logs: list[tuple[Any, str]] = []

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:
        """Record one line; what is for debugging is not kept."""
        if request.severity != engine_pb2.DEBUG:
            self.logs.append((SEVERITIES.get(request.severity, "error"), request.message))
        return empty_pb2.Empty()


class Monitor:
    """The resource monitor. Requests come from several threads at once.

    `stacks` are the outputs of other stacks by full name (`organization/llmform/STACK`); `before` is the run that the
    state is from; with `shuffle` every answer waits for a random moment, so that they come in any order.
    """

    def __init__(
        self,
        project: str,
        stack: str,
        *,
        preview: bool,
        stacks: Mapping[str, Mapping[str, Any]],
        before: Recorded | None = None,
        shuffle: int | None = None,
    ) -> None:
        self.project, self.stack, self.preview, self.stacks = project, stack, preview, stacks
        self.registrations: dict[str, Registration] = {}
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self.invoked: list[str] = []
        self._before = {r.urn: r for r in before.registrations} if before else {}
        self._chance = None if shuffle is None else random.Random(shuffle)
        self._lock = threading.Lock()

    @property
    def root(self) -> str:
        """The URN of the stack."""
        return f"urn:pulumi:{self.stack}::{self.project}::{STACK_TYPE}::{self.project}-{self.stack}"

    def GetDeploymentInfo(self, _: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:
        """Say what this engine can do."""
        return resource_pb2.DeploymentInfo(supportedFeatures=FEATURES)

    def SignalAndWaitForShutdown(self, _: empty_pb2.Empty) -> empty_pb2.Empty:
        """Let the program end: nothing is left to do."""
        return empty_pb2.Empty()

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Record a resource and answer as the engine would after creating, updating or previewing it."""
        with self._lock:
            made = self._register(request)
        self._wait()
        answered = "" if made.custom and self._unknown_id(made) else made.id
        # The engine answers components with no outputs.
        outputs = made.outputs if made.custom else {}
        return resource_pb2.RegisterResourceResponse(urn=made.urn, id=answered, object=to_struct(outputs))

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        """Record the outputs of a component, or of the stack."""
        with self._lock:
            if request.urn not in self.registrations:
                raise Refused(f"unknown resource '{request.urn}'")
            self.outputs[request.urn] = from_struct(request.outputs)
        return empty_pb2.Empty()

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        """Read another stack's outputs; nothing else is there to be read."""
        with self._lock:
            if request.type != REFERENCE_TYPE:
                raise Refused(f"no provider reads `{request.type}` here")
            urn = self._urn(request.parent, request.type, request.name)
            outputs = self._stack_outputs(from_struct(request.properties)["name"])
            inputs = {"name": request.id}
            provider = self._default_provider("pulumi", "")
            self._add(
                Registration(
                    urn,
                    request.type,
                    request.name,
                    True,
                    request.parent,
                    request.id,
                    inputs,
                    inputs,
                    outputs,
                    provider=provider,
                    external=True,
                )
            )
        self._wait()
        return resource_pb2.ReadResourceResponse(urn=urn, id=request.id, properties=to_struct(outputs))

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> provider_pb2.InvokeResponse:
        """Answer the one function that the engine has built in and a program may ask; refuse data sources."""
        with self._lock:
            self.invoked.append(request.tok)
            if request.tok != "pulumi:pulumi:readStackOutputs":
                raise Refused(f"`{request.tok}` is called: what reads the cloud does not follow from its spec")
            outputs = self._stack_outputs(from_struct(request.args)["name"])
        return provider_pb2.InvokeResponse(**{"return": to_struct(revealed(outputs))})  # secrets are plain here

    def _stack_outputs(self, name: str) -> dict[str, Any]:
        if name not in self.stacks:
            raise Refused(f'invocation of pulumi:pulumi:readStackOutputs returned an error: unknown stack "{name}"')
        outputs = self.stacks[name]
        secret = sorted(key for key, value in outputs.items() if has_secret(value))
        return {"name": name, "outputs": dict(outputs), "secretOutputNames": secret}

    def _register(self, request: resource_pb2.RegisterResourceRequest) -> Registration:
        urn = self._urn(request.parent, request.type, request.name)
        for dependency in (*request.dependencies, *(u for d in request.propertyDependencies.values() for u in d.urns)):
            if dependency not in self.registrations:
                raise Refused(f"'{urn}' depends on '{dependency}', which is not registered")
        sent = from_struct(request.object)
        inputs = checked(request.type, sent, request.version)
        return self._add(
            Registration(
                urn,
                request.type,
                request.name,
                request.custom,
                request.parent,
                made_id(request.type, urn, inputs, request.importId) if request.custom else "",
                sent,
                inputs,
                self._outputs(request.type, urn, inputs) if request.custom else {},
                provider=self._provider(request) if request.custom else "",
                dependencies=tuple(sorted(set(request.dependencies))),
                property_dependencies={
                    key: tuple(sorted(set(deps.urns))) for key, deps in sorted(request.propertyDependencies.items())
                },
                aliases=self._aliases(request),
                ignore_changes=tuple(request.ignoreChanges),
                replace_on_changes=tuple(request.replaceOnChanges),
                timeouts={
                    key: getattr(request.customTimeouts, key)
                    for key in ("create", "update", "delete")
                    if getattr(request.customTimeouts, key)
                },
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                delete_before_replace=request.deleteBeforeReplace,
                import_id=request.importId,
                version=request.version,
            )
        )

    def _add(self, made: Registration) -> Registration:
        if made.urn in self.registrations:
            raise Refused(f"Duplicate resource URN '{made.urn}'; try giving it a unique name")
        self.registrations[made.urn] = made
        return made

    def _outputs(self, type_token: str, urn: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        known = self._before.get(urn)
        if known and self.preview:
            # What does not change is not asked of a provider; what an update leaves alone keeps its value.
            return dict(known.outputs) if inputs == known.inputs else merged(known.outputs, inputs)
        return made_outputs(type_token, urn, inputs, preview=self.preview)

    def _unknown_id(self, made: Registration) -> bool:
        return self.preview and made.urn not in self._before and not made.import_id

    def _urn(self, parent: str, type_token: str, name: str) -> str:
        types = type_token
        if type_token != STACK_TYPE and parent != self.root:
            if parent not in self.registrations:
                raise Refused(f"parent '{parent}' of `{name}` is not registered")
            types = f"{parent.split('::')[2]}${type_token}"
        return f"urn:pulumi:{self.stack}::{self.project}::{types}::{name}"

    def _provider(self, request: resource_pb2.RegisterResourceRequest) -> str:
        if request.type.startswith("pulumi:providers:"):
            return ""
        package = request.type.partition(":")[0]
        if not request.provider:
            return self._default_provider(package, request.version)
        urn, _, given = request.provider.rpartition("::")
        provider = self.registrations.get(urn)
        if provider is None or provider.type != f"pulumi:providers:{package}":
            raise Refused(f"unknown provider '{request.provider}' for `{request.name}`")
        expected = UNKNOWN_ID if self._unknown_id(provider) else provider.id
        if given != expected:
            raise Refused(f"provider '{urn}' has the id {expected}, not {given}")
        return f"{urn}::{given}"

    def _default_provider(self, package: str, version: str) -> str:
        """Make the provider that the engine makes for resources that name none."""
        kind = f"pulumi:providers:{package}"
        name = "default" + (f"_{version.replace('.', '_')}" if version else "")
        urn = f"urn:pulumi:{self.stack}::{self.project}::{kind}::{name}"
        if urn not in self.registrations:
            inputs = {"version": version} if version else {}
            number = made_id(kind, urn, {}, "")
            self._add(Registration(urn, kind, name, True, "", number, inputs, inputs, inputs))
        return f"{urn}::{self.registrations[urn].id}"

    def _aliases(self, request: resource_pb2.RegisterResourceRequest) -> tuple[str, ...]:
        """Return the URNs that the resource may have had: its own aliases under each URN of its parent."""
        own: list[tuple[str, str, str | None]] = [(request.name, request.type, None)]
        out: list[str] = list(request.aliasURNs)
        for alias in request.aliases:
            if alias.urn:
                out.append(alias.urn)
            elif alias.spec.noParent:
                own.append((alias.spec.name or request.name, alias.spec.type or request.type, self.root))
            else:
                parent = alias.spec.parentUrn or None
                own.append((alias.spec.name or request.name, alias.spec.type or request.type, parent))
        parent = self.registrations.get(request.parent)
        for name, kind, other in own:
            out.append(self._urn(other or request.parent, kind, name) if request.parent else "")
            if other is None and parent is not None:
                for earlier in parent.aliases:
                    old = earlier.rpartition("::")[2]
                    renamed = old + name.removeprefix(parent.name) if name.startswith(parent.name) else name
                    out.append(f"{earlier.rpartition('::')[0]}${kind}::{renamed}")
        current = self._urn(request.parent, request.type, request.name)
        return tuple(sorted({urn for urn in out if urn and urn != current}))

    def _wait(self) -> None:
        if self._chance is not None:
            with self._lock:
                pause = self._chance.random() / 200  # up to 5 ms
            time.sleep(pause)
