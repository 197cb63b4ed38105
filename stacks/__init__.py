"""The tool and the programs: compile, diff, plan, render and the command line."""

import sys
from types import SimpleNamespace

# pydantic looks for plugins of its own in every installed package; to look, it imports importlib.metadata and with
# it email and socket, which costs a plan a tenth of its time. llmform has no such plugins, so there is nothing to
# find. Where a later pydantic keeps this module under another name, the entry means nothing and the look-up is back.
sys.modules.setdefault("pydantic.plugin._loader", SimpleNamespace(get_plugins=lambda: ()))  # type: ignore[arg-type]
