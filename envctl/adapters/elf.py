"""What an ELF file asks of the loader, read by pyelftools. Nothing is run, and nothing in the file is believed."""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any

from envctl.domain.image.contents import Needs

MAGIC = b"\x7fELF"
_MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64"}
_MOST_TAGS = 10_000
_LONGEST = 4096  # a name; PATH_MAX


def needs(file: IO[bytes]) -> Needs | None:
    """Return what a file needs; ``None`` when it is no 64-bit ELF file that can be read, or is not dynamic.

    ``file`` can be sought.
    """
    from elftools.common.exceptions import ELFError  # noqa: PLC0415  # lazy: seldom needed
    from elftools.construct import ConstructError  # noqa: PLC0415
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415

    try:
        return _needs(ELFFile(file))
    # A damaged file, or one that was made to hurt whoever reads it.
    except (ELFError, ConstructError, struct.error, ValueError, KeyError, OverflowError, TypeError):
        return None
    except (AttributeError, IndexError, RecursionError, MemoryError, OSError, AssertionError):
        return None


def _needs(found: Any) -> Needs | None:
    machine = _MACHINES.get(found["e_machine"])
    dynamic = next((s for s in _segments(found) if s["p_type"] == "PT_DYNAMIC"), None)
    if machine is None or dynamic is None:
        return None
    tags = [
        (tag["d_tag"], tag["d_val"])
        for tag in islice(_tags(found, dynamic), _MOST_TAGS)
        if tag["d_tag"] in ("DT_NEEDED", "DT_RPATH", "DT_RUNPATH", "DT_SONAME", "DT_STRTAB")
    ]
    strings = _offset(found, next((value for tag, value in tags if tag == "DT_STRTAB"), 0))
    texts = [(tag, _text(found.stream, strings + value)) for tag, value in tags if strings]
    own = {tag: text for tag, text in texts if tag != "DT_NEEDED"}
    ways = own.get("DT_RUNPATH") or own.get("DT_RPATH") or ""
    return Needs(
        machine=machine,
        needed=tuple(text for tag, text in texts if tag == "DT_NEEDED" and text),
        paths=tuple(way for way in ways.split(":") if way),
        name=own.get("DT_SONAME", ""),
    )


def _segments(found: Any) -> Iterator[Any]:
    for number in range(min(found.num_segments(), _MOST_TAGS)):
        # The bare header: pyelftools' own segment reads every section first.
        yield found._get_segment_header(number)  # noqa: SLF001


def _tags(found: Any, dynamic: Any) -> Iterator[Any]:
    form = found.structs.Elf_Dyn
    found.stream.seek(dynamic["p_offset"])
    for _ in range(dynamic["p_filesz"] // form.sizeof()):
        tag = form.parse_stream(found.stream)
        if tag["d_tag"] == "DT_NULL":
            return
        yield tag


def _offset(found: Any, address: int) -> int:
    """Return where in the file an address of the running program lies; 0: nowhere."""
    for segment in _segments(found):
        start = segment["p_vaddr"]
        if segment["p_type"] == "PT_LOAD" and start <= address < start + segment["p_filesz"]:
            return int(segment["p_offset"] + address - start)
    return 0


def _text(stream: IO[bytes], at: int) -> str:
    stream.seek(at)
    return stream.read(_LONGEST).partition(b"\0")[0].decode("utf-8", "replace")
