from datetime import UTC, datetime

import pytest

from envctl.adapters.index.files import Taste, choose, moment
from envctl.domain.platforms import Platform
from envctl.errors import ManifestError
from envctl.readers.index_page import IndexFile

LINUX = Platform(os="linux", machine="x86_64")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def file(name: str, **more: object) -> IndexFile:
    told = {"hashes": {"sha256": "00"}, **more}
    return IndexFile(name=name, url=f"https://x.example/{name}", **told)  # type: ignore[arg-type]


def names(
    *files: IndexFile, platform: Platform = LINUX, python: str = "3.11.2", **more: object
) -> list[str]:
    taste = Taste(platform=platform, python=python, **more)  # type: ignore[arg-type]
    chosen = choose(files, "1.0", taste)
    return [each.name for each in (*chosen.wheels, *((chosen.sdist,) if chosen.sdist else ()))]


@pytest.mark.parametrize(
    ("platform", "tag"),
    [
        (LINUX, "py3-none-any"),
        (LINUX, "py2.py3-none-any"),
        (LINUX, "cp311-cp311-manylinux_2_28_x86_64"),
        (LINUX, "cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64"),
        (LINUX, "cp311-cp311-musllinux_1_2_x86_64"),
        (LINUX, "cp38-abi3-manylinux1_x86_64"),
        (LINUX, "py3-none-linux_x86_64"),
        (LINUX, "cp311-none-any"),
        (Platform(os="macos", machine="arm64"), "cp311-cp311-macosx_11_0_arm64"),
        (Platform(os="macos", machine="x86_64"), "cp311-cp311-macosx_10_9_universal2"),
        (Platform(os="windows", machine="x86_64"), "cp311-cp311-win_amd64"),
        (Platform(os="windows", machine="arm64"), "cp311-cp311-win_arm64"),
    ],
)
def test_a_wheel_that_could_serve_is_kept(platform: Platform, tag: str) -> None:
    name = f"demo-1.0-{tag}.whl"
    assert names(file(name), platform=platform) == [name]


@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp311-cp311t-manylinux_2_28_x86_64",
        "cp312-abi3-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux_2_28_aarch64",
        "cp311-cp311-macosx_11_0_arm64",
        "cp311-cp311-win_amd64",
        "pp310-pypy310_pp73-manylinux_2_28_x86_64",
        "py2-none-any",
    ],
)
def test_a_wheel_for_another_machine_or_python_is_left_out(tag: str) -> None:
    assert names(file(f"demo-1.0-{tag}.whl")) == []


def test_files_of_other_versions_and_strangers_are_left_out() -> None:
    given = [
        file("demo-1.0.1.tar.gz"),
        file("demo-1.0+cpu-py3-none-any.whl"),
        file("demo-1.0.post1.zip"),
        file("1.0.zip"),
        file("demo-1.tar.gz"),
    ]
    assert names(*given) == ["demo-1.tar.gz"]


def test_the_order_is_by_name_and_one_sdist_is_enough() -> None:
    given = [
        file("demo-1.0.zip"),
        file("demo-1.0-py3-none-any.whl"),
        file("demo-1.0.tar.gz"),
        file("demo-1.0-cp311-cp311-linux_x86_64.whl"),
    ]
    assert names(*given) == names(*reversed(given))
    assert names(*given) == [
        "demo-1.0-cp311-cp311-linux_x86_64.whl",
        "demo-1.0-py3-none-any.whl",
        "demo-1.0.tar.gz",
    ]


def test_files_for_another_python_are_left_out_and_nonsense_excludes_nothing() -> None:
    wheel, sdist = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"
    given = [file(wheel, requires_python=">=3.12"), file(sdist, requires_python=">=three")]
    assert names(*given) == [sdist]


def test_yanked_files_stay_where_the_whole_version_is_yanked() -> None:
    wheel, sdist = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"
    assert names(file(wheel, yanked=True), file(sdist)) == [sdist]
    assert names(file(wheel, yanked=True), file(sdist, yanked=True)) == [wheel, sdist]


def test_files_uploaded_later_are_left_out() -> None:
    old, new = "demo-1.0-py2.py3-none-any.whl", "demo-1.0-py3-none-any.whl"
    early = datetime(2026, 10, 1, tzinfo=UTC)
    given = [file(old, upload_time=early), file(new, upload_time=NOON)]
    assert names(*given, before=NOON) == [old]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("2026-11-01", datetime(2026, 11, 2, tzinfo=UTC)),
        ("2026-11-01T12:00:00Z", NOON),
        ("2026-11-01T14:00:00+02:00", NOON),
        ("2026-11-01T12:00:00", NOON),
    ],
)
def test_a_day_counts_whole(text: str | None, expected: datetime | None) -> None:
    assert moment(text) == expected


def test_a_bound_that_is_no_date_is_refused() -> None:
    with pytest.raises(ManifestError, match="not a date") as caught:
        moment("last week")
    assert caught.value.where == "tool.envctl.exclude-newer"
