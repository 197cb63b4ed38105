"""`llmform probe` against servers made here (tests/probe_servers.py): real sockets, real streams, real faults."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from specs.catalog.engines import engine_rows
from specs.catalog.reader import NEWEST
from stacks.cli import parser
from stacks.cli.kserve_client import KServeClient
from stacks.cli.openai_client import OpenAiClient
from stacks.cli.probe_run import probe
from stacks.compile import compile_spec
from stacks.probe import (
    Answer,
    Check,
    Expected,
    Identity,
    ProbeFailed,
    ProbeReport,
    Request,
    Settings,
    Status,
    distribution,
    first_token_times,
    gaps,
    percentile,
    prompt,
    seconds,
    tokens_in_a_piece,
)
from stacks.probe_judge import at_most, enough_requests, judge_first_token, judge_gaps, judge_revision, judge_version
from stacks.probe_metrics import NotMetrics, exported
from stacks.probe_spec import HEALTH, subject
from stacks.render.probe import human_probe, json_probe, probe_values
from stacks.server_sent_events import MAX_LINE, EventStream, LineTooLong
from tests.case_runner import run
from tests.probe_servers import METRICS, Behaviour, TritonServicer, openai_server, triton_server

ROOT = Path(__file__).resolve().parents[1]
NAMES = Expected(metrics=engine_rows(NEWEST)["vllm"].metrics)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers here are on this machine, whatever proxy it uses."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def probed(url: str, expected: Expected = NAMES, timeout: float = 10.0, **options: Any) -> ProbeReport:
    """Probe a server of these tests with few requests."""
    of_client = {k: options.pop(k) for k in ("api", "key", "metrics_url", "ca_file") if k in options}
    settings = Settings(**{"engine": "vllm", "requests": 4, "timeout": timeout, "nonce": "a", **options})
    if url.startswith("grpc"):
        triton = KServeClient(url.removeprefix("grpc://"), timeout=timeout, **of_client)
        with contextlib.closing(triton):
            return probe(triton, settings, expected)
    client = OpenAiClient(url, settings.engine, timeout=timeout, concurrency=settings.concurrency, **of_client)
    with contextlib.closing(client):
        return probe(client, settings, expected)


def check_of(report: ProbeReport, name: str) -> Check:
    """Return a check of a report by its name."""
    return next(check for check in report.checks if check.name == name)


def statuses(report: ProbeReport) -> dict[str, str]:
    """Return how every check ended."""
    return {check.name: str(check.status) for check in report.checks}


# Statistics


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[float], percent: int) -> None:
    """The definition of the nearest rank, tried on every value."""
    ordered = sorted(values)
    enough = [v for v in ordered if 100 * sum(o <= v for o in ordered) >= percent * len(ordered)]
    assert percentile(ordered, percent) == min(enough)


def test_of_20_values_the_95th_percentile_is_the_19th() -> None:
    """0.95 · 20 = 19, without a rounding error of floating point."""
    assert percentile(range(1, 21), 95) == 19
    assert percentile(range(1, 21), 100) == 20
    found = distribution([3.0, 1.0, 2.0])
    assert found is not None and (found.count, found.minimum, found.p50, found.maximum, found.mean) == (3, 1, 2, 3, 2)
    assert distribution([]) is None


@given(st.integers(1, 200), st.data())
def test_the_binomial_distribution_is_that_of_exact_arithmetic(requests: int, data: st.DataObject) -> None:
    """Σ C(n, i) pⁱ (1-p)ⁿ⁻ⁱ in fractions."""
    limit = data.draw(st.integers(0, requests))
    share = Fraction(1, 20)
    exact = sum(math.comb(requests, i) * share**i * (1 - share) ** (requests - i) for i in range(limit + 1))
    assert at_most(limit, requests) == pytest.approx(float(exact), rel=1e-9)


def test_the_numbers_of_requests_that_tell_are_those_of_wilks() -> None:
    """Samples for a one-sided 95 %/95 % tolerance limit of order 1 to 5: 59, 93, 124, 153, 181 (S. S. Wilks, 1941; the
    table is in use for nuclear safety, e.g. GRS and OECD/NEA BEMUSE reports)."""
    assert [enough_requests(over) for over in range(5)] == [59, 93, 124, 153, 181]


def test_a_promise_is_judged_by_the_sample_and_the_sample_by_its_size() -> None:
    """One slow request of 20 is no 95th percentile; two are. 0.95²⁰ + 20 · 0.05 · 0.95¹⁹ = 0.7358."""
    fast = [0.1] * 19
    kept = judge_first_token([*fast, 9.0], 0.8, "serving.chat")
    assert kept.status is Status.OK and "a sample of 20" in kept.text
    assert "1 took longer; a server that just breaks the promise looks so in 74 of 100 probes" in kept.text
    missed = judge_first_token([*fast[1:], 9.0, 9.0], 0.8, "serving.chat")
    assert missed.status is Status.FAILED and "p95 9.00 s" in missed.text
    assert "a server that just keeps the promise looks so in 26 of 100 probes" in missed.text  # 1 - 0.7358
    assert judge_first_token([0.1] * 59, 0.8, "x").text.endswith("0 took longer, too few to be chance")
    assert "59 requests would tell" in judge_first_token([0.1] * 58, 0.8, "x").text
    assert judge_first_token([], 0.8, "x").status is Status.UNKNOWN


def test_times_between_pieces_are_said_to_be_of_pieces() -> None:
    """Where a piece holds several tokens, its time is not one between tokens, and the report says how many."""
    assert judge_gaps([0.02] * 10, 2, 1.0, 0.05, "x").status is Status.OK
    missed = judge_gaps([0.06] * 10, 2, 3.0, 0.05, "x")
    assert missed.status is Status.FAILED and "a piece held 3.0 tokens" in missed.text
    assert judge_gaps([], 0, None, 0.05, "x").status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("told", "expected", "status"),
    [
        ("0.32.0", "0.32.0", "ok"), ("b11312-0c1e57098", "b11312", "ok"), ("0.32.0+cpu", "0.32.0", "ok"),
        ("0.32.01", "0.32.0", "failed"), ("0.31.0", "0.32.0", "failed"), ("", "0.32.0", "unknown"),
        ("0.32.0", "", "unknown"),
    ],
)  # fmt: skip
def test_a_version_is_the_same_up_to_its_build(told: str, expected: str, status: str) -> None:
    """A build of a version is that version, a longer number is another."""
    assert str(judge_version(told, expected, "x").status) == status


def test_a_revision_that_is_not_told_is_neither_right_nor_wrong() -> None:
    """Only TGI has a place for it."""
    found = [judge_revision(told, "abc", "x").status for told in ((), ("abc",), ("def",))]
    assert found == [Status.UNKNOWN, Status.OK, Status.FAILED]


def test_times_are_counted_from_the_request_and_between_pieces() -> None:
    """By hand: pieces after 1, 1.5 and 3 s are a first one at 1 s and gaps of 0.5 and 1.5 s; 6 tokens in 3 pieces."""
    answers = (Answer(3.0, (1.0, 1.5, 3.0), output_tokens=6), Answer(2.0, (2.0,), output_tokens=2))
    report = ProbeReport("x", Settings("vllm"), Expected(), Identity(), (), answers)
    assert first_token_times(report) == (1.0, 2.0)
    assert gaps(report) == (0.5, 1.5)
    assert tokens_in_a_piece(report) == 2.0  # 8 tokens in 4 pieces


def test_times_are_shown_with_three_digits() -> None:
    """At the limits between the forms too."""
    shown = {
        0.0: "0.00 ms",
        0.00999: "9.99 ms",
        0.009996: "10.0 ms",
        0.09996: "100 ms",
        0.9996: "1.00 s",
        12.34: "12.3 s",
    }
    assert {value: seconds(value) for value in shown} == shown


def test_no_two_prompts_begin_alike() -> None:
    """A prefix cache would answer the second one sooner; of a probe before, too."""
    texts = [prompt(Settings("vllm", nonce=nonce), i) for nonce in ("a1", "b2") for i in range(-3, 12)]
    assert len({text.split(":")[0] for text in texts}) == len(texts)
    assert len(texts[0].split()) == pytest.approx(256, abs=10)


# Events and metrics


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_events_are_the_same_wherever_the_bytes_are_cut(texts: list[str], end: str, data: st.DataObject) -> None:
    """HTML standard, 9.2.6: lines end in LF, CRLF or CR; an empty line ends an event; a space after the colon goes."""
    lines = "".join(f": comment{end}event: x{end}data: {text}{end}{end}" for text in texts)
    raw = lines.encode() + b"data: not ended"
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    events = EventStream()
    parts = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
    assert [event for part in parts for event in events.feed(part)] == texts


def test_several_lines_of_data_are_one_event() -> None:
    """The example of the HTML standard: `data: YHOO`, `data: +2`, `data: 10`."""
    assert list(EventStream().feed(b"\xef\xbb\xbfdata: YHOO\ndata: +2\ndata:10\n\n")) == ["YHOO\n+2\n10"]


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    """It is an error as soon as it is too long."""
    with pytest.raises(LineTooLong):
        list(EventStream().feed(b"data: " + b"x" * MAX_LINE))


def test_metrics_are_asked_for_by_the_name_of_the_family_or_of_a_sample() -> None:
    """A histogram is asked for without its suffix, a counter of Prometheus' with `_total`."""
    assert {"vllm:time_to_first_token_seconds", "vllm:prompt_tokens_total"} <= exported(METRICS)
    assert exported("# TYPE only_a_comment counter\n") == frozenset()
    with pytest.raises(NotMetrics):
        exported("<html>not here</html>")


