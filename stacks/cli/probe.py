"""`llmform probe`: ask a running model server what a client would ask it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from stacks.cli.probe_address import Address, address_of, key_of, whole
from stacks.cli.selection import complete_spec
from stacks.cli.session import FINDINGS, OK, SpecErrors, UsageError, coloured, compile_file, read_spec, write

if TYPE_CHECKING:
    from stacks.probe import Client, Settings
    from stacks.probe_spec import Subject

ENGINES = ("vllm", "tgi", "llama-cpp", "triton", "custom")
"""The engines of `serving.X.engine`."""

INTERRUPTED = 130
"""128 + SIGINT: what a shell reports for a program that the signal ended."""

INSTALL = "pip install 'llmform[serve]'; in a clone `python3 -I requirements/install.py base serve`"


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "probe",
        help="ask a running model server what a client would ask it",
        description="Ask a running model server over the OpenAI protocol, or Triton over gRPC: is it ready, does it\n"
        "serve the right model, does it answer, how fast, and are the metrics there that rules read. With --spec,\n"
        "compare with what the spec says. Exit 1 if a check fails or nobody answers.",
        epilog="examples:\n"
        "  llmform probe http://localhost:8000 --engine vllm\n"
        "  llmform probe https://llm.example.com --spec spec.yaml --server serving.chat --key-env LLM_KEY\n"
        "  llmform probe grpc://localhost:8001 --engine triton --model chat --requests 59",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("url", metavar="URL", help="http[s]://HOST[:PORT][/PATH], for Triton grpc[s]://HOST[:PORT]")
    parser.add_argument("--engine", choices=ENGINES, help="the serving engine (default: as the spec says)")
    _add_subject(parser)
    _add_load(parser)
    _add_access(parser)
    parser.add_argument(
        "--format", choices=("human", "json"), default="human", help="how it is printed (default: human)"
    )
    parser.set_defaults(run=run)


def _add_subject(parser: argparse.ArgumentParser) -> None:
    """Add what says which server is meant and what is expected of it."""
    complete_spec(parser.add_argument("--spec", default="", metavar="SPEC", help="the spec to compare with"))
    for flag, metavar, help in (
        ("--server", "PATH", "the server in the spec, such as serving.chat"),
        ("--environment", "NAME", "the environment of the spec that is meant"),
        ("--target", "NAME", "the target of the spec that is meant"),
        ("--model", "NAME", "what clients call the model (default: as the spec says, else the first that is served)"),
    ):
        parser.add_argument(flag, default="", metavar=metavar, help=help)
    help = "what the model is for (default: as the spec says, else generate)"
    parser.add_argument("--task", choices=("generate", "embed", "rerank"), help=help)


def _add_load(parser: argparse.ArgumentParser) -> None:
    """Add what says how many requests of which size are sent."""
    for flag, most, default, metavar, help in (
        ("--requests", 100_000, 20, "N", "requests that are measured"),
        ("--concurrency", 1024, 1, "N", "requests at a time"),
        ("--warm-up", 1000, 2, "N", "requests before, which are not measured"),
        ("--input-tokens", 1_000_000, 256, "N", "tokens of a prompt, about"),
        ("--output-tokens", 1_000_000, 64, "N", "tokens of an answer, at most"),
        ("--timeout", 86_400, 60, "SECONDS", "for each request, to the end of its answer"),
    ):
        shown = f"{help} (default: {default})"
        parser.add_argument(flag, type=whole(1, most), default=default, metavar=metavar, help=shown)
    help = "how text is asked for; completions for a model without a chat template (default: chat)"
    parser.add_argument("--api", choices=("chat", "completions"), default="chat", help=help)


def _add_access(parser: argparse.ArgumentParser) -> None:
    """Add what says how the server is reached."""
    for flag, metavar, help in (
        ("--key-env", "NAME", "the environment variable that holds the API key"),
        ("--ca-file", "FILE", "certificates (PEM) of who signed the server's certificate"),
        ("--health-path", "PATH", "where it says that it is ready (default: as the engine has it)"),
        ("--metrics-url", "URL|none", "where its metrics are (default: /metrics at URL; for Triton port 8002)"),
    ):
        parser.add_argument(flag, default="", metavar=metavar, help=help)


def run(arguments: argparse.Namespace) -> int:
    """Probe the server and print the report; what was measured before an interrupt is printed too."""
    subject = _subject(arguments)
    settings = _settings(arguments, subject)
    address = address_of(arguments.url, settings.engine)
    key = key_of(arguments.key_env)
    with _installed():
        client = _client(arguments, address, settings, subject.health_path, key)
    from stacks.cli.probe_run import probe

    with closing(client), _progress(settings) as progress:
        report = probe(client, settings, subject.expected, progress=progress)
    from stacks.render import probe as render
    from stacks.render.style import Style

    text = (
        render.json_probe(report)
        if arguments.format == "json"
        else render.human_probe(report, Style(coloured(sys.stdout)))
    )
    write(text)
    return INTERRUPTED if report.interrupted else FINDINGS if report.fails else OK


def _subject(arguments: argparse.Namespace) -> Subject:
    """Return what is probed: as the spec says, else as the command line says."""
    from specs.catalog.reader import NEWEST
    from stacks.probe_spec import HEALTH, NotProbed, Subject, expected_of, subject

    if not arguments.spec:
        if arguments.server or arguments.environment or arguments.target:
            raise UsageError("`--server`, `--environment` and `--target` are of a spec", "name it with `--spec`")
        if not arguments.engine:
            raise UsageError(
                "the engine is missing", f"`--engine` is one of {', '.join(ENGINES)}; or `--spec` and `--server`"
            )
        engine = arguments.engine
        return Subject(engine, "generate", HEALTH.get(engine, ""), expected_of(engine, NEWEST))
    if not arguments.server:
        raise UsageError("the server is missing", "for example `--server serving.chat`")
    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.compilation is None:
        raise SpecErrors(spec, compiled.diagnostics)
    try:
        found = subject(
            compiled.loaded.cases, compiled.compilation.edition, arguments.server,
            file=spec.shown, environment=arguments.environment, target=arguments.target,
        )  # fmt: skip
    except NotProbed as error:
        raise UsageError(str(error), error.help) from None
    if arguments.engine and arguments.engine != found.engine:
        raise UsageError(
            f"`--engine {arguments.engine}`: {found.expected.source} says `{found.engine}`", "leave it out"
        )
    return found


def _settings(arguments: argparse.Namespace, subject: Subject) -> Settings:
    from stacks.probe import Settings

    return Settings(
        engine=subject.engine,
        task=arguments.task or subject.task,
        model=arguments.model,
        requests=arguments.requests,
        concurrency=arguments.concurrency,
        warm_up=arguments.warm_up,
        input_tokens=arguments.input_tokens,
        output_tokens=arguments.output_tokens,
        timeout=float(arguments.timeout),
        nonce=os.urandom(4).hex(),
    )


@contextmanager
def _installed() -> Iterator[None]:
    """Say what has to be installed if it is not."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        raise UsageError(f"`llmform probe` needs the package `{missing}`, which is not installed", INSTALL) from None


