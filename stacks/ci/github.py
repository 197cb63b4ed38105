"""GitHub's side: comments, labels and approvals of one pull request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stacks.ci.comment import Comment
from stacks.ci.rest import Refused, Rest
from stacks.gate import Given

_WHO = "query { viewer { login } }"
"""GraphQL, because the token of a workflow may not ask REST who it is (`GET /user` is for people's tokens)."""

_COUNTED = ("OWNER", "MEMBER", "COLLABORATOR")
"""Whose approval counts: of people who belong to the repository. Anybody may press the button."""


class GitHub:
    """One pull request, `repository` as `owner/name`."""

    longest = 65_536

    def __init__(self, api: str, graphql: str, token: str, repository: str, number: int) -> None:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self._rest = Rest(api, headers)
        self._graphql = Rest(graphql, headers)
        self._issues = f"/repos/{repository}/issues"
        self._pulls = f"/repos/{repository}/pulls"
        self._number = number

    def me(self) -> str:
        answer = self._graphql.ask("POST", "", {"query": _WHO}).body
        try:
            return str(answer["data"]["viewer"]["login"])
        except (KeyError, TypeError):
            raise Refused(0, "the server does not say who the token writes as") from None

    def comments(self) -> list[Comment]:
        found = self._rest.pages(f"{self._issues}/{self._number}/comments?per_page=100")
        # a comment whose author is gone has no user
        return [Comment(c["id"], (c["user"] or {}).get("login", ""), c["body"] or "") for c in found]

    def create(self, body: str) -> None:
        self._rest.ask("POST", f"{self._issues}/{self._number}/comments", {"body": body})

    def update(self, id: int, body: str) -> None:
        self._rest.ask("PATCH", f"{self._issues}/comments/{id}", {"body": body})

    def delete(self, id: int) -> None:
        self._rest.ask("DELETE", f"{self._issues}/comments/{id}")

    def given(self) -> Given:
        """Return the labels of the pull request and how many people approve what it is now."""
        pull = self._rest.ask("GET", f"{self._pulls}/{self._number}").body
        reviews = self._rest.pages(f"{self._pulls}/{self._number}/reviews?per_page=100")
        author, head = (pull["user"] or {}).get("login", ""), pull["head"]["sha"]
        return Given(frozenset(label["name"] for label in pull["labels"]), approvals(reviews, author, head))


def approvals(reviews: Iterable[Mapping[str, Any]], author: str, head: str) -> int:
    """Return how many people approve: the last word of each counts, on this head, and the author's not.

    A remark alone takes nothing back. An approval of an earlier push is of another change.
    """
    last: dict[str, bool] = {}
    for review in reviews:  # oldest first
        login = (review.get("user") or {}).get("login", "")
        if not login or login == author or review["author_association"] not in _COUNTED:
            continue
        if review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[login] = review["state"] == "APPROVED" and review["commit_id"] == head
    return sum(last.values())
