"""GitLab's side: the notes of one merge request."""

from __future__ import annotations

from urllib.parse import quote

from stacks.ci.comment import Comment
from stacks.ci.rest import Rest


class GitLab:
    """One merge request, `project` by its number."""

    longest = 1_000_000

    def __init__(self, api: str, token: str, project: str, number: int) -> None:
        self._rest = Rest(api, {"PRIVATE-TOKEN": token})
        self._notes = f"/projects/{quote(project, safe='')}/merge_requests/{number}/notes"

    def me(self) -> str:
        return str(self._rest.ask("GET", "/user").body["username"])

    def comments(self) -> list[Comment]:
        found = self._rest.pages(f"{self._notes}?per_page=100&order_by=created_at&sort=asc")
        return [Comment(n["id"], n["author"]["username"], n["body"]) for n in found if not n["system"]]

    def create(self, body: str) -> None:
        self._rest.ask("POST", self._notes, {"body": body})

    def update(self, id: int, body: str) -> None:
        self._rest.ask("PUT", f"{self._notes}/{id}", {"body": body})

    def delete(self, id: int) -> None:
        self._rest.ask("DELETE", f"{self._notes}/{id}")
