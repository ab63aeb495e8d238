"""Look-ups in ``envctl/data/gpu.json``: a dated table of what NVIDIA and PyTorch publish, with its sources.

Here: drivers and the CUDA that they speak. Cards are in ``gpu_cards``, what is built for which CUDA in ``gpu_builds``.
"""

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal, cast

Numbers = tuple[int, ...]
System = Literal["linux", "windows"]
_DIGITS = 9  # a record may hold more than Python reads


@lru_cache(maxsize=4096)
def numbers(version: str) -> Numbers:
    """Read a dotted version for comparison (``"580.65.06"`` is ``(580, 65, 6)``); what follows them is cut off."""
    found = []
    for part in version.split("."):
        if not (part.isascii() and part.isdigit()) or len(part) > _DIGITS:
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


def table(name: str) -> dict[str, Any]:
    """Return one table with what it says beside its rows."""
    return cast("dict[str, Any]", _data()[name])


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of one table, in the file's order."""
    return cast("list[dict[str, Any]]", _data()[name]["rows"])


def driver_floor(cuda: str) -> str | None:
    """Return the oldest Linux driver for a CUDA major under minor-version compatibility."""
    major = numbers(cuda)[0]
    return next((r["linux"] for r in rows("minor_version_floor") if r["major"] == major), None)


@cache
def driver_full(cuda: str) -> str | None:
    """Return the oldest Linux driver that speaks a CUDA minor itself, by NVIDIA's table.

    The minor's first release counts: point releases bring no newer PTX or driver interface. A minor that is not
    in the table (12.7 never came out) is served by the next one of its major; with none, the answer is unknown.
    """
    wanted = numbers(cuda)[:2]
    if len(wanted) < 2:
        return None
    known = list(_spoken("linux"))
    published = {minor for minor, _ in known}
    known += [each for each in _branches() if each[0] not in published]
    enough = [(minor, d) for minor, d in known if minor[0] == wanted[0] and minor >= wanted]
    return min(enough, key=lambda each: (each[0], numbers(each[1])))[1] if enough else None


@cache
def drivers(system: System = "linux") -> tuple[tuple[str, str], ...]:
    """Return every driver that the tables name with the CUDA minor that it speaks, oldest first.

    The branches that NVIDIA gives without a number are ``"610"``: their first driver, whichever that is.
    """
    known = {driver: _text(minor) for minor, driver in _branches()}
    known |= {driver: _text(minor) for minor, driver in reversed(list(_spoken(system)))}
    return tuple(sorted(known.items(), key=lambda each: numbers(each[0])))


@lru_cache(maxsize=1024)
def level_of(driver: str, system: System = "linux") -> str | None:
    """Return the CUDA minor that a driver speaks, by the tables; ``None``: it is older than all of them."""
    wanted = numbers(driver)
    spoken = [level for each, level in drivers(system) if numbers(each) <= wanted]
    return max(spoken, key=numbers, default=None)


def newest_toolkit() -> str:
    """Return the newest CUDA minor that the tables know."""
    return max((level for _, level in drivers()), key=numbers)


def branch(driver: str) -> int:
    """Return the branch of a driver: ``535`` of ``535.183.01``."""
    return (numbers(driver) or (0,))[0]


def forward(package: str, driver: str) -> bool:
    """Whether the compat package of a CUDA minor (``cuda-compat-13-0``) works with that driver's branch."""
    branches = [int(each) for each in table("forward_compat")["branches"]]
    if branch(driver) not in branches:
        return False
    column = branches.index(branch(driver))
    return any(r["row"][column] == "C" for r in rows("forward_compat") if r["toolkit"] == package)


def forward_packages(cuda: str, driver: str) -> tuple[str, ...]:
    """Return the compat packages that would let a driver run a CUDA minor, closest first."""
    wanted = numbers(cuda)
    known = sorted((str(r["toolkit"]) for r in rows("forward_compat")), key=numbers)
    return tuple(
        each
        for each in known
        if numbers(each)[0] == wanted[0] and numbers(each) >= wanted and forward(each, driver)
    )


def _spoken(system: System) -> Iterator[tuple[Numbers, str]]:
    for row in rows("toolkit_driver"):
        if row[system] is not None:
            yield numbers(row["toolkit"])[:2], str(row[system])


def _branches() -> Iterator[tuple[Numbers, str]]:
    for row in rows("toolkit_branch"):
        yield numbers(row["toolkit"]), str(row["branch"])


def _text(version: Numbers) -> str:
    return ".".join(map(str, version))
