"""What a lock may say of a wheel that a build reads, and what is refused: names, addresses, hashes."""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.pylock import Package, PackageWheel, PylockValidationError
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.image import Image, bundle
from envctl.domain.image.layers import parts
from envctl.domain.image.wheels import checked
from envctl.domain.lock.hashes import strong
from envctl.domain.lock.slices import Item, Slice
from envctl.domain.platforms import Platform
from envctl.errors import ImageError, LockError
from tests import image_projects as projects

HERMETIC = projects.CPU.replace("[tool.envctl.image]", '[tool.envctl.image]\nbuild = "hermetic"')
GOOD = "a" * 64


def _package(**changes: Any) -> dict[str, Any]:
    wheel = {
        "name": "numpy-2.4.6-py3-none-any.whl",
        "url": "https://index.example/files/numpy-2.4.6-py3-none-any.whl",
        "hashes": {"sha256": GOOD},
    }
    kept = {key: value for key, value in {**wheel, **changes}.items() if value is not None}
    return {"name": "numpy", "version": "2.4.6", "index": projects.INDEX, "wheels": [kept]}


def _item(**changes: Any) -> Item:
    """An entry as no reader of locks would let it through: envctl's own checks are a second door."""
    (wheel,) = _package(**changes)["wheels"]
    artefact = PackageWheel(**wheel)
    version = Version("2.4.6")
    return Item(
        package=Package(name=canonicalize_name("numpy"), version=version, wheels=[artefact]),
        artefact=artefact,
    )


def _image(text: str, **changes: Any) -> Image:
    return projects.image(text, _package(**changes))


@pytest.mark.parametrize(
    "name",
    [
        "../../numpy-2.4.6-py3-none-any.whl",
        "/etc/numpy-2.4.6-py3-none-any.whl",
        "..\\numpy-2.4.6-py3-none-any.whl",
        "numpy-2.4.6-py3-none-any.whl\n",
        "numpy-2.4.6-py3-none-any.whl\nRUN id",
        "numpy-2.4.6-py3-none-any.whl; id",
        "numpy-2.4.6-py3-none-$(id).whl",
        "-rnumpy-2.4.6-py3-none-any.whl",
        ".numpy-2.4.6-py3-none-any.whl",
        "scipy-2.4.6-py3-none-any.whl",
        "numpy-2.4.7-py3-none-any.whl",
        "numpy-2.4.6.tar.gz",
        "numpy-2.4.6-py3-none-any.whl.whl/x",
        "numpy-2.4.6-py3-none-" + "x" * 300 + ".whl",
        "Dockerfile",
    ],
)
def test_a_name_that_is_no_wheel_s_is_refused(name: str) -> None:
    with pytest.raises(LockError, match="is not the name of a wheel"):
        checked(_item(name=name), "pylock.toml")
    with pytest.raises((LockError, PylockValidationError)):
        _image(HERMETIC, name=name)


def test_a_path_out_of_the_folder_cannot_come_from_an_address() -> None:
    for url in ("https://x/..%2F..%2Fnumpy-2.4.6-py3-none-any.whl", "https://x/numpy-2.4.6-py3%0a"):
        with pytest.raises(LockError, match="is not the name of a wheel"):
            checked(_item(name=None, url=url), "pylock.toml")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://index.example/numpy-2.4.6-py3-none-any.whl",
        "git+https://index.example/numpy",
        "javascript:alert(1)",
        "//index.example/numpy-2.4.6-py3-none-any.whl",
        "https://index.example/ numpy.whl",
        "https://index.example/\nhttp://evil.example",
        'https://index.example/"$(id)"',
        "https://user:secret@index.example/numpy-2.4.6-py3-none-any.whl",
        "https://token@index.example/numpy-2.4.6-py3-none-any.whl",
        "https:///numpy",
        "",
    ],
)
@pytest.mark.parametrize("text", [projects.CPU, HERMETIC], ids=["buildkit", "hermetic"])
def test_an_address_that_a_build_must_not_ask_is_refused(text: str, url: str) -> None:
    with pytest.raises((ImageError, LockError)) as caught:
        _image(text, url=url, path="wheels/numpy.whl")
    if "secret" in url:  # it is said that there is a login, not which
        assert "secret" not in str(caught.value.message)


@pytest.mark.parametrize(
    "hashes",
    [
        {"md5": "a" * 32},
        {"sha1": "a" * 40, "md5": "a" * 32},
        {"sha256": "a" * 63},
        {"sha256": "a" * 64 + "\n"},
        {"sha256": ""},
        {"sha224": "a" * 56},
        {"SHA256": GOOD},
    ],
)
@pytest.mark.parametrize("text", [projects.CPU, HERMETIC], ids=["buildkit", "hermetic"])
def test_a_hash_that_does_not_hold_is_refused(text: str, hashes: dict[str, str]) -> None:
    with pytest.raises(LockError, match="no hash that holds"):
        _image(text, hashes=hashes)


def test_a_weak_hash_beside_a_strong_one_does_not_reach_the_installer() -> None:
    """uv takes a file that any one of the hashes fits."""
    made = _image(projects.CPU, hashes={"md5": "b" * 32, "sha256": GOOD.upper(), "x": "1"})
    (entry,) = parts(made.slices)["light"]["packages"]
    assert entry["wheels"][0]["hashes"] == {"sha256": GOOD}


