"""One comment a pull request, against a server that speaks GitHub's API over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from stacks.ci import rest
from stacks.ci.comment import marker, put
from stacks.ci.github import GitHub, approvals
from stacks.ci.rest import Refused, Rest
from tests.github_server import LONGEST, TOKEN, Server, serving

MARK = marker(["specs/a.yaml"])


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        yield state


def forge(server: Server, token: str = TOKEN) -> GitHub:
    return GitHub(server.url, f"{server.url}/graphql", token, "acme/platform", 7)


def test_the_first_run_writes_a_comment_and_the_next_one_updates_it(server: Server) -> None:
    """There is one comment, with the text of the last run, and a run that says the same writes nothing."""
    assert put(forge(server), MARK, (1, 1), "first") == "created"
    assert put(forge(server), MARK, (2, 1), "second") == "updated"
    (only,) = server.comments
    assert only["body"] == f"{MARK}\n<!-- run 2.1 -->\nsecond"
    server.asked.clear()
    assert put(forge(server), MARK, (2, 1), "second") == "updated"
    assert server.writes == []


def test_two_jobs_with_other_specs_keep_two_comments(server: Server) -> None:
    """The hidden line carries the selection."""
    for spec in ("specs/a.yaml", "specs/b.yaml"):
        for run in (1, 2):
            put(forge(server), marker([spec]), (run, 1), spec)
    assert sorted(c["body"].split("\n")[2] for c in server.comments) == ["specs/a.yaml", "specs/b.yaml"]


@pytest.mark.parametrize("path", ["a-->b", "<!--", "x\ny", "é\ud800", "--" * 300, "]]>`<script>"])
def test_a_path_does_not_end_the_hidden_line(path: str) -> None:
    """A comment of HTML ends at its first `-->`; a line of the mark has no other, and no line break."""
    mark = marker([path])
    assert mark.index("-->") == len(mark) - 3
    assert "\n" not in mark and mark.isascii() and "<" not in mark[1:]


def test_comments_by_others_are_let_alone(server: Server) -> None:
    """Anybody can write the hidden line; only what the token's own account wrote is updated."""
    server.add(f"{MARK}\nnot ours", login="mallory")
    server.add(f"quoted: {MARK}")
    assert put(forge(server), MARK, (1, 1), "text") == "created"
    assert [c["body"].split("\n")[-1] for c in server.comments] == ["not ours", f"quoted: {MARK}", "text"]


def test_a_comment_behind_the_first_hundred_is_found(server: Server) -> None:
    """A page has 100 comments at most; the rest is asked for as the server's `Link` says."""
    for number in range(250):
        server.add(f"talk {number}")
    ours = server.add(f"{MARK}\nold")
    for number in range(20):
        server.add(f"more talk {number}")
    assert put(forge(server), MARK, (1, 1), "new") == "updated"
    assert ours["body"].endswith("new") and len(server.comments) == 271
    assert len([path for _, path in server.asked if "per_page=100" in path]) == 3


def test_two_runs_at_once_leave_one_comment(server: Server) -> None:
    """Both look before either writes; afterwards one comment is there, with the text of the later run."""
    both_looked = threading.Barrier(2, timeout=10)
    looked: set[int] = set()

    def meet(method: str, path: str) -> None:
        if method == "POST" and path != "/graphql" and threading.get_ident() not in looked:
            looked.add(threading.get_ident())
            both_looked.wait()

    server.before = meet
    with ThreadPoolExecutor(2) as runs:
        done = list(runs.map(lambda run: put(forge(server), MARK, (run, 1), f"text {run}"), (1, 2)))
    assert server.writes.count("POST") == 2 and "DELETE" in server.writes
    (only,) = server.comments
    assert only["body"].endswith("text 2"), done


