"""The arguments and the environment of a call, and what it comes to: an exit status and one sentence."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from .bucket import Bucket, Lost
from .copying import Only, Place, Source, fetch, mirror
from .folder import Folder
from .hub import Hub, Token
from .manifest import check_paths, is_hex
from .problems import Failed, Problem, Refused, WrongCall
from .run import MIB, Run, Settings

_HUB = re.compile(r"hf://(?P<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@(?P<commit>[0-9a-f]{40})", re.ASCII)
_BUCKET = re.compile(r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9.-]{1,61}[A-Za-z0-9])/(?P<prefix>.+)", re.ASCII)

USAGE = """\
mirror --from=hf://ORGANISATION/NAME@COMMIT --to=PLACE [--file=NAME [--sha256=HEX]]
mirror --from=s3://BUCKET/FOLDER            --to=PLACE [--file=NAME [--sha256=HEX]]
fetch  --from=PLACE                         --to=file:///FOLDER
PLACE is s3://BUCKET/FOLDER or file:///FOLDER"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise WrongCall(
            f"{message}; a call is one of: {'; '.join(' '.join(line.split()) for line in USAGE.splitlines())}"
        )


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do what the arguments say; return the exit status. The last line on standard error says how it ended."""
    for number in (signal.SIGTERM, signal.SIGINT):  # process 1 of a container ignores them otherwise
        signal.signal(number, _stopped)
    try:
        sentence = _do(arguments, environment)
    except Problem as problem:
        print(f"weights: {_one_line(str(problem))}", file=sys.stderr, flush=True)
        return problem.status
    except Lost:
        print("weights: another run changes the same objects all the time", file=sys.stderr, flush=True)
        return Failed.status
    except Exception as problem:
        traceback.print_exc()
        what = f"{type(problem).__name__}: {problem}"
        print(f"weights: a fault of this program: {_one_line(what)}", file=sys.stderr, flush=True)
        return Failed.status
    print(f"weights: {_one_line(sentence)}", file=sys.stderr, flush=True)
    return 0


def _do(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    parser = _Parser(prog="weights", usage=USAGE, allow_abbrev=False, add_help=False)
    parser.add_argument("command", choices=("mirror", "fetch"))
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", dest="place", required=True)
    parser.add_argument("--file")
    parser.add_argument("--sha256")
    call = parser.parse_args(list(arguments))
    run = Run(settings(environment))
    if call.command == "fetch":
        if call.file is not None or call.sha256 is not None:
            raise WrongCall("`fetch` brings what the place holds; --file and --sha256 belong to `mirror`")
        if not call.place.startswith("file://"):
            raise WrongCall(f"`fetch` writes a folder, file:///…, and not {call.place!r}")
        return fetch(_place(call.source, run), _place(call.place, run, read_back=False), run)
    return mirror(_source(call.source, environment, run), _place(call.place, run), _only(call.file, call.sha256), run)


def settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that the environment asks for. Raises `WrongCall`."""
    plain = Settings()
    return Settings(
        workers=int(_number(environment, "WEIGHTS_WORKERS", plain.workers, 1, 64)),
        part_bytes=int(_number(environment, "WEIGHTS_PART_MIB", plain.part_bytes // MIB, 5, 5120)) * MIB,
        retry_seconds=_number(environment, "WEIGHTS_RETRY_SECONDS", plain.retry_seconds, 0.001, 60),
        timeout_seconds=_number(environment, "WEIGHTS_TIMEOUT_SECONDS", plain.timeout_seconds, 1, 3600),
    )


def _number(environment: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    text = environment.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise WrongCall(f"{name} is {text!r} and not a number from {least} to {most}")
    return value


def _source(text: str, environment: Mapping[str, str], run: Run) -> Source:
    if found := _HUB.fullmatch(text):
        endpoint = environment.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"
        if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).netloc:
            raise WrongCall(f"HF_ENDPOINT is {endpoint!r} and not the address of a hub")
        return Hub(found["repository"], found["commit"], endpoint, _token(environment), run)
    if found := _BUCKET.fullmatch(text):
        return Bucket(found["bucket"], found["prefix"], run)
    raise WrongCall(
        f"{text!r} is not a source: write hf://ORGANISATION/NAME@COMMIT, all 40 digits, or s3://BUCKET/FOLDER"
    )


def _token(environment: Mapping[str, str]) -> Token:
    value, secret = environment.get("HF_TOKEN", "").strip(), environment.get("HF_TOKEN_FROM", "").strip()
    if not all("!" <= character <= "~" for character in value):
        whose = secret or "that `models.<name>.token` names"
        raise Refused(f"the token of the Secret {whose}, key `token`, has characters that no token has")
    return Token(value, secret)


def _place(text: str, run: Run, read_back: bool = True) -> Place:
    if found := _BUCKET.fullmatch(text):
        return Bucket(found["bucket"], found["prefix"], run)
    path = unquote(text.removeprefix("file://")) if text.startswith("file:///") else ""
    if path and "\0" not in path:
        return Folder(path.rstrip("/") or "/", run, read_back)
    raise WrongCall(f"{text!r} is not a place: write s3://BUCKET/FOLDER or file:///FOLDER")


def _only(path: str | None, sha256: str | None) -> Only | None:
    if path is None:
        if sha256 is not None:
            raise WrongCall("--sha256 needs --file, the file that it is of")
        return None
    try:
        check_paths((path,))
    except ValueError as problem:
        raise WrongCall(f"--file: {problem}") from problem
    if sha256 is not None and not is_hex(sha256.lower(), 64):
        raise WrongCall(f"--sha256 is {sha256!r} and not 64 hex digits")
    return Only(path, sha256.lower() if sha256 else None)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _stopped(number: int, _: object) -> NoReturn:
    """End at once: whatever is half done is found and gone on with by the next run."""
    name = signal.Signals(number).name
    os.write(2, f"weights: stopped by {name}; the next run goes on from here\n".encode())
    os._exit(Failed.status)
