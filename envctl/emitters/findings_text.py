"""Findings and plans as text for people: grouped by layer, each with its fix or advice under it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from envctl.domain.finding import Finding, Layer
from envctl.domain.finding.weights import Weighed
from envctl.emitters.printable import printable

_MARK = {"error": "error  ", "warning": "warning", "note": "note   "}
_GRAVITY = ("error", "warning", "note")
_MANY = 8
STRICT = "strict in [tool.envctl.verify]"
"""Where the team says that warnings count as errors."""


def report(
    layers: Sequence[Layer],
    findings: Sequence[Finding],
    skipped: Mapping[Layer, str],
    said: Mapping[Layer, str] = MappingProxyType({}),
    *,
    weighed: Weighed | None = None,
    strict: str = "",
    verbose: bool = False,
) -> str:
    """Return the whole report; a layer in order is one line. ``said``: a sentence before a layer's findings.

    ``weighed``: what the team counts less, or not at all, is said below; so is ``strict``, who lets warnings count as
    errors, where they alone decide. ``verbose``: with the digests that were compared.
    """
    lines: list[str] = []
    for layer in layers:
        own = [finding for finding in findings if finding.layer == layer]
        why = f"skipped: {printable(skipped[layer], names=True)}" if layer in skipped else ""
        if why and not own:
            lines.append(f"{layer:<12} {why}")
        elif not own:
            rests_on = f": {printable(said[layer], names=True)}" if layer in said else ""
            lines.append(f"{layer:<12} ok{rests_on}")
        else:
            lines.append(f"{layer:<12} {_count(own)}")
            lines += [f"  in part {why}"] if why else []
            lines += [f"  {printable(said[layer], names=True)}"] if layer in said else []
            lines += _block(own, verbose=verbose)
    lines += _counted(weighed) if weighed else []
    if strict and {"warning"} <= {each.severity for each in findings} <= {"warning", "note"}:
        lines.append(f"warnings count as errors here: {strict}")
    return "\n".join(lines) + "\n"


def _counted(weighed: Weighed) -> Iterator[str]:
    """Say what the report would have shown otherwise: nobody shall take silence for agreement."""
    by = "by [tool.envctl.verify]"
    if off := weighed.off:
        codes = ", ".join(dict.fromkeys(each.code for each in off))
        yield f"{len(off)} finding{'s are' if len(off) > 1 else ' is'} switched off {by}: {codes}"
    if lowered := weighed.lowered:
        yield f"{'these count' if len(lowered) > 1 else 'this counts'} less {by}: {', '.join(lowered)}"


def _count(findings: Sequence[Finding]) -> str:
    counts = {kind: sum(finding.severity == kind for finding in findings) for kind in _GRAVITY}
    return ", ".join(
        f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in counts.items() if number
    )


def _block(findings: Sequence[Finding], *, verbose: bool) -> Iterator[str]:
    """Group findings that one act mends, so that it is said once; the gravest first."""
    acts: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda each: _GRAVITY.index(each.severity)):
        acts.setdefault((finding.fix or "", finding.advice or ""), []).append(finding)
    for (fix, advice), group in acts.items():
        yield from _lines(group, verbose=verbose)
        if fix:
            yield f"    mend it with: {printable(fix, names=True)}"
        elif advice:
            yield f"    {printable(advice, names=True)}"


def _lines(group: Sequence[Finding], *, verbose: bool) -> Iterable[str]:
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in group:
        columns = _columns(finding) if verbose or not _is_digest(finding) else ""
        said = f"{finding.code}: {printable(finding.message, names=True)}{columns}"
        alike.setdefault((finding.severity, said), []).append(finding)
    for (severity, said), same in list(alike.items())[:_MANY]:
        yield f"  {_MARK[severity]} {said}{_files(same)}"
    if len(alike) > _MANY:
        yield f"          … and {len(alike) - _MANY} more (see --json)"


def _files(same: Sequence[Finding]) -> str:
    """Name the files where what is said holds for several, as for the Dockerfiles of profiles."""
    files = dict.fromkeys(finding.file for finding in same if finding.file)
    return (
        f" ({', '.join(printable(file, names=True) for file in files)})" if len(files) > 1 else ""
    )


def _is_digest(finding: Finding) -> bool:
    """Whether what was compared are digests: they tell nobody anything, and fill two lines."""
    words = f"{finding.expected} {finding.actual}".split()
    return any(word.startswith("sha256:") for word in words)


def _columns(finding: Finding) -> str:
    if finding.expected is None or finding.actual is None or finding.expected in finding.message:
        return ""
    expected = printable(finding.expected, names=True)
    return f"\n            expected {expected}, found {printable(finding.actual, names=True)}"