def test_a_path_of_the_lock_s_own_does_not_reach_the_installer() -> None:
    """uv prefers it to the address."""
    made = _image(projects.CPU, path="/etc/numpy-2.4.6-py3-none-any.whl")
    (entry,) = parts(made.slices)["light"]["packages"]
    assert set(entry["wheels"][0]) == {"name", "url", "hashes"}


def test_a_bundle_needs_a_sha256() -> None:
    made = _image(HERMETIC, hashes={"sha512": "c" * 128})
    with pytest.raises(LockError, match="no sha256"):
        bundle.wheels(made.slices, "pylock.toml")


def test_two_files_of_one_name_are_refused() -> None:
    both = HERMETIC.replace('"linux-x86_64"', '"linux-x86_64", "linux-aarch64"')
    x86, arm = (
        _package() | {"marker": f"platform_machine == '{machine}'"}
        for machine in ("x86_64", "aarch64")
    )
    same = projects.image(both, x86, arm)
    assert [wheel.name for wheel in bundle.wheels(same.slices, "pylock.toml")] == [
        "numpy-2.4.6-py3-none-any.whl"
    ]
    arm["wheels"][0]["hashes"] = {"sha256": "b" * 64}
    other = projects.image(both, x86, arm)
    with pytest.raises(LockError, match="two files"):
        bundle.wheels(other.slices, "pylock.toml")


_ODD = st.text(st.sampled_from("abz019._-+/\\ \n\r\0\"'$`;:*?[]{}|&<>~%é\u2028"), max_size=40)


@given(head=_ODD, tail=_ODD)
@example(head="../", tail="")
@example(head="numpy-2.4.6-", tail="-py3-none-any.whl")
def test_whatever_a_lock_names_stays_in_its_folder_and_line(head: str, tail: str) -> None:
    """Either it is refused, or the name is one step of a path and one line of SHA256SUMS, read back as it was."""
    name = f"{head}numpy-2.4.6-py3-none-any{tail}.whl"
    platform = Platform(os="linux", machine="x86_64")
    items = (_item(name=name),)
    taken = Slice(items=items, groups=(), extras=(), python="3.11", digest="sha256:0")
    try:
        (wheel,) = bundle.wheels({platform: taken}, "pylock.toml")
    except LockError:
        return
    assert PurePosixPath(wheel.path).parts == ("wheels", "light", wheel.name)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl", wheel.name)
    assert bundle.read_sums(bundle.sums([wheel])) == {wheel.name: GOOD}


@given(text=st.text(max_size=200))
@example(text=f"{GOOD}  ../../x.whl\n{GOOD}  a.whl\n{GOOD} *b.whl\n\\{GOOD}  c.whl")
def test_a_list_of_hashes_that_somebody_else_wrote_names_no_other_file(text: str) -> None:
    for name, digest in bundle.read_sums(text).items():
        assert "/" not in name
        assert not name.startswith((".", "-"))
        assert len(digest) == 64


@given(
    st.dictionaries(
        st.sampled_from(["md5", "sha1", "sha256", "sha384", "sha512", "blake2b"]),
        st.text("a0G", max_size=130),
    )
)
def test_only_whole_strong_hashes_count(hashes: dict[str, str]) -> None:
    lengths = {"sha256": 64, "sha384": 96, "sha512": 128}
    for kind, digest in strong(hashes).items():
        assert len(digest) == lengths[kind]
        assert set(digest) <= set("0123456789abcdef")


UV = {
    "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": "1" * 64,
    "uv-0.13.8-py3-none-manylinux_2_28_aarch64.whl": "2" * 64,
    "uv-0.13.8-py3-none-musllinux_1_1_x86_64.whl": "3" * 64,
    "uv-0.13.8-py3-none-macosx_11_0_arm64.whl": "4" * 64,
    "uv_build-0.13.8-py3-none-manylinux_2_17_x86_64.whl": "5" * 64,
    "uv-0.13.8-py3-none-manylinux_2_99_x86_64.whl": "6" * 64,
    "uv-0.13.8.tar.gz": "7" * 64,
}


def test_the_installer_is_the_one_for_the_image_s_platforms() -> None:
    both = HERMETIC.replace('"linux-x86_64"', '"linux-x86_64", "linux-aarch64"')
    found = projects.image(both, _package()).slices
    chosen = bundle.installers(UV, found, "3.11", (2, 36))
    assert [wheel.sha256[0] for wheel in chosen] == ["1", "2"]
    with pytest.raises(ImageError, match="no wheel of uv for linux-aarch64"):
        bundle.installers(dict([next(iter(UV.items()))]), found, "3.11", (2, 36))
    with pytest.raises(ImageError, match="no wheel of uv"):
        bundle.installers(dict.fromkeys(UV, "short"), found, "3.11", (2, 36))


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ('system-packages = ["libgl1"]', "system-packages", "tool.envctl.image.base"),
        ('project = "package"\nbuild-packages = ["gcc"]', "build-packages", "builder"),
    ],
)
def test_what_needs_a_network_is_refused_with_the_way_out(text: str, key: str, remedy: str) -> None:
    with pytest.raises(ImageError) as caught:
        bundle.refuse(
            projects.manifest(HERMETIC.replace("command =", f"{text}\ncommand =")).image,
            ("gcc",) if "gcc" in text else (),
        )
    assert (caught.value.where or "").endswith(key)
    assert remedy in (caught.value.hint or "")
