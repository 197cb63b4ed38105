"""The note of a GitLab job on its merge request; the plan itself is made by gitlab.yml."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stacks.ci.comment import marker, put
from stacks.ci.gitlab import GitLab
from stacks.ci.rest import Refused


def main() -> int:
    """Write the file that LLMFORM_COMMENT names as the one note; return 0, or 1 where GitLab refuses it.

    `CI_JOB_TOKEN` may not write notes: LLMFORM_TOKEN is a project access token with the scope `api` and the role
    Reporter. A pipeline without it (a fork's has none) writes no note and says so.
    """
    number = os.environ.get("CI_MERGE_REQUEST_IID", "")
    token = os.environ.get("LLMFORM_TOKEN", "")
    if not number.isdigit() or not token:
        print("no note: this is no merge request" if token else "no note: LLMFORM_TOKEN is not set; see the artifacts")
        return 0
    try:
        body = Path(os.environ.get("LLMFORM_COMMENT", "comment.md")).read_text(encoding="utf-8")
        specs = [line.strip() for line in os.environ.get("LLMFORM_SPECS", "").splitlines() if line.strip()]
        forge = GitLab(os.environ["CI_API_V4_URL"], token, os.environ["CI_PROJECT_ID"], int(number))
        pipeline = os.environ.get("CI_PIPELINE_ID", "")
        # a job that is run again has a larger number in the same pipeline
        job = os.environ.get("CI_JOB_ID", "")
        run = (int(pipeline) if pipeline.isdigit() else 0, int(job) % 10**9 if job.isdigit() else 0)
        done = put(forge, marker(specs), run, body)
    except (KeyError, OSError) as error:
        print(f"error: the note could not be written: {error}", file=sys.stderr)
        return 1
    except Refused as refused:
        print(f"error: the note could not be written: {refused.message}", file=sys.stderr)
        return 1
    print(f"note: {done}")
    return 0
