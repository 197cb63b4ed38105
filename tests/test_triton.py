"""Facts about Triton: the text of its model configurations, the repositories, and the server's pod."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format, text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2

from components.workloads.engines.pbtxt import Word, entries, pbtxt
from components.workloads.engines.triton import argument, arguments
from components.workloads.engines.triton_repository import MAX_BATCH, Served, repository, weights_folders
from specs.catalog.reader import check_argument, engine_flags
from specs.catalog.tables import read_table
from specs.checks.triton import TASKS

ACCEPTED = sorted((Path(__file__).parent / "triton").glob("*.pbtxt"))
"""Files that tritonserver 2.51.0 loaded and served; README.md beside them."""

TABLE = read_table("2026-11", "triton.json")
FIELDS: Mapping[str, Mapping[str, str]] = TABLE["fields"]
ENUMS: Mapping[str, list[str]] = TABLE["enums"]


def parsed(text: str) -> Any:
    """Return the message that a config.pbtxt says, as the client's protobuf reads it."""
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def unknown(message: Any) -> list[str]:
    """Return fields of a message that the schema of tritonserver 2.51.0 does not have."""
    name = message.DESCRIPTOR.full_name.removeprefix("inference.")
    found = []
    for field, value in message.ListFields():
        map_of = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.name not in FIELDS[name]:
            found.append(f"{name}.{field.name}")
        values = list(value.values()) if map_of else list(value) if field.is_repeated else [value]
        found += [problem for one in values if hasattr(one, "DESCRIPTOR") for problem in unknown(one)]
    return found