# The OpenAI protocol


def test_a_sound_server_passes_every_check() -> None:
    """What can be told is told, and what a request took is at least what the server waited."""
    behaviour = Behaviour(first_delay=0.05, gap=0.01, pieces=5, tokens_in_a_piece=2)
    with openai_server(behaviour) as url:
        report = probed(url)
    assert not report.fails
    assert statuses(report) == {
        "reachable": "ok", "ready": "ok", "model": "ok", "version": "unknown", "revision": "unknown", "answer": "ok",
        "requests": "ok", "metrics": "ok",
    }  # fmt: skip
    assert len(report.answers) == 4 and len(behaviour.seen) == 4 + 2  # 2 warm up
    assert min(first_token_times(report)) >= 0.05
    assert all(a.seconds >= 0.05 + 4 * 0.01 and len(a.pieces) == 5 for a in report.answers)
    assert (report.answers[0].input_tokens, report.answers[0].output_tokens) == (11, 10)
    assert tokens_in_a_piece(report) == 2
    assert report.answers[0].ended == "length"


def test_a_request_asks_for_a_stream_of_the_full_length() -> None:
    """`ignore_eos` goes only to engines that know it; the model is the one that is served."""
    for engine, knows in (("vllm", True), ("custom", False)):
        behaviour = Behaviour()
        with openai_server(behaviour) as url:
            probed(url, engine=engine, output_tokens=33)
        asked = behaviour.seen[-1]
        assert (asked["model"], asked["stream"], asked["max_tokens"]) == ("chat", True, 33)
        assert asked.get("ignore_eos", False) is knows


