"""How a report of ``verify`` leaves: as text, as JSON, as annotations of GitHub Actions."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any, Literal

from envctl import quick
from envctl.bootstrap import Services
from envctl.cli import terminal
from envctl.cli.render import envelope, is_verbose, say, show
from envctl.cli.render import report as tell
from envctl.domain.finding import Finding
from envctl.domain.finding.place import line_of
from envctl.domain.finding.weights import Weighed
from envctl.emitters import findings_text
from envctl.emitters.wrapped import wrapped
from envctl.errors import EnvctlError
from envctl.usecases.verify import Report

Format = Literal["text", "json", "github"]


def present(
    services: Services, report: Report, form: Format, *, name: str, ok: bool, **more: Any
) -> None:
    """Print a report; under GitHub Actions its annotations as well.

    ``name``: the command that was called, for its JSON report; ``more`` is added to the result.
    """
    if form == "json":
        show(as_json(name, report, ok=ok, **more))
    elif form == "text":
        tell(as_text(report, ok=ok, verbose=is_verbose()))
    if form == "github" or services.environ.get("GITHUB_ACTIONS") == "true":
        text = _annotations(services, report)
        if text:
            # A runner reads both streams; stdout is JSON for whoever asked for that.
            (say if form == "json" else show)(text.removesuffix("\n"))


def as_text(report: Report, *, ok: bool | None = None, verbose: bool = False) -> str:
    """Return the report for people; ``ok``: what comes of it, where that is not the team's word alone."""
    no = report.fails() if ok is None else not ok
    return findings_text.report(
        *(report.layers, report.findings, report.skipped, report.said),
        weighed=report.weighed,
        strict=(findings_text.STRICT if report.strict else "--strict") if no else "",
        verbose=verbose,
    )


def every(report: Report) -> dict[str, str]:
    """Return the report in each look that the fast path keeps (``envctl.usecases.note.verified``)."""
    text = as_text(report)
    return {
        "": text,
        ".tty": terminal.painted(wrapped(text, quick.WIDTH)),
        ".json": as_json("verify", report, ok=True) + "\n",
    }


def as_json(
    command: str, report: Report, *, ok: bool, error: Mapping[str, Any] | None = None, **more: Any
) -> str:
    """Return the report in the envelope that every command has; ``error``: of a command that should have mended it."""
    result = {
        "layers": list(report.layers),
        "skipped": dict(report.skipped),
        "said": dict(report.said),
        "findings": [asdict(finding) for finding in report.findings],
        **counted(report.weighed),
        **more,
    }
    return envelope(command, result, ok=ok, **({"error": error} if error else {}))


def counted(weighed: Weighed) -> dict[str, Any]:
    """Return what the team switched off or counts less, as JSON's types."""
    return {"off": [asdict(finding) for finding in weighed.off], "lowered": list(weighed.lowered)}


def _annotations(services: Services, report: Report) -> str:
    from envctl.emitters.annotations import Place, annotations  # noqa: PLC0415  # in CI only

    project = services.project
    top = services.environ.get("GITHUB_WORKSPACE") or str(project.root)

    @cache
    def text(file: str) -> str:
        try:
            return project.read(file) or ""
        except EnvctlError:
            return ""

    def place(finding: Finding) -> Place | None:
        if finding.file is None:
            return None
        paths = (os.path.realpath(project.root), os.path.realpath(top))
        inside = os.path.relpath(*paths)
        folder = "" if inside == "." or inside.startswith("..") else f"{inside}/"
        return Place(file=f"{folder}{finding.file}", line=line_of(finding, text(finding.file)))

    return annotations(report.findings, place)
