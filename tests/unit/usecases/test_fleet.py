"""The fleet as use cases see it: what `sync` would choose, and records that hold anything."""

import tomllib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.domain.fleet import fits
from envctl.domain.fleet.view import platform_on
from envctl.domain.profile import variants
from envctl.domain.record import Record
from envctl.domain.record.reading import from_toml_dict
from envctl.errors import EnvironmentFailure, ProjectError, RecordError
from envctl.usecases import load
from envctl.usecases.choice import choose
from envctl.usecases.fleet import look, offers
from envctl.usecases.team import team
from tests import machines
from tests.in_memory import InMemoryProject
from tests.unit.usecases.test_choice import MANIFEST, project

LOCKS = (
    {"cpu": "2.11.0+cpu", "cu126": "2.11.0+cu126", "cu130": "2.11.0+cu130"},
    {"cpu": "2.11.0+cpu", "cu130": "2.11.0+cu130"},
    {"cu126": "2.11.0+cu126", "cu130": "2.11.0+cu130"},
    {"cu130": "2.11.0+cu130"},
)
NEEDS = ("", "[tool.envctl.gpu]\nrequired = true\ncount = 4\n")


@pytest.mark.parametrize("need", NEEDS, ids=["any", "four GPUs"])
@pytest.mark.parametrize("locked", LOCKS, ids="+".join)
@pytest.mark.parametrize("name", machines.names())
def test_a_machine_gets_what_sync_takes_there(name: str, locked: dict[str, str], need: str) -> None:
    files, manifest = project(MANIFEST + need, **locked)
    record = replace(machines.load(name), name=name)
    platform = platform_on(record)
    assert platform is not None
    try:
        taken = choose(
            files, manifest, option=None, environ={}, platform=platform, record=lambda: record
        ).manifest.profile
    except EnvironmentFailure:
        taken = None
    found = offers((each, load.lock(files, each.lock_name)) for each in variants(manifest))
    [fit] = fits(found, [record])
    unserved = {each.code for trial in fit.trials for each in trial.obstacles}
    if "platform-unserved" in unserved:  # `sync` chooses, and then finds no file to install
        assert fit.chosen is None
    else:
        assert (fit.chosen.profile if fit.chosen else None) == taken


NUMBERS = ("9" * 30, "9" * 5000, "\u0663.\u0664", "-1", "1..2", "12.4", "7", "7.0.0.0")
WORDS = ("", "x", "glibc", "glibc x", "glibc 2", "musl", "\x00", "\x1b[2J", "{ %s", "aarch64")
ODD = st.sampled_from([*NUMBERS, *WORDS, 0, -1, 10**30, True, [], {}, 1.5])


def places(table: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a record's data."""
    items = (
        table.items()
        if isinstance(table, dict)
        else enumerate(table)
        if isinstance(table, list)
        else ()
    )
    return [each for key, item in items for each in ((*path, key), *places(item, (*path, key)))]


def damaged(draw: st.DrawFn) -> Record | None:
    data = tomllib.loads(machines.text(draw(st.sampled_from(machines.names()))))
    for _ in range(draw(st.integers(1, 3))):
        *way, key = draw(st.sampled_from(places(data)))
        table = data
        for each in way:
            table = table[each]
        if isinstance(key, str) and draw(st.booleans()):
            del table[key]
        else:
            table[key] = draw(ODD)
        if not data:
            break
    try:
        return replace(from_toml_dict(data, "x.toml"), name="odd")
    except RecordError:
        return None


@settings(max_examples=200, deadline=None)
@given(st.composite(damaged)())
def test_whatever_a_record_holds_there_is_an_answer(record: Record | None) -> None:
    if record is None:
        return
    files, manifest = project()
    found = offers((each, load.lock(files, each.lock_name)) for each in variants(manifest))
    [fit] = fits(found, [record])
    assert (fit.chosen is None) == all(trial.kind == "fail" for trial in fit.trials)


def test_one_record_that_cannot_be_read_hides_no_other() -> None:
    files, manifest = project()
    kept = {f".envctl/machines/{name}.toml": machines.text(name) for name in ("lab-v100", "t4")}
    bad = {".envctl/machines/a.toml": "<<<<<<< HEAD\n", ".envctl/machines/z.toml": "schema = 1\n"}
    seen = team(InMemoryProject({**kept, **bad, ".envctl/machines/.toml": "", "x.toml": ""}))
    assert [record.name for record in seen.records] == ["lab-v100", "t4"]
    assert [each.file for each in seen.unreadable] == ["a.toml", "z.toml"]
    found = offers((each, load.lock(files, each.lock_name)) for each in variants(manifest))
    codes = [each.code for each in look(seen, found).findings]
    assert codes == ["record-unreadable", "record-unreadable", "driver-limited", "gpu-unused"]


class Unlistable(InMemoryProject):
    """A project in whose place of a folder stands something else."""

    def entries(self, folder: str) -> tuple[str, ...]:
        raise ProjectError("that is not a folder", where=folder, hint="put a folder in its place")


def test_a_folder_that_cannot_be_listed_is_no_empty_one() -> None:
    files, manifest = project()
    found = offers((each, load.lock(files, each.lock_name)) for each in variants(manifest))
    [finding] = look(team(Unlistable()), found).findings
    assert (finding.code, finding.subject) == ("record-unreadable", ".envctl/machines")
    assert "that is not a folder" in finding.message


def test_what_an_editor_leaves_is_no_record() -> None:
    names = (".#t4.toml", ".t4.toml.swp", "t4.toml~", "t4.TOML.bak", "README.md")
    assert (
        team(InMemoryProject({f".envctl/machines/{name}": "x" for name in names})).unreadable == ()
    )


def test_a_record_in_capitals_is_one() -> None:
    files = InMemoryProject({".envctl/machines/T4.TOML": machines.text("t4")})
    assert [record.name for record in team(files).records] == ["T4"]


def test_a_renamed_file_is_a_renamed_machine() -> None:
    files = InMemoryProject({".envctl/machines/attic.toml": machines.text("t4")})
    assert [record.name for record in team(files).records] == ["attic"]
