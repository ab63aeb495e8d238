"""The two workflows of ``envctl export ci``, by the names of their files (GitHub Actions, "Workflow syntax")."""

from collections.abc import Mapping
from typing import Literal

from envctl.domain import seal
from envctl.domain.workflow import Workflow
from envctl.emitters.workflows import check, upgrade

NAME = "ci"
SUMMARY = "Workflows for GitHub Actions."
HELP = """\
Write two workflows for GitHub Actions, into the repository's .github/workflows.

One checks each change: it installs what the lock says, from a cache whose key
is the lock's digest, verifies it and builds the image, where there is a
Dockerfile of envctl's. The other one locks newer packages once a week and
opens a pull request that says what differs.

What you choose is remembered in the files. One that you have changed is yours
and is not replaced.
"""
FOLDER = ".github/workflows"
EXAMPLE = "envctl export ci --from git+https://git.example/team/envctl@v0.1.0"

Kind = Literal["check", "upgrade"]
KINDS: tuple[Kind, ...] = ("check", "upgrade")


def name(suffix: str, kind: Kind) -> str:
    """Return a workflow's file name; ``suffix``: see ``Workflow``."""
    stem = check.FILE if kind == "check" else upgrade.FILE
    return f"{stem}.{suffix}.yml" if suffix else f"{stem}.yml"


def emit(flow: Workflow, folder: str, kinds: tuple[Kind, ...] = KINDS) -> Mapping[str, str]:
    """Return the files, each sealed, by their paths in ``folder`` as seen from the repository's top."""
    texts = {}
    for kind in kinds:
        path = f"{folder}/{name(flow.suffix, kind)}"
        text = check.write(flow, path) if kind == "check" else upgrade.write(flow)
        texts[path] = seal.sealed(text)
    return texts
