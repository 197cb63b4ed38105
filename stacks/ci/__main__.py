"""`python -m stacks.ci github|gitlab`, and `python -m stacks.ci inside SPEC…`, which plan.sh asks first."""

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
        case ["inside", *specs]:
            return _inside(specs)
    print("usage: python -m stacks.ci github|gitlab|inside SPEC…", file=sys.stderr)
    return 2


def _inside(specs: list[str]) -> int:
    """Return 0 if all specs are files of the repository; else say which is not, and return 2."""
    from stacks.ci.history import top
    from stacks.ci.inside import refuse_outside
    from stacks.ci.settings import BadInput
    from stacks.git import GitError

    try:
        refuse_outside(specs, top())
    except (BadInput, GitError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
