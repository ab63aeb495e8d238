"""Small, valid, reproducible wheels and sdists, made without a build backend.

The same `Wheel` always gives the same bytes, so that its hash can be compared
between runs and machines.
"""

from __future__ import annotations

import gzip
import inspect
import io
import itertools
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.index import backend

# 2.2 is the first version whose PKG-INFO may be trusted without a build (PEP 643).
_METADATA_VERSION = "2.2"
_MTIME = 1_704_067_200  # 2024-01-01, as in the wheels


@dataclass(frozen=True)
class Wheel:
    """What a wheel is made from.

    `entry_points` are console scripts (`{"tool": "package:main"}`).  `files` are
    the contents besides `.dist-info`; by default one package with `__version__`
    and a `main()` that prints name and version.
    """

    name: str
    version: str
    requires: Sequence[str] = ()
    requires_python: str | None = None
    tags: Sequence[str] = ("py3-none-any",)
    files: Mapping[str, str | bytes] | None = None
    entry_points: Mapping[str, str] | None = None
    extras: Mapping[str, Sequence[str]] | None = None

    @property
    def project(self) -> str:
        """The normalized name (PEP 503)."""
        return canonicalize_name(self.name)

    @property
    def package(self) -> str:
        """The name in file names and of the default import package."""
        return self.project.replace("-", "_")

    @property
    def stem(self) -> str:
        """`name-version` as in file names; a local version keeps its `+` (PEP 440)."""
        return f"{self.package}-{Version(self.version)}"

    @property
    def dist_info(self) -> str:
        """Name of the metadata folder inside the wheel."""
        return f"{self.stem}.dist-info"

    @property
    def filename(self) -> str:
        """The wheel's file name, its tags as one compressed tag set (PEP 425)."""
        return f"{self.stem}-{_compressed(self.tags)}.whl"

    @property
    def sdist_filename(self) -> str:
        """The sdist's file name (PEP 625)."""
        return f"{self.stem}.tar.gz"


def build(wheel: Wheel) -> tuple[str, bytes]:
    """Make the wheel file; return its name and its bytes."""
    return wheel.filename, backend.pack(_entries(wheel), wheel.dist_info)


def sdist(wheel: Wheel, *, static_metadata: bool = True) -> tuple[str, bytes]:
    """Make an sdist that builds into exactly `build(wheel)` without any network.

    With `static_metadata=False` its PKG-INFO calls the dependencies dynamic
    (PEP 643), so that a resolver has to build it to learn them.
    """
    contents = {
        "PKG-INFO": metadata(wheel) if static_metadata else _dynamic_metadata(wheel),
        "pyproject.toml": _PYPROJECT,
        "in_tree/backend.py": inspect.getsource(backend).encode(),
        backend.WHEEL_NAME: wheel.filename.encode(),
    }
    contents |= {f"{backend.TREE}/{name}": data for name, data in _entries(wheel).items()}
    return wheel.sdist_filename, _tar_gz(wheel.stem, contents)


def write(wheel: Wheel, folder: Path) -> Path:
    """Make the wheel file in `folder`, which is created if need be."""
    filename, data = build(wheel)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / filename
    path.write_bytes(data)
    return path


def metadata(wheel: Wheel) -> bytes:
    """Make the core metadata: METADATA in a wheel, PKG-INFO in an sdist."""
    return _headers([*_identity(wheel), *_dependencies(wheel)])


def _dynamic_metadata(wheel: Wheel) -> bytes:
    dynamic = [("Dynamic", "Requires-Dist"), ("Dynamic", "Provides-Extra")]
    return _headers([*_identity(wheel), *dynamic])


def _identity(wheel: Wheel) -> list[tuple[str, str]]:
    lines = [
        ("Metadata-Version", _METADATA_VERSION),
        ("Name", wheel.name),
        ("Version", str(Version(wheel.version))),
        ("Summary", f"{wheel.name}, made for a test"),
    ]
    if wheel.requires_python is not None:
        lines.append(("Requires-Python", wheel.requires_python))
    return lines


def _dependencies(wheel: Wheel) -> list[tuple[str, str]]:
    lines = [("Requires-Dist", str(Requirement(text))) for text in wheel.requires]
    for name, requires in (wheel.extras or {}).items():
        extra = canonicalize_name(name)  # PEP 685
        lines.append(("Provides-Extra", extra))
        lines += [("Requires-Dist", _under_extra(text, extra)) for text in requires]
    return lines


def _under_extra(text: str, extra: str) -> str:
    """Add `extra == ...` to the marker that the requirement has already (PEP 508)."""
    requirement = Requirement(text)
    marker = f'extra == "{extra}"'
    if requirement.marker is not None:
        marker = f"({requirement.marker}) and {marker}"
        requirement.marker = None
    # A URL is ended by a space before the semicolon; elsewhere the space does no harm.
    return f"{requirement} ; {marker}"


def _headers(lines: Sequence[tuple[str, str]]) -> bytes:
    return "".join(f"{key}: {value}\n" for key, value in lines).encode()


def _entries(wheel: Wheel) -> dict[str, bytes]:
    """List everything in the wheel but RECORD."""
    files = _default_files(wheel) if wheel.files is None else wheel.files
    entries = {
        name: data.encode() if isinstance(data, str) else data for name, data in files.items()
    }
    entries[f"{wheel.dist_info}/METADATA"] = metadata(wheel)
    entries[f"{wheel.dist_info}/WHEEL"] = _wheel_file(wheel.tags)
    if wheel.entry_points:
        entries[f"{wheel.dist_info}/entry_points.txt"] = _entry_points(wheel.entry_points)
    return entries


def _default_files(wheel: Wheel) -> dict[str, str]:
    source = (
        f'__version__ = "{Version(wheel.version)}"\n\n\n'
        f'def main():\n    print("{wheel.project}", __version__)\n'
    )
    return {f"{wheel.package}/__init__.py": source}


def _wheel_file(tags: Sequence[str]) -> bytes:
    pure = all(tag.endswith("-any") for tag in tags)
    return _headers(
        [
            ("Wheel-Version", "1.0"),
            ("Generator", "tests.index"),
            ("Root-Is-Purelib", str(pure).lower()),
            *(("Tag", tag) for tag in tags),
        ]
    )


def _entry_points(scripts: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name} = {target}\n" for name, target in scripts.items())
    return f"[console_scripts]\n{lines}".encode()


def _compressed(tags: Sequence[str]) -> str:
    """Join tags to `py2.py3-none-any`; only a full product can be written so."""
    if not tags:
        raise ValueError("a wheel needs at least one tag")
    columns = [list(dict.fromkeys(column)) for column in zip(*map(_parts, tags), strict=True)]
    if set(itertools.product(*columns)) != set(map(_parts, tags)):
        raise ValueError(f"no compressed tag set says exactly {', '.join(tags)}")
    return "-".join(".".join(column) for column in columns)


def _parts(tag: str) -> tuple[str, ...]:
    parts = tuple(tag.split("-"))
    if len(parts) != 3:
        raise ValueError(f"not an interpreter-abi-platform tag: {tag}")
    return parts


_PYPROJECT = b"""\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["in_tree"]
"""


def _tar_gz(root: str, contents: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(contents):
            info = tarfile.TarInfo(f"{root}/{name}")
            info.size = len(contents[name])
            info.mtime = _MTIME
            archive.addfile(info, io.BytesIO(contents[name]))
    return gzip.compress(packed.getvalue(), mtime=0)
