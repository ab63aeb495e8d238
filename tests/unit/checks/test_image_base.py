"""What is said of the images behind ``FROM`` without a registry: by the tables, and by the day."""

from datetime import date
from pathlib import Path

from envctl.disk import inputs
from envctl.domain.image import base as image_base
from tests import image_projects as projects
from tests.unit.checks.test_image import Workspace

TODAY = date(2026, 11, 21)


def made(root: Path, python: str = "3.11", line: str = "") -> Workspace:
    text = projects.CPU.replace('"3.11"', f'"{python}"').replace("command =", f"{line}\ncommand =")
    found = Workspace(root, text, projects.package("numpy", "2.4.6"))
    found.dockerize()
    return found


def test_support_that_has_ended_is_a_warning_from_the_next_day_on(tmp_path: Path) -> None:
    project = made(tmp_path, "3.10")
    assert project.findings(today=None) == []
    assert project.findings(today=date(2026, 10, 31)) == []
    [finding] = project.findings(today=date(2026, 11, 1))
    assert (finding.code, finding.severity) == ("base-end-of-life", "warning")
    assert "Python 3.10 has been out of support since 2026-10-31" in finding.message
    assert finding.advice
    assert finding.fix is None


def test_python_and_system_have_an_end_each(tmp_path: Path) -> None:
    project = made(tmp_path, "3.12")
    found = [each.message for each in project.findings(today=date(2030, 1, 1))]
    assert ["Python 3.12" in found[0], "Debian bookworm" in found[1]] == [True, True]
    assert project.findings(today=TODAY) == []


def test_every_image_that_is_not_pinned_is_named(tmp_path: Path) -> None:
    project = made(tmp_path)
    assert project.findings(today=TODAY) == []
    project.dockerize(registry=lambda _reference: None, upgrade_base=True)
    assert project.findings(today=TODAY) == []  # the known digest has stayed
    (tmp_path / "Dockerfile").unlink()
    project.dockerize(registry=lambda _reference: None)
    [finding] = project.findings(today=TODAY)
    assert (finding.code, finding.severity, finding.fix) == (
        "base-unpinned",
        "warning",
        "envctl dockerize",
    )
    assert finding.subject == "docker.io/library/python:3.11-slim-bookworm"
    project.dockerize()
    assert project.findings(today=TODAY) == []


def test_the_suite_of_a_dockerfile_stays(tmp_path: Path) -> None:
    """As if an earlier table had Debian 13 for this Python."""
    project = made(tmp_path)
    text = project.text("Dockerfile").replace("slim-bookworm", "slim-trixie")
    project.project.write({"Dockerfile": text})
    assert "slim-trixie@" in project.plan().base
    assert "slim-bookworm@" in project.plan(upgrade_base=True).base


def test_a_note_of_the_fast_path_holds_until_something_ends() -> None:
    assert inputs.look("until", "2020-01-01") == "no"
    assert inputs.look("until", "9999-12-31") == "yes"
    last = image_base.next_end(TODAY)
    assert last is not None
    assert last > TODAY
