"""Which commands `verify --fix` runs, in which order, and which it leaves to a person."""

from collections.abc import Iterable

import pytest

from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.finding.weights import Weighed, Weight, Weights
from envctl.usecases.fixing import Fix, Mended, mend, plan
from envctl.usecases.verify import Report


def finding(code: Code, fix: str | None, severity: Severity = "error") -> Finding:
    return Finding(code=code, layer="lock", severity=severity, subject="x", message="y", fix=fix)


def commands(*found: Finding) -> list[str]:
    return [fix.command for fix in plan(Weighed(findings=found)).fixes]


def test_the_lock_comes_first_and_each_command_once() -> None:
    found = [
        finding("dockerfile-stale", "envctl dockerize"),
        finding("base-gone", "envctl dockerize --upgrade-base"),
        finding("file-missing", "envctl sync --repair"),
        finding("package-missing", "envctl sync"),
        finding("package-extra", "envctl sync"),
        finding("driver-too-old", "envctl sync --profile cpu"),
        finding("no-kernel-for-gpu", "envctl lock --fleet"),
        finding("lock-stale", "envctl lock"),
        finding("lock-stale", "envctl lock"),
    ]
    assert commands(*found) == [
        "envctl lock",
        "envctl lock --fleet",
        "envctl sync --profile cpu",
        "envctl sync",
        "envctl sync --repair",
        "envctl dockerize",
        "envctl dockerize --upgrade-base",
    ]
    assert plan(Weighed(findings=tuple(found))).fixes[0].codes == ("lock-stale", "lock-stale")


def test_a_record_is_renewed_before_the_fleet_is_asked_what_it_needs() -> None:
    renew = finding("record-stale", "envctl record --save lab", "warning")
    heed = finding("driver-too-old", "envctl lock --fleet")
    project = Project([heed, STALE, renew], [])
    assert not project.mend().report.fails()
    assert project.ran == ["envctl record --save lab", "envctl lock"]
    project = Project([heed, renew], [heed], [])
    assert not project.mend().report.fails()
    assert project.ran == ["envctl record --save lab", "envctl lock --fleet"]


def test_a_note_asks_for_nothing() -> None:
    assert commands(finding("gpu-contract-old", "envctl lock", "note")) == []


@pytest.mark.parametrize(
    ("decided", "others", "run"),
    [
        # Any `sync` makes the environment anew: what was changed or added in it would be gone.
        (("file-modified", "envctl sync --repair"), ["envctl sync --repair", "envctl sync"], []),
        (("file-added", "envctl sync --repair"), ["envctl sync", "envctl sync --profile cpu"], []),
        (("dockerfile-edited", "envctl dockerize"), ["envctl dockerize", "envctl dockerize --upgrade-base"], []),
        (("lock-foreign", "envctl lock"), ["envctl lock --fleet", "envctl sync"], ["envctl sync"]),
        (("environment-foreign", "envctl sync --adopt"), ["envctl sync --profile cpu", "envctl lock"], ["envctl lock"]),
    ],
)  # fmt: skip
def test_what_undoes_somebodys_work_is_named_and_not_run(
    decided: tuple[Code, str], others: list[str], run: list[str]
) -> None:
    found = [finding(*decided), *(finding("package-missing", each) for each in others)]
    made = plan(Weighed(findings=tuple(found)))
    assert [fix.command for fix in made.fixes] == run
    assert decided[1] in [each.fix.command for each in made.left]
    assert all(each.why for each in made.left)


@pytest.mark.parametrize("weight", ["off", "note"])
def test_what_the_team_counts_less_is_somebodys_work_still(weight: Weight) -> None:
    found = [
        finding("dockerfile-edited", "envctl dockerize"),
        finding("base-unpinned", "envctl dockerize", "warning"),
    ]
    made = plan(Weights(severity={"dockerfile-edited": weight}).weigh(found))
    assert made.fixes == ()
    assert [each.fix.codes for each in made.left] == [("base-unpinned",)]


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /",
        "envctl",
        "envctl run -- rm x",
        "envctl record --save --help",
        "envctl record --save 'a",
        "envctl record --save a; rm -rf x",
        "envctl sync --profile cpu --recreate",
        "envctl sync --recreate",
        "",
    ],
)
def test_a_command_that_is_not_known_is_never_run(command: str) -> None:
    made = plan(Weighed(findings=(finding("record-stale", command),)))
    assert made.fixes == ()
    assert len(made.left) == (1 if command else 0)


class Project:
    """Finds what it is told to, one list at a time, and writes down what is run."""

    def __init__(self, *rounds: Iterable[Finding], fails: str = "") -> None:
        self.rounds = [tuple(each) for each in rounds]
        self.fails = fails
        self.ran: list[str] = []
        self.told: list[list[str]] = []

    def look(self) -> Report:
        found = self.rounds.pop(0) if len(self.rounds) > 1 else self.rounds[0]
        return Report(layers=("lock",), weighed=Weighed(findings=found), skipped={}, said={})

    def run(self, fix: Fix) -> int:
        self.ran.append(fix.command)
        return 3 if fix.command == self.fails else 0

    def mend(self) -> Mended:
        return mend(self.look, self.run, lambda fixes: self.told.append([f.command for f in fixes]))


STALE = finding("lock-stale", "envctl lock")
MISSING = finding("package-missing", "envctl sync")
IMAGE = finding("dockerfile-stale", "envctl dockerize")


def test_what_a_mended_lock_brings_is_mended_too() -> None:
    project = Project([STALE], [MISSING, IMAGE], [])
    done = project.mend()
    assert project.told == [["envctl lock"], ["envctl sync", "envctl dockerize"]]
    assert project.ran == ["envctl lock", "envctl sync", "envctl dockerize"]
    assert [fix.command for fix in done.ran] == project.ran
    assert not done.report.fails()


def test_it_ends_where_a_command_does_not_help() -> None:
    project = Project([STALE, MISSING])
    done = project.mend()
    assert project.ran == ["envctl lock", "envctl sync"]
    assert done.report.fails()


def test_a_command_is_run_again_only_after_one_that_it_rests_on() -> None:
    project = Project([MISSING], [STALE], [MISSING], [])
    assert not project.mend().report.fails()
    assert project.ran == ["envctl sync", "envctl lock", "envctl sync"]


def test_a_command_that_fails_is_the_last() -> None:
    project = Project(
        [STALE, IMAGE, finding("file-added", "envctl sync --repair")], fails="envctl lock"
    )
    done = project.mend()
    assert project.ran == ["envctl lock"]
    assert (done.failed, done.ran) == (3, ())
    assert [each.fix.command for each in done.left] == ["envctl sync --repair"]
