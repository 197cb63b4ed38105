"""Text as Markdown shows it and nothing else: what a spec holds can become neither markup, nor a link, nor a mention.

Outside of code, markup is written as character references, and what a forge turns into a link or a mention is broken
up.
"""

from __future__ import annotations

import re

from stacks.render.style import safe

_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#~|!&:@$]")
_AT_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")  # a list, a heading
_LINKS = re.compile(r"(?<=[@#])(?=\w)|(?<=\w)(?=://)|(?<=www)(?=\.)|(?<=GH)(?=-\d)", re.IGNORECASE)
_CODE = re.compile(r"(`[^`|\\]+`)")
_BREAK = "<!-- -->"


def escaped(text: str) -> str:
    """Return text that Markdown and HTML show as it is; only its `code` becomes code.

    Example:
        >>> escaped("<b> @team `x_y`")
        '&#60;b&#62; &#64;<!-- -->team `x_y`'
    """
    parts = _CODE.split(safe(text))
    return "".join(part if index % 2 else _plain(part) for index, part in enumerate(parts))


def _plain(text: str) -> str:
    text = _BREAK.join(_MARKUP.sub(lambda m: f"&#{ord(m[0])};", piece) for piece in _LINKS.split(text))
    return _AT_START.sub(lambda m: f"{m[1]}{_BREAK}{m[2]}", text)


def code(text: str) -> str:
    """Return a code span, fit for a cell of a table too."""
    shown = safe(text)
    if not shown.strip() or "`" in shown or "|" in shown or "\\" in shown:
        return escaped(text)  # such text cannot stand in a span of a cell without doubt
    return f"`{shown}`"


def fenced(text: str) -> str:
    """Return the text as a block of code that nothing in it can end."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


_PLACE = re.compile(r"(.+):(\d+):(\d+)")


def place(where: str, link_base: str) -> str:
    """Return `file:line:column`, as a link to the line below `link_base` if there is one.

    A file outside of the folder that the base stands for, or one of another commit, has no link.
    """
    found = _PLACE.fullmatch(where)
    if not link_base or found is None:
        return code(where)
    path = found[1].removeprefix("./")
    if path.startswith(("/", "../")) or "/../" in path or ":" in path or "\\" in path:
        return code(where)
    return f"[{code(where)}]({link_base.rstrip('/')}/{_in_address(path)}#L{found[2]})"


def _in_address(path: str) -> str:
    """Return a path as it stands in an address: all but unreserved characters and `/` percent-encoded (RFC 3986)."""
    kept = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in path.encode("utf-8", "backslashreplace"))
