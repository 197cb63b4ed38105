#!/bin/sh
# Plans a change in any CI: stacks/ci/plan.sh BASE SPEC...
#
# BASE is the branch or commit that the change goes onto; it and the history up to it have to be there (a full clone).
# What the plan says is printed, and kept in ./llmform-review: comment.md, report.html, plan.json, plan.sarif and
# plan.env, whose lines (LLMFORM_RISK=rolling) a shell can read. Exit status: 0 fine, 1 a spec has errors or breaks a
# mandatory policy, 2 wrong usage. To ask for consent: LLMFORM_LABELS=a,b LLMFORM_APPROVALS=1 LLMFORM_GATE=true. With
# LLMFORM_LINK_BASE=https://git.example.com/o/r/blob/SHA/ places in comment.md are links.
set -eu
unset LLMFORM_TOKEN # specs may be a stranger's: nothing that reads them has a token

if [ $# -lt 2 ]; then
    echo "usage: $0 BASE SPEC..." >&2
    exit 2
fi
base=$1
shift
home=$(cd "$(dirname "$0")/../.." && pwd)
out=${LLMFORM_OUT:-llmform-review}
if [ -L "$out" ]; then
    echo "$0: '$out' is a link; what a plan says is not written behind it" >&2
    exit 2
fi
# a change may bring files of these names: what is there afterwards is what the plan says, or nothing
for name in comment.md report.html plan.json plan.sarif plan.env; do
    rm -f -- "$out/$name"
done
common=$(git merge-base -- "$base" HEAD) || {
    echo "$0: '$base' and this commit have no history in common here; fetch more of it" >&2
    exit 2
}
"$home/llmform" --version
"$home/.venv/bin/python" -I -m stacks.ci inside "$@"
mkdir -p "$out"

status=0
"$home/llmform" plan --against "git:$common" --link-base "${LLMFORM_LINK_BASE:-}" \
    --write "markdown=$out/comment.md" --write "json=$out/plan.json" --write "sarif=$out/plan.sarif" \
    --write "dotenv=$out/plan.env" --write "html=$out/report.html" -- "$@" || status=$?

if [ "$status" -eq 0 ] && [ "${LLMFORM_GATE:-false}" = true ]; then
    "$home/llmform" review gate --against "git:$common" --labels "${LLMFORM_LABELS:-}" \
        --approvals "${LLMFORM_APPROVALS:-0}" -- "$@" || status=$?
fi
exit "$status"