def test_an_older_run_does_not_overwrite_a_later_one(server: Server) -> None:
    """Runs end in any order; an attempt of the same run that comes later counts as later."""
    put(forge(server), MARK, (9, 2), "nine")
    assert put(forge(server), MARK, (8, 1), "eight") == "left to a later run"
    assert put(forge(server), MARK, (9, 1), "nine, first attempt") == "left to a later run"
    assert put(forge(server), MARK, (9, 3), "nine again") == "updated"
    assert server.comments[0]["body"].endswith("nine again")


def test_duplicates_of_an_earlier_run_are_taken_away(server: Server) -> None:
    """A run that was killed between writing and looking again leaves two; the next one leaves one."""
    for text in ("one", "two", "three"):
        server.add(f"{MARK}\n<!-- run 1.1 -->\n{text}")
    put(forge(server), MARK, (2, 1), "new")
    assert [c["body"].split("\n")[-1] for c in server.comments] == ["new"]


def test_a_comment_that_somebody_takes_away_meanwhile_is_written_again(server: Server) -> None:
    """Between looking and updating the comment may go: 404 is no failure."""
    gone = server.add(f"{MARK}\nold")
    server.before = lambda method, path: server.comments.remove(gone) if method == "PATCH" else None
    assert put(forge(server), MARK, (1, 1), "new") == "created"
    assert [c["body"].split("\n")[-1] for c in server.comments] == ["new"]


def test_a_comment_has_at_most_65536_characters(server: Server) -> None:
    """GitHub refuses more with 422; the script does not ask for it."""
    head = f"{MARK}\n<!-- run 1.1 -->\n"
    put(forge(server), MARK, (1, 1), "é" * (LONGEST - len(head)))
    assert len(server.comments[0]["body"]) == LONGEST
    with pytest.raises(ValueError, match="do not fit"):
        put(forge(server), MARK, (2, 1), "é" * (LONGEST - len(head) + 1))
    with pytest.raises(Refused, match="422 Validation Failed"):
        forge(server).create("x" * (LONGEST + 1))


@pytest.mark.parametrize(
    ("status", "message", "headers"),
    [
        (429, "slow down", {"Retry_After": "1"}),
        (403, "You have exceeded a secondary rate limit", {"Retry_After": "1"}),
        (403, "API rate limit exceeded", {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "now"}),
    ],
)
def test_a_limit_is_waited_for(server: Server, status: int, message: str, headers: dict[str, str]) -> None:
    """`Retry-After` says seconds, `X-RateLimit-Reset` the second since 1970 (docs.github.com, "Rate limits")."""
    told = {name: str(int(time.time())) if value == "now" else value for name, value in headers.items()}
    server.fail("POST", status, message, **told)
    server.fail("GET", status, message, **told)
    started = time.monotonic()
    assert put(forge(server), MARK, (1, 1), "text") == "created"
    assert time.monotonic() - started >= 1  # a reset that is now leaves one second of grace
    assert len(server.comments) == 1


