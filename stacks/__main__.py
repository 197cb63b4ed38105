"""The Pulumi program of this clone; a project of one's own has three lines like the last two here.

Pulumi puts the folder of this file first on the search path. The modules are found from the folder above it, whether
`.venv` was made by `./llmform` or by `pulumi install`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from llmform_program import run  # noqa: E402

run()
