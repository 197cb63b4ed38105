"""`python -m stacks.ci github|gitlab`."""

from __future__ import annotations

import sys


def main(words: list[str]) -> int:
    """Run the job of a forge; exit status 2 for any other word."""
    match words:
        case ["github"]:
            from stacks.ci import github_job

            return github_job.main()
        case ["gitlab"]:
            from stacks.ci import gitlab_job

            return gitlab_job.main()
    print("usage: python -m stacks.ci github|gitlab", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