def test_a_secondary_limit_without_a_time_is_waited_for_ever_longer(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least a minute, then twice as long, and so on (docs.github.com, "Best practices for using the REST API")."""
    waits: list[float] = []
    monkeypatch.setattr("stacks.ci.rest.time.sleep", waits.append)
    for _ in range(2):
        server.fail("GET", 403, "You have exceeded a secondary rate limit. Please wait a few minutes")
    assert forge(server).comments() == []
    assert waits == [60, 120]


def test_patience_has_an_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that ends in an hour is not waited for, and no request is made more than five times."""
    waits: list[float] = []
    monkeypatch.setattr("stacks.ci.rest.time.sleep", waits.append)
    reset = str(int(time.time()) + 3600)
    server.fail("GET", 403, "API rate limit exceeded", X_RateLimit_Remaining="0", X_RateLimit_Reset=reset)
    with pytest.raises(Refused, match="403 API rate limit exceeded"):
        forge(server).comments()
    assert waits == []
    for _ in range(9):
        server.fail("GET", 503, "unavailable")
    server.asked.clear()
    with pytest.raises(Refused, match="503 unavailable"):
        forge(server).comments()
    assert (len(server.asked), waits) == (rest.TRIES, [1, 2, 4, 8])


def test_a_fault_after_which_the_comment_is_there_leaves_one(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 502 can hide a success: the request is made again, and what is then there twice is taken away."""
    monkeypatch.setattr("stacks.ci.rest.time.sleep", lambda seconds: None)
    seen: list[str] = []

    def written_and_lost(method: str, path: str) -> None:
        if method == "POST" and path != "/graphql" and not seen:
            seen.append(path)
            server.add(f"{MARK}\n<!-- run 1.1 -->\ntext")
            server.fail("POST", 502)

    server.before = written_and_lost
    put(forge(server), MARK, (1, 1), "text")
    assert [c["body"].split("\n")[-1] for c in server.comments] == ["text"]


def test_a_bad_token_is_said_once_and_never_shown(server: Server) -> None:
    """401 is final, and the message holds the server's words and not the token."""
    with pytest.raises(Refused) as refused:
        put(forge(server, "ghs_secret"), MARK, (1, 1), "text")
    assert refused.value.status == 401 and "Bad credentials" in refused.value.message
    assert len(server.asked) == 1
    assert "ghs_secret" not in f"{refused.value!r} {refused.value.message} {Rest(server.url, {'a': 'ghs_secret'})!r}"


def test_the_token_goes_to_no_other_server(server: Server) -> None:
    """Neither a redirect nor a `Link` leads elsewhere, and nothing is sent in the clear but on this machine."""
    with serving() as other:
        server.fail("GET", 302, Location=f"{other.url}/repos/acme/platform/issues/7/comments?per_page=100")
        with pytest.raises(Refused, match="302"):
            forge(server).comments()
        link = f'<{other.url}/repos/acme/platform/issues/7/comments?per_page=100&page=2>; rel="next"'
        server.faults.append(("GET", (200, {"Link": link}, [])))
        with pytest.raises(Refused, match="another server"):
            forge(server).comments()
        assert other.asked == []
    with pytest.raises(Refused, match="no https address"):
        GitHub("http://ghes.example.com/api/v3", "http://ghes.example.com/api/graphql", TOKEN, "acme/platform", 7)


def test_a_server_that_is_not_there_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on the port: the request is made again, then given up."""
    monkeypatch.setattr("stacks.ci.rest.time.sleep", lambda seconds: None)
    with serving() as server:
        gone = forge(server)
    with pytest.raises(Refused, match="no answer"):
        gone.comments()


def review(login: str, state: str, head: str = "new", association: str = "MEMBER") -> dict[str, object]:
    return {"user": {"login": login}, "state": state, "commit_id": head, "author_association": association}


@pytest.mark.parametrize(
    ("reviews", "count"),
    [
        ([review("ann", "APPROVED"), review("bob", "APPROVED")], 2),
        ([review("ann", "APPROVED"), review("ann", "APPROVED")], 1),
        ([review("ann", "APPROVED"), review("ann", "CHANGES_REQUESTED")], 0),
        ([review("ann", "CHANGES_REQUESTED"), review("ann", "APPROVED"), review("ann", "COMMENTED")], 1),
        ([review("ann", "APPROVED"), review("ann", "DISMISSED")], 0),
        ([review("eve", "APPROVED")], 0),  # the author
        ([review("ann", "APPROVED", head="old")], 0),
        ([review("ann", "APPROVED", association="NONE"), review("bob", "APPROVED", association="CONTRIBUTOR")], 0),
        ([{**review("ann", "APPROVED"), "user": None}], 0),
    ],
)
def test_an_approval_counts_once_on_this_push_and_of_people_who_belong_here(
    reviews: list[dict[str, object]], count: int
) -> None:
    """The last word of each counts; the author's own, a stranger's and one of an earlier push do not."""
    assert approvals(reviews, "eve", "new") == count