def test_a_model_without_a_template_is_asked_for_completions() -> None:
    """The chat endpoint says what is wrong, the help what to do, and that works."""
    with openai_server(Behaviour(broken="no-template")) as url:
        refused = check_of(probed(url), "answer")
    assert refused.status is Status.FAILED and "--api completions" in refused.help
    behaviour = Behaviour()
    with openai_server(behaviour) as url:
        assert statuses(probed(url, api="completions"))["requests"] == "ok"
    assert "prompt" in behaviour.seen[0] and "messages" not in behaviour.seen[0]


def test_as_many_requests_at_a_time_as_asked_for() -> None:
    """More than one, and never more than that."""
    behaviour = Behaviour(first_delay=0.05)
    with openai_server(behaviour) as url:
        report = probed(url, requests=12, concurrency=4)
    assert len(report.answers) == 12
    assert 2 <= behaviour.most_at_once <= 4


@pytest.mark.parametrize(
    ("broken", "check", "words"),
    [
        ("loading", "ready", "GET /health answers 503: Loading model"),
        ("moved", "ready", "it is at https://elsewhere.example/health"),
        ("models-are-text", "model", "what came is no JSON: '<html>hello</html>'"),
        ("busy", "answer", "answers 429: Model is overloaded"),
        ("full", "answer", "answers 503: The engine is currently busy"),
        ("dead", "answer", "answers 500: EngineCore encountered an issue."),
        ("not-a-stream", "answer", "answers application/json, not a stream"),
        ("empty", "answer", "the answer has no text (`finish_reason` stop)"),
        ("cut", "answer", "/v1/chat/completions"),
        ("error-in-the-middle", "answer", "in the middle of the answer"),
        ("no-json", "answer", "what came is no JSON: '{broken'"),
        ("done-without-a-reason", "answer", "the stream ended after 4 pieces, without a `finish_reason`"),
        ("aborted", "answer", "the server ended the answer with `abort` after 4 pieces"),
    ],
)
def test_a_fault_is_the_check_that_it_breaks(broken: str, check: str, words: str) -> None:
    """One check fails, with the server's words; what needs it is not asked; metrics are read all the same."""
    behaviour = Behaviour(broken=broken)
    with openai_server(behaviour) as url:
        report = probed(url, expected=Expected())
    assert [c.name for c in report.checks if c.status is Status.FAILED] == [check]
    assert words in check_of(report, check).text
    assert len(behaviour.seen) == (1 if check == "answer" else 0)
    assert report.answers == ()


