"""Can every machine that the team recorded run a profile?"""

from collections.abc import Callable, Collection, Iterable, Iterator

from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.fleet import Fit, Trial
from envctl.domain.fleet.view import Obstacle
from envctl.domain.fleet.words import named
from envctl.domain.record.team import Unreadable
from envctl.domain.verdict.sentences import ANSWER

FIX = "envctl lock --fleet"
ADVICE = {
    "gpu-missing": "take `required` out of [tool.envctl.gpu], or add a profile for such machines",
    "libc-too-old": "add a libc floor to tool.envctl.platforms (`linux-x86_64-glibc2.28`), then lock again",
    "platform-unserved": "add its platform to tool.envctl.platforms and lock again, or delete the record",
}
"""What to do about a code that no driver and no build of torch changes."""
_RUNS = {
    "driver-limited": "nothing must be done; a newer driver brings the full feature set",
    "driver-forward": "nothing must be done while that package is there",
    "kernels-unknown": "run it there once: the tables cannot tell",
    "gpu-unused": ANSWER,
}
_WARNINGS = {"driver-forward", "gpu-unused"}
_OTHER = "use another machine, and delete the record of one that nobody uses any more"


def check(
    fits: Iterable[Fit],
    unreadable: Iterable[Unreadable],
    *,
    mended: Collection[str],
    advised: Callable[[Fit], str | None],
) -> Iterator[Finding]:
    """Yield why a machine runs nothing, what it gets only in part, and records that cannot be read.

    ``mended``: the machines for which a lock that heeds them would do. ``advised``: what would do for another one.
    """
    for each in unreadable:
        yield Finding(
            code="record-unreadable",
            layer="fleet",
            severity="error",
            subject=each.file or ".envctl/machines",
            message=f"the record{'' if each.file else 's'} cannot be read: {each.message}",
            advice=f"mend it, or save it again on that machine with `envctl record --save {each.name}`",
        )
    for fit in fits:
        mends = fit.name in mended
        way = advised(fit) if not mends and (fit.chosen is None or fit.idle) else None
        if fit.chosen is None:
            yield from _refused(fit, way, mends=mends)
        else:
            yield from _limited(fit, fit.chosen)
        if fit.idle:
            yield _idle(fit, way, mends=mends)
        if fit.chosen is not None and fit.python:
            yield _python(fit, fit.python)


def _refused(fit: Fit, way: str | None, *, mends: bool) -> Iterator[Finding]:
    """Say each reason once, with the profiles that it holds for."""
    reasons: dict[tuple[str, str], tuple[Obstacle, list[str]]] = {}
    for trial in fit.trials:
        for each in trial.obstacles:
            if each.kind == "fail":
                key = (each.code, each.reason)
                reasons.setdefault(key, (each, []))[1].append(trial.label)
    for each, profiles in reasons.values():
        of = f"{'/'.join(profiles)}: " if any(profiles) else ""
        yield _finding(
            fit,
            each.code,
            "error",
            f"{of}{each.reason}",
            each,
            fix=FIX if mends else None,
            advice=None if mends else ADVICE.get(each.code) or way or _OTHER,
        )


def _limited(fit: Fit, chosen: Trial) -> Iterator[Finding]:
    """Say what the chosen lock lacks, and of its other extras what does not run."""
    of = f"profile {chosen.profile}: " if chosen.profile else ""
    of += f"{chosen.way}: " if chosen.way else ""
    for each in chosen.obstacles:
        yield _finding(
            fit,
            each.code,
            "warning" if each.code in _WARNINGS else "note",
            f"{of}{each.reason}",
            each,
            advice=_RUNS.get(each.code, _RUNS["driver-limited"]),
        )
    for trial in fit.trials:
        if trial.kind == "fail" and trial.way and trial.profile == chosen.profile:
            for each in trial.obstacles:
                if each.kind == "fail":
                    message = f"{trial.label}: {each.reason}"
                    advice = f"install it there with `{chosen.way}`"
                    yield _finding(fit, each.code, "note", message, each, advice=advice)


def _idle(fit: Fit, way: str | None, *, mends: bool) -> Finding:
    why = named([fit]).removeprefix(f"{fit.name} ")
    way = ANSWER if fit.record.unanswering else way
    return _finding(
        fit,
        "gpu-unused",
        "warning",
        f"only the {_only(fit)} runs, its GPUs stay unused {why}",
        fix=FIX if mends else None,
        advice=None if mends else way or "add a profile with a build for that GPU and driver",
    )


def _only(fit: Fit) -> str:
    if fit.chosen is None or not fit.chosen.profile:
        return fit.chosen.way if fit.chosen else ""
    return f"profile {fit.chosen.label}"


def _python(fit: Fit, wanted: str) -> Finding:
    own = fit.record.python.version
    return _finding(
        fit,
        "python-version",
        "note",
        f"the lock is for Python {wanted}, the record was taken with {own}",
        advice="see that there is such a Python on that machine: `sync` looks for it",
    )


def _finding(
    fit: Fit,
    code: Code,
    severity: Severity,
    message: str,
    obstacle: Obstacle | None = None,
    *,
    fix: str | None = None,
    advice: str | None = None,
) -> Finding:
    return Finding(
        code=code,
        layer="fleet",
        severity=severity,
        subject=fit.name,
        message=f"{fit.name}: {message}",
        expected=obstacle.expected if obstacle else None,
        actual=obstacle.actual if obstacle else None,
        fix=fix,
        advice=advice,
    )
