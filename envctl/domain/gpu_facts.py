"""Look-ups in ``envctl/data/gpu.json``: a dated table of what NVIDIA and PyTorch publish, with its sources."""

import json
from functools import cache
from importlib.resources import files
from typing import Any, cast

Numbers = tuple[int, ...]


def numbers(version: str) -> Numbers:
    """Read a dotted version for comparison (``"580.65.06"`` is ``(580, 65, 6)``); what follows them is cut off."""
    found = []
    for part in version.split("."):
        if not (part.isascii() and part.isdigit()):
            break
        found.append(int(part))
    return tuple(found)


@cache
def _data() -> dict[str, Any]:
    text = files("envctl").joinpath("data/gpu.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def date() -> str:
    """Return the month up to which the tables were read."""
    return str(_data()["date"])


def rows(table: str) -> list[dict[str, Any]]:
    """Return the rows of one table, in the file's order."""
    return cast("list[dict[str, Any]]", _data()[table]["rows"])


def driver_floor(cuda: str) -> str | None:
    """Return the oldest Linux driver for a CUDA major under minor-version compatibility."""
    major = numbers(cuda)[0]
    return next((r["linux"] for r in rows("minor_version_floor") if r["major"] == major), None)


def driver_full(cuda: str) -> str | None:
    """Return the oldest Linux driver that speaks a CUDA minor itself, by NVIDIA's table.

    The minor's first release counts: point releases bring no newer PTX or driver interface. A minor that is not
    in the table (12.7 never came out) is served by the next one of its major; with none, the answer is unknown.
    """
    wanted = numbers(cuda)[:2]
    if len(wanted) < 2:
        return None
    known = [(numbers(r["toolkit"])[:2], str(r["linux"])) for r in rows("toolkit_driver")]
    published = {minor for minor, _ in known}
    known += [
        (minor, str(r["branch"]))
        for r in rows("toolkit_branch")
        if (minor := numbers(r["toolkit"])) not in published
    ]
    enough = [(minor, d) for minor, d in known if minor[0] == wanted[0] and minor >= wanted]
    return min(enough, key=lambda each: (each[0], numbers(each[1])))[1] if enough else None


def torch_default(version: str) -> str | None:
    """Return the CUDA (``12.8``) of the wheel without a local tag; an unlisted patch follows its minor's row."""
    minor = numbers(version)[:2]
    for row in rows("torch_default"):
        if numbers(row["torch"])[:2] == minor:
            return ".".join(str(row["cuda"]).split(".")[:2])
    return None


def torch_kernels(
    version: str, cuda: str, machine: str
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return the compute capabilities of a torch wheel's cubins and of its PTX, if they are known."""
    minor = ".".join(version.split(".")[:2])
    for row in rows("torch_kernels"):
        if minor in row["torch"] and row["cuda"] == cuda and row["machine"] == machine:
            return tuple(row["sm"]), tuple(row["ptx"])
    return None