def test_an_answer_that_never_ends_is_a_timeout() -> None:
    """However many pieces come: the time is for the whole answer."""
    with openai_server(Behaviour(broken="never-ends")) as url:
        started = time.monotonic()
        report = probed(url, timeout=0.4)
    assert check_of(report, "answer").text == "not done after 0.4 s"
    assert time.monotonic() - started < 20


def test_an_answer_that_never_begins_is_a_timeout() -> None:
    """Nothing comes, not even a status."""
    with openai_server(Behaviour(broken="hangs")) as url:
        assert "nothing came for 0.3 s" in check_of(probed(url, timeout=0.3), "answer").text


def test_faults_of_some_requests_are_counted_by_kind() -> None:
    """Two warm up and one is answered; the next three fail, each in the same way."""
    with openai_server(Behaviour(broken="busy", fails_after=3)) as url:
        report = probed(url)
    assert check_of(report, "requests").text.startswith("3 of 4 failed: 3 busy; the first: POST /v1/chat/completions")
    assert (len(report.answers), [f.kind for f in report.failures]) == (1, ["busy"] * 3)
    assert report.fails


def test_a_gateway_that_hides_health_and_models_is_no_fault() -> None:
    """What is not there is not told; the answers decide. The model's name has to come from somewhere."""
    with openai_server(Behaviour(broken="no-health")) as url:
        report = probed(url)
    assert (statuses(report)["ready"], statuses(report)["requests"]) == ("unknown", "ok")
    with openai_server(Behaviour(broken="no-models")) as url:
        assert check_of(probed(url), "model").help == "name it with `--model`"
        report = probed(url, model="chat")
    assert (statuses(report)["model"], statuses(report)["requests"]) == ("unknown", "ok")


def test_a_model_that_is_not_served_is_not_asked() -> None:
    """The check names what is."""
    behaviour = Behaviour()
    with openai_server(behaviour) as url:
        found = check_of(probed(url, model="other"), "model")
    assert (found.status, found.text) == (Status.FAILED, "`other` is not served; it serves chat")
    assert behaviour.seen == []


def test_embeddings_and_rankings_are_asked_for_whole() -> None:
    """They are not streamed: there is one time, of the whole request."""
    with openai_server(Behaviour()) as url:
        embedded, ranked = probed(url, task="embed"), probed(url, task="rerank")
    assert check_of(embedded, "answer").text == "a vector of 3 numbers"
    assert check_of(ranked, "answer").text == "4 texts scored"
    for report in (embedded, ranked):
        values = probe_values(report)["measured"]
        assert values["requestLatency"]["count"] == 4
        assert values["timeToFirstToken"] is None and values["interTokenLatency"] is None
    assert embedded.answers[0].input_tokens == 7


@pytest.mark.parametrize(
    ("task", "broken", "words"),
    [
        ("embed", "nan", "no finite number"),
        ("embed", "no-vector", "without a vector"),
        ("rerank", "a-score-is-missing", "does not score each of 4 texts once"),
    ],
)
def test_numbers_that_are_none_are_no_answer(task: str, broken: str, words: str) -> None:
    """A vector of NaN has the right form, and is worth nothing."""
    with openai_server(Behaviour(broken=broken)) as url:
        assert words in check_of(probed(url, task=task), "answer").text


def test_each_engine_is_asked_where_it_tells_its_version() -> None:
    """vLLM at /version, TGI at /info with the revision of the model, llama.cpp at /props."""
    with openai_server(Behaviour(model="tgi")) as url:
        told = {engine: probed(url, engine=engine, model="").identity for engine in ("vllm", "tgi", "llama-cpp")}
    assert {engine: identity.version for engine, identity in told.items()} == {
        "vllm": "0.32.0", "tgi": "3.3.7", "llama-cpp": "b11312-0c1e57098",
    }  # fmt: skip
    assert told["tgi"].revisions == ("a" * 40,) and told["tgi"].models == ()


def test_metrics_that_are_missing_are_named_by_role() -> None:
    """A rule that reads the role would see nothing."""
    fewer = "".join(line for line in METRICS.splitlines(keepends=True) if "kv_cache" not in line)
    with openai_server(Behaviour(metrics=fewer + "http_requests_total 1\n")) as url:
        report = probed(url)
    assert check_of(report, "metrics").text == "1 of 10 are not exported: kvCache `vllm:kv_cache_usage_perc`"
    assert [role for role, there in report.metrics.items() if not there] == ["kvCache"]
    with openai_server(Behaviour(metrics="")) as url:
        missing, left_out = probed(url), probed(url, metrics_url=None)
    assert missing.fails and "--metrics-url" in check_of(missing, "metrics").help
    assert not left_out.fails and statuses(left_out)["metrics"] == "unknown"
    with openai_server(Behaviour(metrics="<html>")) as url:
        assert "no text of metrics" in check_of(probed(url), "metrics").text


