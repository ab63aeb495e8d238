"""Base images by table: which one a Python, a registry and a lock get, and which are refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.image import base as image_base
from envctl.domain.image import describe
from envctl.domain.image.base import UnfitBase, candidates, choose
from envctl.domain.image.fitting import fit
from envctl.domain.manifest import ImageSettings
from envctl.errors import ImageError, LockError
from tests import image_projects as projects

OFFICIAL = "docker.io/library/python"
DIGEST = f"sha256:{'a' * 64}"


def named(base: str) -> ImageSettings:
    return replace(ImageSettings(), base=base)


@pytest.mark.parametrize(
    ("python", "tag", "libc"),
    [
        ("3.11", "3.11-slim-bookworm", (2, 36)),
        ("3.12.7", "3.12.7-slim-bookworm", (2, 36)),
        ("3.13", "3.13-slim-trixie", (2, 41)),
        ("3.15", "3.15-slim-trixie", (2, 41)),
    ],
)
def test_the_usual_base_is_by_table(python: str, tag: str, libc: tuple[int, int]) -> None:
    base = choose(ImageSettings(), python)
    assert (base.reference, base.libc) == (f"{OFFICIAL}:{tag}", libc)
    elsewhere = choose(replace(ImageSettings(), registry="r.example:5000/mirror"), python)
    assert elsewhere.reference == f"r.example:5000/mirror/python:{tag}"


@pytest.mark.parametrize("text", ["--x", "-x/y", ".x", "x y", "x\nRUN id", "$x", "https://x", ""])
def test_what_is_no_registry_is_refused(text: str) -> None:
    """It comes right behind `FROM`, where a dash begins an option."""
    for settings in (
        replace(ImageSettings(), registry=text or " "),
        replace(ImageSettings(), base=f"{text}/python:3.11-slim-bookworm"),
    ):
        with pytest.raises(ImageError):
            choose(settings, "3.11")


def test_what_a_dockerfile_has_comes_first() -> None:
    newer = f"{OFFICIAL}:3.11-slim-trixie"
    for earlier in (newer, f"{newer}@{DIGEST}"):
        found = [base.reference for base in candidates(ImageSettings(), "3.11", earlier)]
        assert found == [newer, f"{OFFICIAL}:3.11-slim-bookworm"]
    for foreign in (f"{OFFICIAL}:3.12-slim-trixie", "r.example/python:3.11-slim-trixie", "x", ""):
        found = [base.reference for base in candidates(ImageSettings(), "3.11", foreign)]
        assert found[0] == f"{OFFICIAL}:3.11-slim-bookworm"


@pytest.mark.parametrize(
    ("base", "why"),
    [
        ("debian:bookworm-slim", "interpreter"),
        ("docker.io/library/ubuntu:24.04", "interpreter"),
        ("nvidia/cuda:12.6.3-cudnn-runtime-ubuntu22.04", "interpreter"),
        ("docker.io/nvidia/cuda:12.6.3-base-ubuntu22.04", "interpreter"),
        ("python:3.12-slim-bookworm", "python"),
        ("r.example/mirror/python:3.11.9-slim", "python"),
        ("python:3.11.7-alpine3.20", "glibc"),
    ],
)
def test_a_base_that_cannot_be_the_one_says_why(base: str, why: str) -> None:
    with pytest.raises(UnfitBase) as caught:
        choose(named(base), "3.11.7")
    assert caught.value.lack == why
    assert caught.value.subject == base
    assert caught.value.hint


@pytest.mark.parametrize(
    ("base", "libc"),
    [
        ("python:3.11", None),
        ("python:3.11-bullseye", (2, 31)),
        ("company.example/python:3-jammy", (2, 35)),
        ("company.example/team/cuda-python:12.6.3-runtime-ubuntu22.04", (2, 35)),
        (f"python:3.11.7-slim-trixie@{DIGEST}", (2, 41)),
        ("company.example/debian:1", None),
        ("r.example/bookworm:1", None),
    ],
)
def test_the_system_is_read_from_the_tag(base: str, libc: tuple[int, int] | None) -> None:
    assert choose(named(base), "3.11").libc == libc


def test_an_old_system_has_its_end() -> None:
    ends = dict(choose(named("r.example/python:3.11-bullseye"), "3.11").ends)
    assert ends == {"Debian bullseye": date(2026, 8, 31)}


def project(*tags: str, base: str = "", libc: str = "") -> dict[str, Any]:
    text = projects.CPU.replace("command =", f'base = "{base}"\ncommand =' if base else "command =")
    manifest = projects.manifest(text)
    package = projects.package("zz-made", "1.0", *tags)
    return {"manifest": manifest, "lock": projects.lock(manifest, package), "python": "3.11"}


def manylinux(glibc: str, machine: str = "x86_64") -> str:
    return f"cp311-cp311-manylinux_{glibc}_{machine}"


def fitted(arguments: Mapping[str, Any]) -> str:
    return fit(**arguments, where="pylock.toml")[0].reference


def test_the_lock_decides_between_two_systems() -> None:
    assert fitted(project(manylinux("2_28"))) == f"{OFFICIAL}:3.11-slim-bookworm"
    newer = project(manylinux("2_38"))
    assert fitted(newer) == f"{OFFICIAL}:3.11-slim-trixie"
    assert fitted(project(manylinux("2_38"), manylinux("2_28"))) == f"{OFFICIAL}:3.11-slim-bookworm"
    image = describe(newer["manifest"], newer["lock"], python="3.11", paths=projects.PATHS)
    assert image.base.libc == (2, 41)
    assert [item.artefact.name for item in image.items] == [  # type: ignore[union-attr]
        f"zz_made-1.0-{manylinux('2_38')}.whl"
    ]


def test_a_libc_that_is_too_old_names_package_and_remedy() -> None:
    with pytest.raises(UnfitBase) as caught:
        fitted(project(manylinux("2_38"), base="r.example/python:3.11-slim-bookworm"))
    assert caught.value.lack == "libc"
    assert "glibc 2.36" in caught.value.message
    assert "glibc 2.38: zz-made 1.0" in caught.value.message
    assert "Debian trixie" in (caught.value.hint or "")
    with pytest.raises(UnfitBase) as caught:  # no table has a system for that
        fitted(project(manylinux("2_60")))
    assert "glibc 2.60: zz-made 1.0" in caught.value.message
    assert "Debian" not in (caught.value.hint or "")


def test_what_has_nothing_to_do_with_glibc_keeps_its_own_words() -> None:
    for tags in (("cp312-cp312-manylinux_2_28_x86_64",), ("cp311-cp311-musllinux_1_2_x86_64",)):
        with pytest.raises(LockError) as caught:
            fitted(project(*tags))
        assert "zz-made" in caught.value.message


def test_only_wheels_for_this_python_count() -> None:
    tags = ("cp312-cp312-manylinux_2_17_x86_64", manylinux("2_60"))
    with pytest.raises(UnfitBase, match=r"glibc 2\.60"):
        fitted(project(*tags))


def test_a_python_out_of_support_is_not_chosen_for_anybody() -> None:
    known = image_base.newest_known()
    assert set(known) >= {"3.9", "3.11", "3.15"}
    assert known[0] == "3.11"
    assert known[-2:] == ("3.9", "3.10")


def test_a_day_on_which_something_ends_is_always_the_next_one() -> None:
    assert image_base.next_end(date(2026, 11, 21)) == date(2027, 4, 30)
    assert image_base.next_end(date(2027, 4, 30)) == date(2027, 4, 30)
    assert image_base.next_end(date(2027, 5, 1)) == date(2027, 10, 31)
    assert image_base.next_end(date(2100, 1, 1)) is None


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)))
def test_nothing_ends_before_the_next_end(day: date) -> None:
    last = image_base.next_end(day)
    if last is None:
        return
    for python in image_base.newest_known():
        for base in candidates(ImageSettings(), python):
            for _, end in base.ends:
                # The answer of that day holds on the last one as well.
                assert (end < day) == (end < last)
    assert last - day >= timedelta(0)


@given(st.text(max_size=40))
def test_any_text_is_a_base_or_an_error(text: str) -> None:
    try:
        base = choose(named(text), "3.11")
    except ImageError:
        return
    assert base.reference == text.partition("@")[0]
    assert not set(base.pinned) & set(" \n\t\"'$`\\#")
