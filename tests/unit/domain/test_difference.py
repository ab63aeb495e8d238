"""What differs between two things, whatever they are, and in which order it is said."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.captured.packages import Capture, Captured, Origin
from envctl.domain.captured.side import side_of as environment_side
from envctl.domain.contract import from_table
from envctl.domain.contract.change import effects
from envctl.domain.difference import Difference
from envctl.domain.difference.comparing import compare
from envctl.domain.difference.packages import Held
from envctl.domain.difference.settings import baked, declared
from envctl.domain.difference.side import Kind, Side, comparable
from envctl.domain.image.described import Described
from envctl.domain.image.side import remote_side
from envctl.domain.lock import Lock
from envctl.domain.lock.side import side_of as lock_side
from envctl.emitters.difference_text import emit
from tests.unit.domain import cuda_locks

OLD = {
    "accelerator": "cuda",
    "cuda": "12.6",
    "driver-limited": "525.60.13",
    "driver-full": "560.28.03",
    "compute-capabilities": ["7.0", "8.0", "9.0"],
    "libc": "2.17",
}
NEW = OLD | {
    "cuda": "13.0",
    "driver-limited": "580.65.06",
    "driver-full": "580.65.06",
    "compute-capabilities": ["8.0", "9.0", "10.0"],
    "libc": "2.28",
}


def side(packages: dict[str, str], kind: Kind = "lock", **more: Any) -> Side:
    held = {name: Held(version=version) for name, version in packages.items()}
    return Side(kind=kind, name=kind, packages=held, **more)


def locked(contract: dict[str, Any], *packages: dict[str, Any], **more: Any) -> Lock:
    return replace(cuda_locks.lock(*packages), contract=contract, **more)


def subjects(a: Side, b: Side) -> list[str]:
    return [each.subject for each in compare(a, b).differences]


def test_what_explains_more_comes_first() -> None:
    a = side(
        {
            "aa": "1.0.0",
            "bb": "1.0",
            "cc": "1.0",
            "torch": "2.9.0+cu126",
            "numpy": "2.0",
            "gone": "1",
        },
        variables=declared({"NCCL_DEBUG": "INFO", "PYTHONHASHSEED": "0", "ZZ_MINE": "1"}),
        facts={"python": "3.11.4", "kernel": "6.1", "gpu": "1 x A100", "requires-python": ">=3.11"},
    )
    b = side(
        {"aa": "1.0.1", "bb": "1.1", "cc": "2.0", "torch": "2.9.0+cu130", "numpy": "2.1"},
        variables=declared({"NCCL_DEBUG": "WARN", "PYTHONHASHSEED": "1", "ZZ_MINE": "2"}),
        facts={"python": "3.11.9", "kernel": "6.8", "gpu": "1 x H100", "requires-python": ">=3.12"},
    )
    assert subjects(a, b) == [
        *("torch", "numpy", "PYTHONHASHSEED", "ZZ_MINE", "gpu", "python", "cc", "gone", "bb", "aa"),
        *("requires-python", "NCCL_DEBUG", "kernel"),
    ]
    text = emit(compare(a, b))
    assert "torch  2.9.0+cu126 → 2.9.0+cu130\n" in text
    assert "a patch release" in text


def test_the_contract_changes_in_the_words_that_lock_uses() -> None:
    a, b = (lock_side(locked(table), name) for table, name in ((OLD, "a"), (NEW, "b")))
    said = {each.reason for each in compare(a, b).differences if each.group == "machine"}
    expected = {each.sentence for each in effects(from_table(OLD), from_table(NEW))}
    assert said == expected
    assert any("580.65.06" in each and "older drivers cannot run it" in each for each in said)
    order = subjects(a, b)
    assert (
        order.index("CUDA of the packages")
        < order.index("driver floor")
        < order.index("glibc floor")
    )


def test_a_lock_and_an_image_are_compared_as_far_as_labels_tell() -> None:
    labels = {
        "io.envctl.accelerator": "cuda",
        "io.envctl.cuda": "13.0",
        "io.envctl.driver.min": "580.65.06",
        "io.envctl.slice.linux-x86_64": "sha256:b",
    }
    described = Described(
        reference="x", digest="d", platforms=("linux/amd64",), platform="linux/amd64", labels=labels
    )
    image = remote_side(described, "x")
    lock = replace(lock_side(locked(OLD), "l"), facts={"slice": "sha256:a"})
    found = compare(lock, image)
    assert subjects(lock, image) == ["CUDA of the packages", "driver floor", "slice"]
    assert any("not compared" in each for each in found.remarks)
    hostile = replace(described, labels=labels | {"io.envctl.cuda": "|x\n"})
    assert remote_side(hostile, "x").needs is None


def test_the_same_file_name_with_other_bytes_is_said_first() -> None:
    wheel = cuda_locks.package("zz-made-lib", "1.0")
    other = {**wheel, "wheels": [{**wheel["wheels"][0], "hashes": {"sha256": "1" * 64}}]}
    a, b = (lock_side(cuda_locks.lock(each), "l") for each in (wheel, other))
    [found] = compare(a, b).differences
    assert (found.group, found.before, found.after) == (
        "files",
        f"sha256:{'0' * 64}",
        f"sha256:{'1' * 64}",
    )
    assert "one file name, two contents" in found.reason


def test_another_index_is_said_once_for_all_its_packages() -> None:
    entries = [cuda_locks.package(f"zz-made-{letter}", "1.0") for letter in "abcde"]
    moved = [{**each, "index": "https://other.example/simple/"} for each in entries]
    entries = [{**each, "index": "https://index.example/simple"} for each in entries]
    a, b = (lock_side(cuda_locks.lock(*each), "l") for each in (entries, moved))
    [found] = compare(a, b).differences
    assert found.subject == "source of zz-made-a, zz-made-b, zz-made-c and 2 more"
    assert found.after == "https://other.example/simple"


def test_installed_files_are_compared_but_for_an_installers_notes() -> None:
    record = {
        "m/__init__.py": "sha256=AAAA",
        "m-1.dist-info/INSTALLER": "sha256=BBBB",
        "../../../bin/m": "sha256=CCCC",
        "m/__pycache__/x.pyc": "",
    }
    plain = Captured(name="m", version="1", record=record)
    noted = replace(
        plain, record=record | {"m-1.dist-info/INSTALLER": "sha256=x", "../../../bin/m": "sha256=y"}
    )
    other = replace(plain, record=record | {"m/__init__.py": "sha256=AAAB"})
    edited = replace(plain, changed=("m/__init__.py",))

    def environment(package: Captured) -> Side:
        return environment_side(Capture(label="e", python="3.11.7", packages=(package,)), "e", None)

    assert subjects(environment(plain), environment(noted)) == []
    [found] = compare(environment(plain), environment(other)).differences
    assert (found.group, found.subject) == ("files", "m: 1 file")
    [found] = compare(environment(plain), environment(edited)).differences
    assert (found.before, found.after) == ("as installed", "changed: m/__init__.py")


def test_a_version_is_the_same_however_it_is_spelled_and_a_python_that_says_less() -> None:
    assert subjects(side({"a": "2023.03.01"}), side({"a": "2023.3.1"})) == []
    assert subjects(side({"a": ""}), side({"a": "1.0"})) == []  # a source tree
    short, long = (side({}, facts={"python": text}) for text in ("3.11", "3.11.9"))
    assert subjects(short, long) == []


SECRET = "hunter2-7d1e"


@pytest.mark.parametrize("make", [declared, baked])
@pytest.mark.parametrize("name", ["WANDB_API_KEY", "DATABASE_PASSWORD", "INDEX"])
def test_a_secret_is_said_to_differ_and_never_shown(make: Any, name: str) -> None:
    value = f"https://user:{SECRET}@host/" if name == "INDEX" else SECRET
    kind: Kind = "lock" if make is declared else "image"
    a, b, none = (
        side({}, kind, variables=make(env)) for env in ({name: value}, {name: value + "2"}, {})
    )
    [found] = compare(a, b).differences
    [alone] = compare(a, none).differences
    assert found.before != found.after
    assert alone.after is None
    for each in (found, alone):
        assert SECRET not in f"{each}{each.to_json()}"
    assert compare(a, a).differences == ()


def test_of_an_image_only_what_a_lock_declares_is_compared() -> None:
    lock = side({}, variables=declared({"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": "2"}))
    image = side({}, "image", variables=baked({"PATH": "/bin", "PYTHONHASHSEED": "1"}))
    [found] = compare(lock, image).differences
    assert found.subject == "PYTHONHASHSEED"
    [found] = compare(lock, side({}, "image", variables=baked({"PATH": "/bin"}))).differences
    assert (found.subject, found.after) == ("PYTHONHASHSEED", None)


def test_a_private_value_of_an_image_is_not_guessed_to_be_harmless() -> None:
    a, b = (side({}, "image", variables=baked({"MYSQL_ROOT_PW": each})) for each in ("x", SECRET))
    [found] = compare(a, b).differences
    assert SECRET not in str(found)


def test_what_has_nothing_in_common() -> None:
    assert not comparable("lock", "record")
    assert not comparable("record", "image")
    assert comparable("run", "record")
    assert comparable("image", "environment")


def test_the_project_itself_and_a_tools_own_pip_count_only_where_both_have_them() -> None:
    pip, own = (Captured(name=name, version="1") for name in ("pip", "demo"))
    editable = replace(own, origin=Origin(kind="editable", url="/x"))
    asked = replace(pip, requested=True)

    def environment(*packages: Captured) -> Side:
        return environment_side(Capture(label="e", python="3.11.7", packages=packages), "e", None)

    assert subjects(environment(pip, editable), side({})) == []
    assert subjects(environment(asked, own), side({})) == ["demo", "pip"]
    newer = replace(pip, version="2")
    assert subjects(environment(pip), environment(newer)) == ["pip"]


NAMES = st.sampled_from(("torch", "numpy", "aa", "bb", "nvidia-cublas-cu12"))
VERSIONS = st.sampled_from(("1.0", "1.0.1", "2.0", "2.0+cu126", "2.0+cu130", "", "odd version"))
HELD = st.builds(
    Held,
    version=VERSIONS,
    files=st.dictionaries(st.sampled_from(("x.whl", "y.whl")), st.sampled_from(("1", "2"))),
    source=st.none() | st.sampled_from(("https://a", "https://b")),
)
SIDES = st.builds(
    Side,
    kind=st.just("lock"),
    name=st.just("l"),
    packages=st.dictionaries(NAMES, HELD),
    variables=st.dictionaries(
        st.sampled_from(("PYTHONHASHSEED", "HF_HOME", "ZZ", "A_TOKEN")), st.text(max_size=3)
    ).map(declared),
    facts=st.dictionaries(
        st.sampled_from(("python", "driver", "kernel")), st.none() | st.text(max_size=3)
    ),
)


@given(SIDES)
def test_nothing_differs_from_itself(one: Side) -> None:
    assert compare(one, one).differences == ()


@given(SIDES, SIDES)
def test_both_ways_round_the_same_is_named(a: Side, b: Side) -> None:
    def named(found: tuple[Difference, ...]) -> set[tuple[str, str]]:
        return {(each.group, each.subject) for each in found}

    there, back = compare(a, b).differences, compare(b, a).differences
    assert named(there) == named(back)
    assert all(each.before != each.after and each.reason for each in there)