# Keys and certificates


def test_a_key_goes_only_where_the_answers_come_from() -> None:
    """Without it the check says how to give it; the address of the metrics gets it only if it is the same."""
    elsewhere = Behaviour()
    behaviour = Behaviour(key="sk-secret")
    with openai_server(behaviour) as url, openai_server(elsewhere) as other:
        without = check_of(probed(url), "model")
        assert "401: Unauthorized" in without.text and "--key-env" in without.help
        assert check_of(probed(url, key="wrong"), "model").help == "the key is not accepted"
        behaviour.keys.clear()
        cache = Expected(metrics={"kvCache": "vllm:kv_cache_usage_perc"})
        assert not probed(url, cache, key="sk-secret", metrics_url=f"{other}/metrics").fails
    assert {given for _, given in behaviour.keys} == {"Bearer sk-secret"}
    assert elsewhere.keys == [("/metrics", None)]


def test_a_key_is_in_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if the server repeats it in an error."""
    monkeypatch.setenv("LLM_KEY", "sk-secret")
    with openai_server(Behaviour(key="sk-secret", broken="echoes-the-key", fails_after=2)) as url:
        for form in ("human", "json"):
            words = ["probe", url, "--engine", "vllm", "--requests", "2", "--key-env", "LLM_KEY", "--format", form]
            status, out, err = run(words, tmp_path)
            assert status == 1 and "bad header Bearer …" in json.loads(json.dumps(out + err)).replace("\\u2026", "…")
            assert "sk-secret" not in out + err


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody but its own key signed."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "probe")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return folder / "cert.pem", folder / "key.pem"


def test_a_certificate_is_checked(certificate: tuple[Path, Path]) -> None:
    """One that nobody trusts is refused, and the help says how to trust it."""
    with openai_server(Behaviour(), certificate) as url:
        refused = check_of(probed(url), "reachable")
        assert refused.status is Status.FAILED and "--ca-file" in refused.help
        assert not probed(url, ca_file=str(certificate[0])).fails


# Triton


def test_a_sound_triton_passes_every_check() -> None:
    """One request is one stream: three pieces and an empty response that says it is the last."""
    servicer = TritonServicer(first_delay=0.03)
    with triton_server(servicer) as url:
        report = probed(url, engine="triton", model="chat", expected=Expected(version="2.51.0"), output_tokens=7)
    assert not report.fails
    assert statuses(report)["version"] == "ok"
    assert [len(a.pieces) for a in report.answers] == [3] * 4 and min(first_token_times(report)) >= 0.03
    assert report.answers[0].text == "0 1 2 "
    asked = {tensor.name: tensor for tensor in servicer.seen[0].inputs}
    assert asked["max_tokens"].contents.int_contents[:] == [7] and asked["stream"].contents.bool_contents[:] == [True]
    assert asked["text_input"].contents.bytes_contents[0].startswith(b"a-1: ")


def test_triton_embeds_and_ranks() -> None:
    """The numbers are in a tensor; a model with a batch dimension is asked for a batch of one."""
    for task, words in (("embed", "a vector of 2 numbers"), ("rerank", "2 texts scored")):
        servicer = TritonServicer(task)
        with triton_server(servicer) as url:
            report = probed(url, engine="triton", model="chat", task=task, expected=Expected())
        assert (check_of(report, "answer").text, report.fails) == (words, False)
        assert list(servicer.seen[0].inputs[0].shape) == [1, 1]


@pytest.mark.parametrize(
    ("task", "broken", "check", "words"),
    [
        ("generate", "loading", "ready", "a model is loading, or failed to load"),
        ("generate", "other-inputs", "answer", "the model has no input `text_input`; it has X"),
        ("generate", "queue-full", "answer", "Exceeds maximum queue size"),
        ("generate", "empty", "answer", "the answer has no text"),
        ("generate", "ends-early", "answer", "the stream ended after 3 pieces"),
        ("generate", "dies", "answer", "Socket closed"),
        ("generate", "hangs", "answer", "DEADLINE_EXCEEDED"),
        ("embed", "nan", "answer", "no finite number"),
        ("embed", "no-tensor", "answer", "has no tensor `embedding`"),
    ],
)
def test_a_fault_of_triton_is_the_check_that_it_breaks(task: str, broken: str, check: str, words: str) -> None:
    """As over HTTP."""
    with triton_server(TritonServicer(task, broken)) as url:
        report = probed(url, engine="triton", task=task, model="chat", expected=Expected(), timeout=1.0)
    assert [c.name for c in report.checks if c.status is Status.FAILED] == [check]
    assert words in check_of(report, check).text


def test_triton_that_serves_several_models_wants_a_name() -> None:
    """Helpers of an ensemble are listed too: the first one is not the one that is meant."""
    with triton_server(TritonServicer()) as url:
        assert "--model" in check_of(probed(url, engine="triton"), "model").text
        missing = probed(url, engine="triton", model="nope", expected=Expected())
    assert check_of(missing, "model").text == "`nope` is not served; it serves chat, chat-engine"


def test_triton_behind_a_key() -> None:
    """The key is sent as over HTTP."""
    with triton_server(TritonServicer(key="k")) as url:
        assert "UNAUTHENTICATED" in check_of(probed(url, engine="triton", model="chat"), "ready").text
        assert not probed(url, engine="triton", model="chat", key="k", expected=Expected()).fails


# The command


SPEC = """\
apiVersion: llmform/v1
name: hello
models:
  chat: {source: "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"}