# ---- the text ----


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_what_the_server_accepted_is_known(path: Path) -> None:
    """The table of fields has every field of the recorded configurations, so it is not too narrow."""
    assert unknown(parsed(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_what_the_server_accepted_can_be_written(path: Path) -> None:
    """Each recorded configuration, read into values and written again, is the same message."""
    message = parsed(path.read_text(encoding="utf-8"))
    assert parsed(pbtxt(values_of(message))) == message


def test_a_field_that_only_the_client_has_is_not_in_the_table() -> None:
    """`model_metrics` is in the client's schema, and tritonserver 2.51.0 exits because of it (recorded)."""
    assert "model_metrics" not in FIELDS["ModelConfig"]
    assert unknown(parsed("model_metrics { }")) == ["ModelConfig.model_metrics"]


def values_of(message: Any) -> dict[str, Any]:
    """Return a message as the values that `pbtxt` writes."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found[field.name] = entries({k: one(field.message_type.fields_by_name["value"], value[k]) for k in value})
        elif field.is_repeated:
            found[field.name] = tuple(one(field, item) for item in value)
        else:
            found[field.name] = one(field, value)
    return found


def one(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return values_of(value)
    return Word(field.enum_type.values_by_number[value].name) if field.enum_type is not None else value


RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


def scalars(kind: str) -> st.SearchStrategy[Any]:
    """Values of a scalar or an enum of the schema."""
    if kind in ENUMS:
        return st.sampled_from([Word(name) for name in ENUMS[kind]])
    if kind in RANGES:
        return st.integers(*RANGES[kind])
    if kind == "float":
        return st.floats(width=32, allow_nan=False)
    return st.booleans() if kind == "bool" else st.text(st.characters(codec="utf-8"), max_size=8)


def messages(name: str, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Messages of the server's schema, with one alternative of each oneof at the most."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> dict[str, Any]:
        found: dict[str, Any] = {}
        chosen: set[str] = set()
        for field in draw(st.lists(st.sampled_from(sorted(FIELDS[name])), max_size=4, unique=True)):
            kind, _, oneof = FIELDS[name][field].partition(" of ")
            if oneof in chosen and oneof:
                continue
            chosen.add(oneof)
            if kind.startswith("map<"):
                key, _, value = kind[4:-1].partition(",")
                keys = st.integers(0, 9) if key == "uint64" else st.text("ab", max_size=2)
                value_of = draw(st.dictionaries(keys, values(value, depth), max_size=2)) if depth else {}
                if value_of:
                    found[field] = entries(value_of)
            elif kind.startswith("repeated "):
                found[field] = tuple(draw(st.lists(values(kind[9:], depth), max_size=2)))
            else:
                found[field] = draw(values(kind, depth))
        return found

    return draw_one() if depth and name in FIELDS else st.just({})


def values(kind: str, depth: int) -> st.SearchStrategy[Any]:
    return messages(kind, depth - 1) if kind in FIELDS or kind in EMPTY else scalars(kind)


EMPTY = ("ModelVersionPolicy.All",)
"""Messages without fields: the table, which is of fields, has no row for them."""


@settings(deadline=None)
@given(messages("ModelConfig", 3))
def test_every_configuration_is_read_back_as_it_was(message: dict[str, Any]) -> None:
    """Any message of the server's schema: the text is the message that protobuf's own JSON reader makes of it."""
    assert parsed(pbtxt(message)) == json_format.ParseDict(
        json_of("ModelConfig", message), model_config_pb2.ModelConfig()
    )


def json_of(name: str, message: dict[str, Any]) -> dict[str, Any]:
    """Return a message in protobuf's JSON form: maps are maps, and infinity is a word."""
    found: dict[str, Any] = {}
    for field, value in message.items():
        kind = FIELDS[name][field].partition(" of ")[0]
        if kind.startswith("map<"):
            of = kind[4:-1].partition(",")[2]
            found[field] = {str(e["key"]): json_value(of, e["value"]) for e in value}
        elif kind.startswith("repeated "):
            found[field] = [json_value(kind[9:], item) for item in value]
        else:
            found[field] = json_value(kind, value)
    return found


def json_value(kind: str, value: Any) -> Any:
    if isinstance(value, dict):
        return json_of(kind, value) if kind in FIELDS else {}
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, Word) else value


# ---- the repository ----

ALL = tuple(
    Served("x", backend, task, gpus, "/weights", 512, token_types=types)
    for backend, tasks in TASKS.items()
    for task in tasks
    for gpus in (0, 1, 4)
    for types in (False, True)
)


@pytest.mark.parametrize("served", ALL, ids=lambda s: f"{s.backend}-{s.task}-{s.gpus}-{s.token_types}")
def test_every_configuration_of_a_repository_is_one_that_the_server_reads(served: Served) -> None:
    """Protobuf reads the text, no field is unknown to tritonserver 2.51.0, the name is the folder's, every model has a
    version folder: the server refuses a repository without one of them (recorded)."""
    files = repository(served)
    configs = {path: parsed(text) for path, text in files.items() if path.endswith("/config.pbtxt")}
    assert f"models/{served.name}/config.pbtxt" in configs
    for path, config in configs.items():
        model = path.split("/")[1]
        assert unknown(config) == [] and config.name == model
        places = [*files, *(f"{place}/" for place in weights_folders(served))]
        assert any(place.startswith(f"models/{model}/1/") for place in places)
        assert all(d == -1 or d >= 1 for tensor in (*config.input, *config.output) for d in tensor.dims)
        assert all(size <= config.max_batch_size for size in config.dynamic_batching.preferred_batch_size)


@pytest.mark.parametrize("task", ["embed", "rerank"])
@pytest.mark.parametrize("types", [False, True])
def test_the_steps_of_an_ensemble_fit_together(task: str, types: bool) -> None:
    """Every input of a step is the ensemble's or was made before, with the same type and dimensions; every tensor of a
    step is mapped; the last makes what the ensemble gives."""
    files = repository(Served("x", "onnx", task, 1, "/weights", 512, token_types=types))
    configs = {path.split("/")[1]: parsed(text) for path, text in files.items() if path.endswith(".pbtxt")}
    shape = {t.name: (t.data_type, tuple(t.dims)) for t in configs["x"].input}
    for step in configs["x"].ensemble_scheduling.step:
        model = configs[step.model_name]
        assert {t.name for t in model.input} == set(step.input_map)
        assert {t.name for t in model.output} == set(step.output_map)
        for tensor in model.input:
            assert shape[step.input_map[tensor.name]] == (tensor.data_type, tuple(tensor.dims))
        shape |= {step.output_map[t.name]: (t.data_type, tuple(t.dims)) for t in model.output}
    [output] = configs["x"].output
    assert shape[output.name] == (output.data_type, tuple(output.dims))
    assert {c.max_batch_size for c in configs.values()} == {MAX_BATCH}


@pytest.mark.parametrize("gpus", [1, 4])
def test_an_encoder_has_an_instance_on_each_gpu(gpus: int) -> None:
    """`count` is for each GPU of the list, so 1 and all GPUs of the pod; without a GPU, KIND_GPU fails the load."""
    [group] = config_of("onnx", "embed", gpus, "x-encode").instance_group
    assert (group.count, list(group.gpus)) == (1, list(range(gpus)))
    assert group.kind == model_config_pb2.ModelInstanceGroup.KIND_GPU
    [none] = config_of("onnx", "embed", 0, "x-encode").instance_group
    assert none.kind == model_config_pb2.ModelInstanceGroup.KIND_CPU and not none.gpus


def config_of(backend: str, task: str, gpus: int, model: str) -> Any:
    return parsed(repository(Served("x", backend, task, gpus, "/weights", 512))[f"models/{model}/config.pbtxt"])


@pytest.mark.parametrize("backend", ["tensorrt-llm", "python"])
def test_a_model_that_streams_is_decoupled(backend: str) -> None:
    """One request, many answers: only a decoupled model may do that. All the models on the way are."""
    names = ["x", "x-engine"] if backend == "tensorrt-llm" else ["x"]
    assert all(config_of(backend, "generate", 1, name).model_transaction_policy.decoupled for name in names)
    assert not config_of("python", "embed", 1, "x").model_transaction_policy.decoupled


def test_a_batch_holds_what_the_spec_says() -> None:
    """`concurrency: 8`: eight requests of an engine that was built for eight."""
    config = parsed(
        repository(Served("x", "tensorrt-llm", "generate", 1, "/weights", 512, batch=8))["models/x-engine/config.pbtxt"]
    )
    assert config.max_batch_size == 8 and list(config.dynamic_batching.preferred_batch_size) == [8]


def test_a_full_queue_is_counted() -> None:
    """A request that waits too long is rejected by time, which a metric counts; a queue's size would be counted by none
    (recorded: metrics, "queue full")."""
    policy = config_of("onnx", "embed", 1, "x-encode").dynamic_batching.default_queue_policy
    assert policy.timeout_action == model_config_pb2.ModelQueuePolicy.REJECT
    assert policy.default_timeout_microseconds == 30_000_000 and not policy.max_queue_size


def test_the_engine_is_read_from_the_weights() -> None:
    """A TensorRT-LLM engine is in the folder `engine` of the weights; parameters are text whatever they mean."""
    parameters = config_of("tensorrt-llm", "generate", 2, "x-engine").parameters
    assert parameters["gpt_model_path"].string_value == "/weights/engine"
    assert parameters["max_beam_width"].string_value == "1"


def test_a_task_that_a_backend_does_not_do_is_a_bug() -> None:
    """The checks refuse it before."""
    with pytest.raises(LookupError):
        repository(Served("x", "tensorrt-llm", "embed", 1, "/weights", 512))


# ---- the command line ----


def test_every_argument_of_our_own_is_one_of_the_server() -> None:
    """tritonserver exits because of an unknown flag or a wrong value (recorded)."""
    flags = engine_flags("triton", "2.51.0")
    for word in arguments(120, {}):
        name, equals, value = word.removeprefix("--").partition("=")
        flag = flags[name]
        meant: Any = {"true": True, "false": False}.get(value, value) if equals else True
        assert check_argument(flag, int(meant) if flag.type == "int" else meant) is None
    assert "--exit-timeout-secs=120" in arguments(120, {})


def test_the_flags_are_those_of_the_help() -> None:
    """87 flags less `--help`; those below DEPRECATED are deprecated; some may come several times."""
    flags = engine_flags("triton", "2.51.0")
    assert len(flags) == 87 - 1
    assert flags["strict-model-config"].deprecated and not flags["http-port"].deprecated
    assert flags["load-model"].action == "append" and flags["reuse-http-port"].action == "store"
    assert flags["model-control-mode"].choices == ("none", "poll", "explicit")
    assert flags["disable-auto-complete-config"].action == "switch"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("log-verbose", 1, ["--log-verbose=1"]),
        ("log_info", False, ["--log-info=false"]),
        ("metrics-config", ["a=1", "b=2"], ["--metrics-config=a=1", "--metrics-config=b=2"]),
    ],
)
def test_an_argument_of_the_spec_is_written_out(name: str, value: Any, words: list[str]) -> None:
    """Triton has no `--no-` forms: false is a word."""
    assert argument(name, value) == words


def test_a_document_of_the_table_is_whole() -> None:
    """164 fields less the 7 that only the client has (recorded); every type is a scalar, an enum or a message of it."""
    assert sum(len(fields) for fields in FIELDS.values()) == 164 - 7
    kinds = {
        part
        for fields in FIELDS.values()
        for kind in fields.values()
        for part in kind.partition(" of ")[0]
        .removeprefix("repeated ")
        .removeprefix("map<")
        .removesuffix(">")
        .split(",")
    }
    assert kinds <= {*FIELDS, *ENUMS, *EMPTY, *RANGES, "string", "bool", "float"}
    assert json.dumps(TABLE)
