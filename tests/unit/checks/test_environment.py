"""The files of an environment as findings: as many as a person can read, and none twice."""

from envctl.checks.environment import check, files
from envctl.domain.environment import Current, FileProblem, FileTrouble, Stamp
from envctl.domain.lock.slices import Slice

WANTED = Slice(items=(), groups=(), extras=(), python="3.11.7", digest="sha256:x")
STAMP = Stamp(slice_digest="sha256:x", python="3.11.7", base="/usr/bin/python3", packages={})


def problem(
    path: str, trouble: FileTrouble = "modified", package: str = "zz-made-lib", shared: bool = False
) -> FileProblem:
    return FileProblem(package=package, path=path, trouble=trouble, shared=shared)


def test_each_trouble_has_its_code_and_one_fix() -> None:
    troubles: tuple[FileTrouble, ...] = ("modified", "missing", "added", "record")
    found = list(files(problem(f"a/{trouble}", trouble) for trouble in troubles))
    assert [each.code for each in found] == [
        "file-modified",
        "file-missing",
        "file-added",
        "record-modified",
    ]
    assert {each.fix for each in found} == {"envctl sync --repair"}
    assert [each.subject for each in found] == [f"a/{trouble}" for trouble in troubles]


def test_a_shared_file_is_said_to_be_shared() -> None:
    [alone, shared] = files([problem("a"), problem("b", shared=True)])
    assert "share" not in alone.message
    assert shared.message.endswith("uv's cache and other environments share it")


def test_many_files_of_one_package_are_one_finding() -> None:
    many = [problem(f"lib/{number}.py", "missing") for number in range(11)]
    [found] = files(many)
    assert (found.code, found.subject) == ("file-missing", "zz-made-lib")
    assert "11 files are gone: lib/0.py, lib/1.py, lib/2.py, …" in found.message
    assert len(list(files(many[:10]))) == 10
    others = [problem("x", package="other"), problem("y", "added"), *many]
    assert [each.subject for each in files(others)] == ["x", "y", "zz-made-lib"]


def test_what_a_packages_own_finding_mends_is_not_said_file_by_file() -> None:
    current = Current(kind="ours", path="/p/.envctl/envs/x", stamp=STAMP)
    stray = [problem(f"stray/{number}.py", "added", "zz-stray") for number in range(3)]
    found = list(
        check(
            current,
            WANTED,
            {"zz-stray": "1.0"},
            [*stray, problem("lib/a.py")],
            python="3.11.7",
            stale=None,
        )
    )
    assert [each.code for each in found] == ["package-extra", "file-modified"]
