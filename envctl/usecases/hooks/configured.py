"""Our hooks by way of pre-commit or prek: in their configuration, which the git hooks of theirs read."""

import re
import shlex
from collections.abc import Collection, Iterator
from typing import Literal

from envctl.domain.hooks import DEFAULT, GIT_HOOKS, git_hooks, in_order
from envctl.domain.hooks.state import Active, Done, Wish
from envctl.usecases.hooked.doors import Doors
from envctl.usecases.hooks import configuration

_OPTION = re.compile(r"""'--config=([^']*)'|--config=('[^']*'|"[^"]*"|[^\s)]+)""")
_MADE = "# Made by `envctl hooks install`.\n"


def found(doors: Doors) -> tuple[str, str | None]:
    """Return the configuration's name and text; ``None``: there is none, and that is how it would be named."""
    for name in (*_named(doors), *configuration.NAMES):
        if (text := doors.read(name)) is not None:
            return name, text
    return configuration.NAMES[0], None


def _named(doors: Doors) -> Iterator[str]:
    """Yield the configurations that the git hooks of pre-commit or prek name (``pre-commit install --config``)."""
    for each in GIT_HOOKS:
        file = doors.folder.look(each)
        for text in file.texts if file.shim else ():
            yield from (each[1] or each[2].strip("'\"") for each in _OPTION.finditer(text))


def used(doors: Doors) -> bool:
    """Whether this repository uses pre-commit or prek."""
    return found(doors)[1] is not None or bool(_started(doors))


def install(doors: Doors, wish: Wish) -> Done:
    """Put the hooks into the configuration; raises ``ManifestError`` for one that cannot be added to."""
    name, text = found(doors)
    there = configuration.read(text or "", name)
    wanted = wish.hooks or there.written or in_order(DEFAULT)
    hooks = tuple(each for each in wanted if each not in there.by_hand)
    notes = [f"{each.id} stands in {name} already" for each in wanted if each in there.by_hand]
    new = text or _MADE * (text is None)
    if hooks:
        new = configuration.put(new, name, hooks, wish.origin or there.origin)
    if hooks and (wish.origin or there.origin).repo is None and not doors.has("envctl"):
        notes.append(
            "they start `envctl`, which is not on your PATH: put it there, or name `--repo`"
        )
    changed: tuple[str, ...] = ()
    if hooks and new != text:
        doors.write(name, new)
        changed = (name,)
    lacking = [each for each in git_hooks(wanted) if each not in _started(doors)]
    return Done(
        means="pre-commit",
        changed=changed,
        notes=(
            *notes,
            *(_unstaged(doors, each) for each in changed),
        ),
        next=f"let git start them: {start(doors, lacking)}" if lacking else None,
    )


def uninstall(doors: Doors) -> tuple[tuple[str, ...], list[str]]:
    """Take the hooks out of the configuration; return the name of the file if it changed, and what to know."""
    name, text = found(doors)
    new = None if text is None else configuration.take_out(text, name)
    if new is None or new == text:
        return (), []
    if new == _MADE:
        doors.remove(name)
        return (name,), []
    note = _unstaged(doors, name)
    doors.write(name, new)
    return (name,), [note]


def active(doors: Doors) -> Iterator[Active]:
    """Yield the hooks that stand in the configuration."""
    name, text = found(doors)
    if text is None:
        return
    there = configuration.read(text, name)
    started = _started(doors)
    current = not there.written or (
        configuration.put(text, name, there.written, there.origin) == text
    )
    for hook in (*there.written, *there.by_hand):
        ours = hook in there.written
        yield Active(
            hook=hook.name,
            means=_tool(doors) if ours else "by hand",
            where=name,
            started=tuple(each for each in git_hooks([hook]) if each in started),
            lacking=tuple(each for each in git_hooks([hook]) if each not in started),
            current=current or not ours,
        )


def start(doors: Doors, lacking: Collection[str]) -> str:
    """Return the command that puts in the git hooks that read the configuration."""
    types = " ".join(f"-t {each}" for each in GIT_HOOKS if each in lacking)
    return f"`{_tool(doors)} install {types}`"


def _unstaged(doors: Doors, name: str) -> str:
    return f"{_tool(doors)} reads it once it is staged: `git add {shlex.quote(name)}`"


def _tool(doors: Doors) -> Literal["pre-commit", "prek"]:
    """Return what reads the configuration: what the git hooks start, else what can."""
    theirs = {shim for each in GIT_HOOKS if (shim := doors.folder.look(each).shim)}
    alone = doors.has("prek") and not doors.has("pre-commit")
    if found(doors)[0] in configuration.NAMES[1:] or theirs == {"prek"} or (alone and not theirs):
        return "prek"
    return "pre-commit"


def _started(doors: Doors) -> frozenset[str]:
    """Return the git hooks that read the configuration."""
    shims = {each for each in GIT_HOOKS if doors.folder.look(each).shim}
    return frozenset(shims | set(doors.folder.events()))
