"""The workflow that proposes newer packages: once a week, as one pull request that it keeps up to date.

The token that may write is given to the last step alone, after everything that may run code of packages has run.
"""

import shlex

from envctl.domain.workflow import Variant, Workflow
from envctl.emitters.quoted_yaml import quoted
from envctl.emitters.workflows.steps import common, env, head, labels, logins, placed, setup

FILE = "envctl-upgrade"
_WHAT = """\
Once a week it locks the newest versions that the requirements allow, and opens
one pull request whose text says what differs. Later weeks bring that one up to
date; where nothing differs it does nothing.
"""
_ON = """
on:
  schedule:
    - cron: "23 4 * * 1" # Mondays, UTC
  workflow_dispatch:

permissions:
  contents: read

concurrency:
  group: ${{ github.workflow }}
  cancel-in-progress: false

"""
_JOB = """
jobs:
  upgrade:
    runs-on: %(runner)s
    timeout-minutes: 60
    permissions:
      contents: write
      pull-requests: write
    steps:
%(steps)s"""
# Pushed by force, and only over what this workflow pushed before: nobody else's commit is lost. `gh pr edit` asks for
# more than these permissions (cli/cli#6274).
_PROPOSE = """\
# A pull request that is opened with GitHub's own token starts no workflow, so nothing checks it: close and open it
# again by hand, or give this repository a secret ENVCTL_TOKEN, a token that may write contents and pull requests.
- name: Propose
  env:
    GH_TOKEN: ${{ secrets.ENVCTL_TOKEN || github.token }}
    BRANCH: %(branch)s
    TITLE: %(title)s
    GIT_AUTHOR_NAME: github-actions[bot]
    GIT_AUTHOR_EMAIL: 41898282+github-actions[bot]@users.noreply.github.com
    GIT_COMMITTER_NAME: github-actions[bot]
    GIT_COMMITTER_EMAIL: 41898282+github-actions[bot]@users.noreply.github.com
  run: |
    git add -- %(files)s
    if git diff --cached --quiet; then
      echo 'Nothing is newer.'
      exit 0
    fi
    body=$RUNNER_TEMP/envctl-diff.md
    envctl diff HEAD --markdown > "$body" || [ $? -eq 1 ]
    git config credential.helper '!gh auth git-credential'
    git switch --quiet --create "$BRANCH"
    git commit --quiet --message "$TITLE"

    there=$(git ls-remote origin "refs/heads/$BRANCH" | cut -f1)
    if [ -n "$there" ]; then
      git fetch --quiet --depth 2 origin "refs/heads/$BRANCH"
      if [ "$(git log -1 --format=%%ce FETCH_HEAD)" != "$GIT_COMMITTER_EMAIL" ]; then
        echo "::warning title=envctl::Somebody else has worked on the branch $BRANCH: it is left as it is."
        exit 0
      fi
    fi
    pulls=$(gh pr list --head "$BRANCH" --state all --json number,state,headRefOid,isCrossRepository \\
      --jq '.[] | select(.isCrossRepository | not) | "\\(.state) \\(.number) \\(.headRefOid)"')
    change() { git diff "$1^" "$1" | git patch-id --stable; }
    if grep -q "^CLOSED .* $there$" <<< "$pulls" && ! grep -q '^OPEN ' <<< "$pulls" \\
      && [ "$(change HEAD)" = "$(change FETCH_HEAD)" ]; then
      echo 'That was proposed, and closed.'
      exit 0
    fi
    ours=$(git rev-parse 'HEAD^{tree}' HEAD^)
    if [ -n "$there" ] && [ "$ours" = "$(git rev-parse 'FETCH_HEAD^{tree}' FETCH_HEAD^)" ]; then
      if grep -q " $there$" <<< "$pulls"; then
        echo 'That is proposed already.'
        exit 0
      fi
    else
      git push --quiet --force-with-lease="refs/heads/$BRANCH:$there" origin "HEAD:refs/heads/$BRANCH"
    fi
    number=$(awk '$1 == "OPEN" { print $2; exit }' <<< "$pulls")
    if [ -n "$number" ]; then
      gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/pulls/$number" \\
        --raw-field title="$TITLE" --field body=@"$body"
    else
      gh pr create --head "$BRANCH" --base "$GITHUB_REF_NAME" --title "$TITLE" --body-file "$body"
    fi
"""


def write(flow: Workflow) -> str:
    """Return the workflow."""
    steps = setup(flow) + _upgrade(flow) + _propose(flow)
    job = _JOB % {"runner": labels(flow.variants[0].runner), "steps": placed(steps)}
    return head(flow, "envctl upgrade", _WHAT) + _ON + common(flow) + job


def _upgrade(flow: Workflow) -> str:
    """Lock, as far as every recorded machine can go along, and renew the Dockerfiles that rest on the locks."""
    commands = ["envctl lock --upgrade --fleet"]
    commands += [_dockerize(each) for each in flow.variants if each.dockerfile]
    script = "".join(f"    {each}\n" for each in commands)
    return f"- name: Upgrade\n{env(logins(flow))}  run: |\n{script}"


def _dockerize(each: Variant) -> str:
    profile = f" --profile {shlex.quote(each.profile)}" if each.profile is not None else ""
    return f"envctl dockerize{profile}{' --no-fetch' if each.hermetic else ''}"


def _propose(flow: Workflow) -> str:
    files = [each.lock for each in flow.variants]
    images = [each for each in flow.variants if each.dockerfile]
    files += [name for each in images for name in (each.dockerfile or "", each.folder)]
    files += [".dockerignore"] if images else []
    suffix = f"-{flow.suffix}" if flow.suffix else ""
    return _PROPOSE % {
        "branch": quoted(f"envctl/upgrade{suffix}"),
        "title": quoted(f"Upgrade the locked packages{flow.titled}"),
        "files": shlex.join(files),
    }