def _client(arguments: argparse.Namespace, address: Address, settings: Settings, health_path: str, key: str) -> Client:
    """Return the client for the engine's protocol; it connects when it is first asked."""
    metrics_url = None if arguments.metrics_url == "none" else arguments.metrics_url
    if metrics_url and not metrics_url.startswith(("http://", "https://")):
        raise UsageError(f"`{metrics_url}` is no address of metrics", "write one such as http://localhost:8000/metrics")
    if arguments.health_path and not arguments.health_path.startswith("/"):
        raise UsageError(f"the path `{arguments.health_path}` does not begin with `/`")
    import prometheus_client.parser  # noqa: F401  what is missing is said before anything is asked

    try:
        if settings.engine == "triton":
            from stacks.cli.kserve_client import KServeClient

            return KServeClient(
                address.place, secure=address.scheme == "grpcs", key=key, ca_file=arguments.ca_file,
                timeout=settings.timeout, metrics_url=metrics_url,
            )  # fmt: skip
        from stacks.cli.openai_client import OpenAiClient

        return OpenAiClient(
            address.url, settings.engine, health_path=arguments.health_path or health_path, api=arguments.api,
            key=key, ca_file=arguments.ca_file, timeout=settings.timeout, metrics_url=metrics_url,
            concurrency=settings.concurrency,
        )  # fmt: skip
    except OSError as error:
        raise UsageError(f"`{arguments.ca_file}` cannot be used as certificates: {error.strerror or error}") from None


@contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[int], None]]:
    """Give what shows how many requests are done, on one line of a terminal that is gone at the end."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    try:
        yield lambda done: print(
            f"\r\033[K{done:,} of {settings.requests:,} requests", end="", file=sys.stderr, flush=True
        )
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
