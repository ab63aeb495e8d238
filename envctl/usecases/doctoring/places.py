"""Caches and disks: is there room, may we write, can files be linked from uv's cache?"""

from collections.abc import Iterator
from shlex import quote

from envctl.domain.checkup.places import Place, amount
from envctl.domain.diagnosis import Diagnosis
from envctl.usecases.doctoring.subject import Subject

_GIB = 1 << 30
_TIGHT = 8 * _GIB  # torch with CUDA takes 5 to 8 GiB once it is installed
_NONE = _GIB // 4
_FEW_FILES = 50_000  # such an environment has 20,000 to 40,000
_LINKED = (
    "set UV_CACHE_DIR to a folder on the project's file system, or UV_LINK_MODE=copy if it is meant"
)
_ROOM = "make room there; `uv cache prune` removes what no project uses any more"


def cache(subject: Subject) -> Iterator[Diagnosis]:
    """Look at uv's cache and at envctl's own."""
    found = _places(subject)
    project = next((each for each in found if each.role == "the project"), None)
    caches = [each for each in found if each.role in ("uv's cache", "envctl's cache")]
    if not any(each.role == "uv's cache" for each in caches):
        yield Diagnosis(
            check="cache",
            state="warn",
            message="uv has no cache here: neither UV_CACHE_DIR, XDG_CACHE_HOME nor HOME is set",
            mend="`export UV_CACHE_DIR=` with a folder that is kept",
        )
    for each in caches:
        yield _cache(each, project, copies=subject.environ.get("UV_LINK_MODE") in ("copy", "clone"))


def disk(subject: Subject) -> Iterator[Diagnosis]:
    """Look at the disks, each once."""
    seen: dict[int, Place] = {}
    for each in _places(subject):
        if each.problem:
            if each.role in ("the project", "temporary files"):
                message = f"{each.role} ({each.path}): {each.problem}"
                mend = "check that the folder is there and may be entered"
                yield Diagnosis(check="disk", state="fail", message=message, mend=mend)
            continue
        if each.role in ("the project", "temporary files"):
            yield from _usable(each)
        if each.device not in seen:
            seen[each.device] = each
            yield _room(each)


def _places(subject: Subject) -> tuple[Place, ...]:
    project = subject.project()
    return subject.checkup.places(project.root if project else None)


def _cache(place: Place, project: Place | None, *, copies: bool) -> Diagnosis:
    what = f"{place.role} ({place.path})"
    if place.problem:
        message = f"{what}: {place.problem}"
        return Diagnosis(check="cache", state="fail", message=message, mend=_mine(place))
    if not place.writable:
        message = f"{what} may not be written to"
        return Diagnosis(check="cache", state="fail", message=message, mend=_mine(place))
    said = f"{what} {_size(place)}"
    linked = place.role == "uv's cache" and project is not None and not copies
    if not linked or project is None or project.problem:
        return Diagnosis(check="cache", state="ok", message=said)
    if project.device != place.device:
        message = f"{said}; it is on another file system than the project, so files are copied"
        return Diagnosis(check="cache", state="warn", message=message, mend=_LINKED)
    message = f"{said}; files are linked from it into the project's environments"
    return Diagnosis(check="cache", state="ok", message=message)


def _size(place: Place) -> str:
    if not place.there:
        return "is not made yet"
    if place.used is None:
        return "is there"
    return f"holds {'more than ' if place.more else ''}{amount(place.used)}"


def _mine(place: Place) -> str:
    variable = "UV_CACHE_DIR" if place.role == "uv's cache" else "XDG_CACHE_HOME"
    return f"`sudo chown -R $(id -u) {quote(place.path)}`, or name another folder in {variable}"


def _usable(place: Place) -> Iterator[Diagnosis]:
    what = f"{place.role} ({place.path})"
    own = place.role == "the project"
    if place.read_only or not place.writable:
        why = (
            "is on a file system that is mounted read-only"
            if place.read_only
            else "may not be written to"
        )
        mend = "work where you may write" if own else "set TMPDIR to a folder that you may write to"
        yield Diagnosis(check="disk", state="fail", message=f"{what} {why}", mend=mend)
    if not place.startable:
        yield Diagnosis(
            check="disk",
            state="fail" if own else "warn",
            message=f"no program can be started in {what}: it is mounted with noexec",
            mend="work on another file system" if own else "set TMPDIR to another folder",
        )


def _room(place: Place) -> Diagnosis:
    message = f"{amount(place.free)} are free for {place.role} ({place.path})"
    few = place.files is not None and place.files < _FEW_FILES
    if few:
        message += f", and {place.files} more files fit"
    if place.free >= _TIGHT and not few:
        return Diagnosis(check="disk", state="ok", message=message)
    if place.free >= _NONE and place.files != 0:
        said = f"{message}; an environment with CUDA takes 5 to 8 GiB"
        return Diagnosis(check="disk", state="warn", message=said, mend=_ROOM)
    return Diagnosis(check="disk", state="fail", message=message, mend=_ROOM)