nodePools:
  l40s: {accelerator: nvidia-l40s, max: 2}
serving:
  assistant:
    model: chat
    pool: l40s
    allowSinglePoint: true
    objectives: {timeToFirstToken: {p95: 20s}, interTokenLatency: {p95: 1ms}}
targets:
  us-east-1: {provider: aws, region: us-east-1, account: "123456789012"}
moved: {serving.chat: serving.assistant}
environments:
  staging: {}
  prod:
    overlay: {serving.assistant: {objectives: {timeToFirstToken: {p95: 1ms}}}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


def test_a_spec_says_what_is_right(spec: Path) -> None:
    """The name is the one that clients knew before the rename; promises are those of the environment."""
    words = ["--spec", spec.name, "--server", "serving.assistant", "--requests", "3", "--format", "json"]
    with openai_server(Behaviour(gap=0.01)) as url:
        status, out, err = run(["probe", url, *words, "--environment", "staging"], spec.parent)
        found = json.loads(out)
        assert (status, err) == (1, "")
        by_name = {check["name"]: check for check in found["checks"]}
        assert by_name["objectives.timeToFirstToken"]["status"] == "ok"
        assert by_name["objectives.interTokenLatency"]["status"] == "failed"  # 10 ms between pieces, 1 ms promised
        assert by_name["version"]["status"] == "ok"
        assert found["expected"]["model"] == "chat"
        assert found["expected"]["revision"] == "a09a35458c702b33eeacc393d103063234e8bc28"
        assert found["expected"]["source"] == "serving.assistant of spec.yaml"
        _, out, _ = run(["probe", url, *words, "--environment", "prod"], spec.parent)
        by_name = {check["name"]: check for check in json.loads(out)["checks"]}
        assert "promised 1.00 ms" in by_name["objectives.timeToFirstToken"]["text"]
        status, out, err = run(["probe", url, *words], spec.parent)
        assert (status, out) == (2, "") and "is not the same everywhere (staging at us-east-1, prod" in err
    with openai_server(Behaviour(model="assistant", version="0.31.0")) as url:
        _, out, _ = run(["probe", url, *words, "--environment", "staging"], spec.parent)
        by_name = {check["name"]: check for check in json.loads(out)["checks"]}
        assert by_name["model"]["text"] == "`chat` is not served; it serves assistant"


@pytest.mark.parametrize(
    ("engine", "written"),
    [("vllm", ""), ("tgi", "engine: tgi"), ("custom", "engine: custom\n    image: registry.example/chat:1.4.0")],
)
def test_name_and_health_path_are_those_of_the_graph(engine: str, written: str) -> None:
    """The probe asks what the kubelet asks, for the name that the engine is given."""
    # not every engine exports what the promises are judged by
    text = re.sub("(?m)^    objectives: .*$|^  prod:$|^    overlay: .*$", "", SPEC) + "  prod: {}\n"
    text = text.replace("    pool: l40s\n", f"    pool: l40s\n    {written}\n" if written else "    pool: l40s\n")
    compiled = compile_spec(text.encode(), "spec.yaml")
    assert compiled.compilation is not None, compiled.diagnostics
    found = subject(compiled.loaded.cases, NEWEST, "assistant", file="spec.yaml", environment="prod")
    nodes = [n for s in compiled.compilation.stacks if s.environment == "prod" for n in s.graph.nodes]
    [deployment] = [n.inputs for n in nodes if n.id.startswith("serving.assistant/Deployment/")]
    shown = json.dumps(deployment, default=str)
    assert re.findall(r'"readinessProbe": {"httpGet": {"path": "([^"]+)"', shown) == [found.health_path]
    assert (found.engine, found.health_path) == (engine, HEALTH[engine])
    assert found.expected.model == deployment["metadata"]["name"] == "chat"
    if engine == "vllm":
        assert "--served-model-name=chat" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http://localhost:1"], "the engine is missing"),
        (["http://localhost:1", "--server", "serving.chat"], "are of a spec"),
        (["http://localhost:1", "--spec", "spec.yaml"], "the server is missing"),
        (
            ["http://localhost:1", "--spec", "spec.yaml", "--server", "serving.assistent"],
            "did you mean `serving.assistant`",
        ),
        (
            ["http://localhost:1", "--spec", "spec.yaml", "--server", "assistant", "--environment", "nope"],
            "environment `nope`",
        ),
        (
            ["http://x", "--engine", "tgi", "--spec", "spec.yaml", "--server", "assistant", "--environment", "prod"],
            "says `vllm`",
        ),
        (["localhost:8000", "--engine", "vllm"], "does not begin with http:// or https://"),
        (["http://localhost:8000", "--engine", "triton"], "does not begin with grpc:// or grpcs://"),
        (["grpc://localhost:8001/x", "--engine", "triton"], "has a path"),
        (["http://localhost:80000", "--engine", "vllm"], "the URL cannot be read"),
        (["http://", "--engine", "vllm"], "is no address of a server"),
        (["http://x?key=1", "--engine", "vllm"], "is no address of a server"),
        (["http://x", "--engine", "vllm", "--requests", "0"], "0 is not within 1 to 100,000"),
        (["http://x", "--engine", "vllm", "--timeout", "soon"], "`soon` is no whole number"),
        (["http://x", "--engine", "vllm", "--ca-file", "nowhere.pem"], "`nowhere.pem` cannot be used as certificates"),
        (["http://x", "--engine", "vllm", "--key-env", "NO_SUCH_KEY"], "`NO_SUCH_KEY` of `--key-env` is not set"),
        (["http://x", "--engine", "vllm", "--metrics-url", "x"], "is no address of metrics"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_asked(words: list[str], said: str, spec: Path) -> None:
    """Exit status 2, one error."""
    status, out, err = run(["probe", *words], spec.parent)
    assert (status, out) == (2, "") and said in err, err


def test_a_password_or_a_key_on_the_command_line_is_not_repeated(spec: Path) -> None:
    """It is wrong usage, and stays out of logs."""
    for words in (["https://me:hunter2@x"], ["https://x", "--key-env", "hunter2-hunter2"]):
        status, out, err = run(["probe", *words, "--engine", "vllm"], spec.parent)
        assert status == 2 and "hunter2" not in out + err


def test_nobody_there_is_a_finding(tmp_path: Path) -> None:
    """A gate has to see it: exit status 1, and the words say why."""
    for url, engine in (("http://127.0.0.1:1", "vllm"), ("grpc://127.0.0.1:1", "triton")):
        status, out, err = run(["probe", url, "--engine", engine, "--format", "json"], tmp_path)
        [check] = json.loads(out)["checks"]
        assert (status, err, check["name"], check["status"]) == (1, "", "reachable", "failed")
        assert "refused" in check["text"]


def test_what_a_server_says_steers_no_terminal(tmp_path: Path) -> None:
    """Names, errors and texts of a server are untrusted."""
    with openai_server(Behaviour(model="\x1b[31mred\u202e")) as url:
        for form in ("human", "json"):
            _, out, _ = run(["probe", url, "--engine", "vllm", "--requests", "1", "--format", form], tmp_path)
            assert "\x1b" not in out and "\u202e" not in out and "red" in out


@pytest.mark.parametrize("package", ["httpx", "prometheus_client", "tritonclient"])
def test_a_package_that_is_missing_is_named(package: str) -> None:
    """A base installation has none of them: the error says what installs them."""
    code = f"import sys; sys.modules[{package!r}] = None; from stacks.cli import main; sys.exit(main())"
    words = ["grpc://127.0.0.1:1", "--engine", "triton"]
    done = subprocess.run(
        [sys.executable, "-c", code, "probe", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stdout == ""
    assert f"needs the package `{package}`" in done.stderr and "llmform[serve]" in done.stderr


class Scripted:
    """A client whose answers are written down."""

    address = "nowhere"

    def ready(self) -> str:
        return "yes"

    def identity(self, model: str) -> Identity:
        return Identity(("chat",))

    def answer(self, request: Request) -> Answer:
        if request.prompt.startswith("a2:"):
            raise ProbeFailed("busy", "not now")
        return Answer(1.0, (0.25, 0.75))

    def metrics(self) -> str | None:
        return None

    def close(self) -> None:
        pass


def test_an_interrupt_keeps_what_was_measured() -> None:
    """After three requests somebody stops it: three are in the report, and it says so."""

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    report = probe(Scripted(), Settings("vllm", requests=1000, nonce="a"), progress=stop)
    assert report.interrupted and len(report.answers) + len(report.failures) == 3
    assert "interrupted after 3 of 1,000 requests" in human_probe(report)
    assert first_token_times(report) == (0.25, 0.25) and gaps(report) == (0.5, 0.5)


def test_an_interrupt_from_a_terminal_ends_the_command() -> None:
    """SIGINT: exit status 130, the report on standard output, nothing else, although a request hangs."""
    behaviour = Behaviour(broken="hangs", fails_after=5)
    with openai_server(behaviour) as url:
        words = [url, "--engine", "vllm", "--requests", "500", "--timeout", "60", "--format", "json"]
        code = "import sys; from stacks.cli import main; sys.exit(main())"
        with subprocess.Popen(
            [sys.executable, "-c", code, "probe", *words],
            cwd=ROOT,
            env=os.environ | {"NO_PROXY": "127.0.0.1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            until = time.monotonic() + 60
            while len(behaviour.seen) < 6 and time.monotonic() < until:
                time.sleep(0.01)
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=30)
    found = json.loads(out)
    assert (child.returncode, err) == (130, "")
    assert found["interrupted"] is True
    assert found["measured"]["answered"] == 3  # 5 were answered, 2 of them to warm up


def test_a_bug_in_a_client_is_not_swallowed() -> None:
    """What is no fault of the server is seen, from whichever thread it comes."""

    class Wrong(Scripted):
        calls = 0

        def answer(self, request: Request) -> Answer:
            self.calls += 1
            if self.calls > 2:
                raise ZeroDivisionError
            return super().answer(request)

    with pytest.raises(ZeroDivisionError):
        probe(Wrong(), Settings("vllm", nonce="a"))


def keys_of(value: Any) -> Iterator[str]:
    """Yield every key in a JSON value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_the_json_is_documented() -> None:
    """Every key is on its page; times are numbers of seconds, and the text is ASCII."""
    page = (ROOT / "docs/reference/probe-json.md").read_text(encoding="utf-8")
    with openai_server(Behaviour(broken="busy", fails_after=3, metrics="")) as url:
        text = json_probe(probed(url))
        text += json_probe(probed(url, expected=Expected()))
    with openai_server(Behaviour(broken="busy", fails_after=4)) as url:
        text_with_metrics = json_probe(probed(url))
    values = json.loads(text_with_metrics)
    first = json.loads(text[: text.index("\n}\n") + 3])
    assert text.isascii() and values["format"] == 1
    missing = {key for found in (values, first) for key in keys_of(found) if f"`{key}`" not in page}
    assert missing == set()


EXAMPLE = ProbeReport(
    "http://localhost:8000",
    Settings("vllm", model="chat"),
    Expected("serving.chat of spec.yaml", time_to_first_token=0.8),
    Identity(("chat",), "0.32.0"),
    (
        Check("reachable", Status.OK, "http://localhost:8000 answers"),
        Check("ready", Status.OK, "GET /health answers 200"),
        Check("model", Status.OK, "`chat` is served"),
        judge_version("0.32.0", "0.32.0", "serving.chat of spec.yaml"),
        judge_revision((), "a09a354", "serving.chat of spec.yaml"),
        Check("answer", Status.OK, "streamed in 64 pieces"),
        Check("requests", Status.OK, "all 20 were answered"),
        Check("metrics", Status.OK, "all 10 that rules may read are exported"),
        judge_first_token([i / 100 for i in range(5, 25)], 0.8, "serving.chat of spec.yaml"),
    ),
    tuple(Answer(i / 100 + 0.7, tuple(i / 100 + j / 100 for j in range(64)), 259, 64) for i in range(5, 25)),
    seconds=16.9,
)
"""First pieces after 50, 60, … 240 ms, 63 more every 10 ms, the end 70 ms after the last."""


def test_the_guide_shows_what_is_printed() -> None:
    """Its example is this report, to the letter; its p95 is the 19th of 20 times, 230 ms."""
    text = human_probe(EXAMPLE)
    assert re.search(r"time to first token +140 ms +220 ms +230 ms +240 ms +240 ms +20\n", text)
    assert text in (ROOT / "docs/guides/probe.md").read_text(encoding="utf-8"), text


def test_the_commands_of_the_guide_are_understood() -> None:
    """Each `llmform probe` of the guide is parsed as it stands; what they print needs a server."""
    import shlex

    page = (ROOT / "docs/guides/probe.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [line for line in page.splitlines() if line.startswith("llmform probe ")]
    assert len(commands) >= 4
    for line in commands:
        assert parser().parse_args(shlex.split(line, comments=True)[1:]).command == "probe"
