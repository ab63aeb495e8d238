"""``verify --fix``: which commands mend what was found, in which order, and what a person must decide."""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from envctl.domain.finding import Finding
from envctl.domain.finding.catalogue import CATALOGUE
from envctl.domain.finding.codes import Code
from envctl.domain.finding.weights import Weighed
from envctl.usecases.verify import Report

_RECORD = ("record", "--save", "")
_FLEET = ("lock", "--fleet")
_ORDER = (
    _RECORD,
    ("lock",),
    _FLEET,
    ("sync", "--profile", ""),
    ("sync",),
    ("sync", "--repair"),
    ("dockerize",),
    ("dockerize", "--upgrade-base"),
)
"""What is run, one after another: each rests on what those before it wrote. An empty word is a name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """One command and the codes that it mends, each as often as it was found."""

    command: str
    codes: tuple[Code, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The command's words after ``envctl``; none where it is no such command."""
        try:
            first, *rest = shlex.split(self.command)
        except ValueError:
            return ()
        return tuple(rest) if first == "envctl" else ()

    @property
    def place(self) -> int | None:
        """Where it stands in the order; ``None``: it is not run on its own."""
        return next((n for n, form in enumerate(_ORDER) if _fits(self.words, form)), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """A command that is left to a person, and why."""

    fix: Fix
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to run, in order, and what a person must decide."""

    fixes: tuple[Fix, ...] = ()
    left: tuple[Left, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """What was run, the report afterwards, and the code of a command that failed: nothing after it was run."""

    report: Report
    ran: tuple[Fix, ...]
    left: tuple[Left, ...]
    failed: int = 0


def plan(found: Weighed, done: Collection[str] = ()) -> Plan:
    """Return what mends errors and warnings; a note asks for nothing. ``done``: commands that were of no more use.

    What a person must decide about keeps the same command from being run for another finding: it would take the
    decision. Who switches such a code off, or makes it a note, wants to keep what was changed all the more.
    """
    fixes = _fixes(
        each for each in found.findings if each.severity != "note" and each.fix not in done
    )
    every = _fixes((*found.findings, *found.off))
    decided = {fix.words: why for fix in every if (why := _why(fix))}
    left = {fix.command: why for fix in fixes if (why := _kept_back(fix, decided))}
    run = [fix for fix in fixes if fix.command not in left]
    if any(_fits(fix.words, _RECORD) for fix in run):
        # The next look tells whether this is needed still: the old record asked for it.
        run = [fix for fix in run if fix.words != _FLEET]
    return Plan(
        fixes=tuple(sorted(run, key=lambda fix: (fix.place or 0, fix.command))),
        left=tuple(Left(fix=fix, why=left[fix.command]) for fix in fixes if fix.command in left),
    )


def _fixes(findings: Iterable[Finding]) -> list[Fix]:
    wanted: dict[str, list[Code]] = {}
    for each in findings:
        if each.fix:
            wanted.setdefault(each.fix, []).append(each.code)
    return [Fix(command=command, codes=tuple(codes)) for command, codes in wanted.items()]


def _kept_back(fix: Fix, decided: Mapping[tuple[str, ...], str]) -> str | None:
    """Return why a command is not run: it, or a part of it, would take a person's decision."""
    for words, why in decided.items():
        # Each way of `sync` puts another environment in the place of the one that somebody made or changed.
        if fix.words[: len(words)] == words or fix.words[:1] == words[:1] == ("sync",):
            return why
    return None


def mend(
    look: Callable[[], Report], run: Callable[[Fix], int], told: Callable[[Sequence[Fix]], None]
) -> Mended:
    """Look, run what mends it, and look again, until nothing more can be run; ``told``: what will be run next.

    ``run`` returns a command's exit code. A command is run again only where one before it in the order was.
    """
    report = look()
    ran: list[Fix] = []
    done: dict[str, int] = {}
    while fixes := plan(report.weighed, done).fixes:
        told(fixes)
        for fix in fixes:
            place = fix.place or 0
            if code := run(fix):
                left = plan(report.weighed, done).left
                return Mended(report=report, ran=tuple(ran), left=left, failed=code)
            ran.append(fix)
            done = {each: n for each, n in done.items() if n <= place} | {fix.command: place}
        report = look()
    return Mended(report=report, ran=tuple(ran), left=plan(report.weighed, done).left)


def _why(fix: Fix) -> str | None:
    said = next((why for code in fix.codes if (why := CATALOGUE[code].yours)), None)
    return said or ("it is not known here" if fix.place is None else None)


def _fits(words: Sequence[str], form: Sequence[str]) -> bool:
    return len(words) == len(form) and all(
        word == wanted or (not wanted and word[:1] not in ("", "-"))
        for word, wanted in zip(words, form, strict=True)
    )
