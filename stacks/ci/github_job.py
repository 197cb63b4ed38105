"""One run of the GitHub Action: plan, summary, outputs, comment, gate."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stacks.ci.comment import marker, put
from stacks.ci.github import GitHub
from stacks.ci.history import merge_base, top
from stacks.ci.inside import refuse_outside
from stacks.ci.plan_files import FILES, llmform, plan, text, values
from stacks.ci.rest import Refused
from stacks.ci.settings import BadInput, Settings, settings
from stacks.gate import Given
from stacks.git import GitError
from stacks.render.diagnostics import workflow_command

FAILED, UNUSABLE = 1, 2

OUTPUTS: Mapping[str, str] = {
    "risk": "risk",
    "monthly-change": "monthly_change",
    "stacks": "stacks",
    "changes": "changes",
    "fails": "fails",
}
"""Outputs of the action, each with its value's name in plan.env; beside them `comment`, `html`, `json` and `sarif` are
the paths of the files, and `gate` is `passed`, `missing` or empty."""

PATHS: Mapping[str, str] = {"comment": "markdown", "html": "html", "json": "json", "sarif": "sarif"}


_NO_PLAN = "### There is no plan of this change\n\nThe log of the job says why.\n"


def main() -> int:
    """Run the job; return the exit status of the plan, or 1 where the comment or the gate fails."""
    try:
        event_file = os.environ.get("GITHUB_EVENT_PATH", "")
        event = json.loads(Path(event_file).read_text(encoding="utf-8")) if event_file else {}
        asked = settings(os.environ, event)
        refuse_outside(asked.specs, top())
        base = merge_base(asked.base)
    except (BadInput, GitError, OSError, ValueError) as error:
        _say("error", str(error))
        return UNUSABLE
    name = hashlib.sha256("\0".join(asked.selection).encode()).hexdigest()[:16]
    # not in the checkout: a pull request may hold a link of that name
    folder = Path(os.environ.get("RUNNER_TEMP") or tempfile.gettempdir(), "llmform", name)
    links = (f"--link-base={asked.link_base}",) if asked.link_base else ()
    status = plan(folder, asked.specs, ("--against", f"git:{base}", *links, *asked.options), "github")
    _append("GITHUB_STEP_SUMMARY", text(folder, "markdown"))
    known = values(folder)
    if not known:
        # wrong usage: the plan has said what. The comment of the last run is not true of this change
        _append("GITHUB_STEP_SUMMARY", _NO_PLAN)
        _comment(asked, _NO_PLAN)
        return status or UNUSABLE
    written = _comment(asked, text(folder, "markdown"))
    judged = _gate(asked, base) if asked.gate and status == 0 else ""
    outputs = {name: known.get(key, "") for name, key in OUTPUTS.items()}
    outputs |= {name: str(folder / FILES[form]) for name, form in PATHS.items() if text(folder, form)}
    outputs["gate"] = judged
    _append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))
    return status or (0 if written and judged in ("", "passed") else FAILED)


def _comment(asked: Settings, body: str) -> bool:
    """Write the comment if there is a pull request to write it to; say whether nothing went wrong."""
    if not asked.comment or asked.number is None or not body:
        return True
    if not asked.token:
        _say("notice", "no comment: there is no token. The plan is in the job's summary.")
        return True
    try:
        forge = _forge(asked, asked.number)
        mark = marker(asked.selection)
        if len(body) + len(mark) + 100 > forge.longest:
            body = "The plan is too long for a comment; it is in the job's summary and in the report.\n"
        done = put(forge, mark, asked.run, body)
        if done == "left to a later run":
            _say("notice", "no comment: a later run has written it already.")
        return True
    except Refused as refused:
        if refused.status == 403 and asked.read_only:
            _say("notice", "no comment: this run's token can only read (a fork). The plan is in the job's summary.")
            return True
        help = ""
        if refused.status in (403, 404):
            help = " The job needs `permissions: {contents: read, pull-requests: write}`."
        _say("error", f"the comment could not be written: {refused.message}.{help}")
        return False


def _gate(asked: Settings, base: str) -> str:
    """Judge the change by the `review` rules of its spec: `passed` or `missing`, empty without a pull request."""
    if asked.number is None:
        return ""
    try:
        given = _forge(asked, asked.number).given()
    except Refused as refused:
        _say("error", f"labels and approvals could not be read, so none count: {refused.message}.")
        given = Given()
    words = ["review", "gate", "--against", f"git:{base}", "--approvals", str(given.approvals)]
    # a label with a comma is no label of a rule
    for label in sorted(label for label in given.labels if "," not in label):
        words += [f"--labels={label}"]
    status, said = llmform([*words, "--", *asked.specs], quiet=True)
    _append("GITHUB_STEP_SUMMARY", f"\n<pre>{_plain(said)}</pre>\n")
    if status == 0:
        return "passed"
    _say("error", said.strip() or "the gate could not judge the change")
    return "missing"


def _plain(text: str) -> str:
    """Return text that stands in HTML as it is, in one block of Markdown."""
    for sign in "&<>`[]*_@#!":
        text = text.replace(sign, f"&#{ord(sign)};") if sign != "&" else text.replace("&", "&amp;")
    return text.replace("\n\n", "\n")


def _forge(asked: Settings, number: int) -> GitHub:
    return GitHub(asked.api, asked.graphql, asked.token, asked.repository, number)


def _say(command: str, message: str) -> None:
    print(workflow_command(command, {"title": "llmform"}, message), end="", flush=True)


def _append(variable: str, content: str) -> None:
    """Add to a file of the runner's, if it has one."""
    path = os.environ.get(variable)
    if path and content:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(content)
