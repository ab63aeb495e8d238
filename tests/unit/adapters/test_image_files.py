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


def _block(
    name: str,
    kind: bytes = b"0",
    content: bytes = b"",
    *,
    size: bytes | None = None,
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
) -> bytes:
    """One header as it stands, and what follows it."""
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[100:108] = b"0000444\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = size or b"%011o\0" % len(content)
    block[136:148] = b"00000000000\0"
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = magic
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content.ljust(-len(content) // 512 * -512, b"\0")


def _pax(*pairs: tuple[str, str]) -> bytes:
    found = b""
    for name, value in pairs:
        rest = f" {name}={value}\n".encode()
        length = len(rest) + 2
        found += b"%d%s" % (length if length > 9 else length - 1, rest)
    return _block("pax", b"x", found)


_END = bytes(1024)
EVIL = "opt/venv/evil.py"


@pytest.mark.parametrize(
    "layer",
    [
        # A name that Python sees and Go does not, or the other way round.
        _block(EVIL, prefix=b"00000000001\0", magic=b"ustar  \0"),
        _block(EVIL, prefix=b"srv", magic=bytes(8)),
        _block("x", magic=b"ustar\x0001"),
        _pax(("path", "")) + _block(EVIL),
        _pax(("path", "srv/x")) + _pax(("path", EVIL)) + _block("x"),
        _pax(("path", "srv/x")) + _block("l", b"L", EVIL.encode() + b"\0") + _block("x"),
        _block("l", b"L", b"\0") + _block(EVIL),
        _block("l", b"L", b"a\0") + _block("l", b"L", b"b\0") + _block(EVIL),
        _pax(("GNU.sparse.name", "srv/x")) + _block(EVIL),
        _block("g", b"g", b"15 path=srv/x\n") + _block(EVIL),
        _block("X", b"X", b"15 path=srv/x\n") + _block(EVIL),
        # A size that they read differently: what is content to one is headers to the other.
        _block("x", content=_block("y"), size=b"\x00\x0000001000\0"),
        _block("x", content=_block("y"), size=b"0o1000\0\0\0\0\0\0"),
        _block("x", content=_block("y"), size=b"\x81" + bytes(9) + b"\2\0"),
        # A damaged header, which is the end to Python.
        _block("x") + b"damaged".ljust(512, b"x") + _block(EVIL),
        _block("x", b"\0"),
        _block("x", b"7"),
        _block("", b"0"),
    ],
)
def test_headers_that_an_engine_reads_otherwise_are_refused(layer: bytes) -> None:
    from envctl.adapters.image_files import headers
    from envctl.adapters.image_files import layer as layers

    with pytest.raises((headers.OddLayerError, tarfile.TarError)):
        layers.read(io.BytesIO(layer + _END), layers.Seen())


def test_headers_that_tools_write_are_read() -> None:
    from envctl.adapters.image_files import layer as layers

    long = "d/" * 140 + "x"
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as made:
            names = (
                ("d/" * 90 + "x", "y") if form == tarfile.USTAR_FORMAT else (long, "ü" * 90, "y")
            )
            for name in names:
                made.addfile(tarfile.TarInfo(name))
        found = layers.read(io.BytesIO(out.getvalue()), layers.Seen())
        assert found.entries.keys() == {*names}


@pytest.mark.parametrize(
    "made",
    [
        ({"x": File(target="opt/venv/lib"), "x/evil.py": File()},),
        ({"x": File(target="opt/venv/lib")}, {"x/evil.py": File()}),
        ({"x": File()}, {"x/y/evil.py": File()}),
        ({"x": File(target="opt"), "y": File()}, {".wh.y": File(), "x/evil.py": File()}),
    ],
)
def test_a_file_behind_a_link_is_refused(made: tuple[Tree, ...]) -> None:
    with pytest.raises(ContainerError, match="behind a link"):
        image_files.read(saved(*made).chunks(), "x")


@pytest.mark.parametrize(
    "made",
    [
        ({"x": File(target="opt")}, {"x": File(None), "x/y": File()}),
        ({"x": File(target="opt")}, {".wh.x": File(), "x/y": File()}),
        ({"a/x": File(target="opt")}, {"a/.wh..wh..opq": File(), "a/x/y": File()}),
        ({"x": File(target="opt")}, {".wh.x": File()}, {"x/y": File()}),
    ],
)
def test_a_folder_in_a_link_s_place_is_read(made: tuple[Tree, ...]) -> None:
    paths = image_files.read(saved(*made).chunks(), "x").files
    assert paths.keys() >= {path for path in made[-1] if ".wh." not in path}


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
