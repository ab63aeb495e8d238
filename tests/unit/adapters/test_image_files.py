"""Saved images: what is read of them, and what is refused."""

import io
import tarfile
from collections.abc import Iterator

import pytest

from envctl.adapters import image_files
from envctl.errors import ContainerError
from tests.image_archive import File, Saved, Tree, tar

CONFIG = {"User": "10001:0", "Env": ["A=b=c", "EMPTY="], "Labels": {"x": "y"}, "Cmd": None}


def saved(*layers: Tree) -> Saved:
    return Saved(layers=[*layers], config=dict(CONFIG), history=["one"])


def test_what_is_read() -> None:
    contents = image_files.read(
        saved(
            {"./etc/os-release": File(b"VERSION_CODENAME=trixie\n"), "/a": File(b"1")},
            {"a": File(target="/b"), "etc/.wh.none": File()},
        ).chunks(7),
        "x",
    )
    assert (contents.machine, contents.start.user) == ("x86_64", "10001:0")
    assert contents.start.env == {"A": "b=c", "EMPTY": ""}
    assert contents.start.command == ()
    assert contents.files["a"].target == "/b"
    assert contents.files["a"].layer == 1
    assert contents.text("etc/os-release") == "VERSION_CODENAME=trixie\n"
    assert contents.text("a") is None
    assert [*contents.history] == ["one  "]
    assert contents.identity.startswith("sha256:")


def test_equal_layers_are_saved_once_and_layers_may_be_packed() -> None:
    twice = saved({"a": File(b"1")}, {"a": File(b"1")})
    twice.links = {1: 0}
    assert len(image_files.read(twice.chunks(), "x").layers) == 2
    packed = saved({"a": File(b"1")}, {"b": File(b"2")})
    packed.packed = True
    assert image_files.read(packed.chunks(), "x").files.keys() == {"a", "b"}


def test_a_large_file_is_hashed_like_a_small_one() -> None:
    import hashlib

    content = bytes(range(256)) * (5 << 12)  # 5 MB
    contents = image_files.read(saved({"opt/venv/big.so": File(content)}).chunks(), "x")
    assert contents.files["opt/venv/big.so"].digest == hashlib.sha256(content).hexdigest()


def _zstd() -> Iterator[bytes]:
    yield tar({"blobs/sha256/aa": File(b"\x28\xb5\x2f\xfd" + bytes(600))})


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (saved({"../../etc/passwd": File()}).chunks(), "leads out of it"),
        (_zstd(), "zstd"),
        (iter([b"not a tar"]), "cannot be read"),
        (iter([]), "cannot be read"),
        (iter([tar({"manifest.json": File(b"[")})]), "cannot be read"),
        (iter([tar({"manifest.json": File(b"[{}]")})]), "cannot be read"),
        (
            iter([tar({"manifest.json": File(b'[{"Config": "c", "Layers": ["l"]}]')})]),
            "cannot be read",
        ),
        (iter([tar({"manifest.json": File(b"[" * 100_000)})]), "cannot be read"),
    ],
)
def test_what_is_no_image_is_refused(made: Iterator[bytes], said: str) -> None:
    with pytest.raises(ContainerError) as caught:
        image_files.read(made, "team/odd:1")
    assert said in caught.value.message
    assert caught.value.where == "team/odd:1"


def test_layers_are_those_of_the_digests() -> None:
    lying = saved({"a": File(b"1")})
    lying.digests = ["sha256:" + "0" * 64]
    with pytest.raises(ContainerError, match="not those that it names"):
        image_files.read(lying.chunks(), "x")


def test_a_stream_that_ends_early() -> None:
    whole = saved({"a": File(b"1" * 5000)}).bytes()
    for cut in (300, 1024, 3000, len(whole) // 2):
        with pytest.raises(ContainerError):
            image_files.read(iter([whole[:cut]]), "x")


def test_devices_pipes_and_odd_links_are_no_files() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name, kind in (("pipe", tarfile.FIFOTYPE), ("device", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            made.addfile(info)
        info = tarfile.TarInfo("hard")
        info.type, info.linkname = tarfile.LNKTYPE, "not/there"
        made.addfile(info)
    from envctl.adapters.image_files import layer

    found = layer.read(io.BytesIO(out.getvalue()), layer.Seen())
    assert {name: entry.kind for name, entry in found.entries.items()} == {
        "pipe": "other",
        "device": "other",
        "hard": "other",
    }
