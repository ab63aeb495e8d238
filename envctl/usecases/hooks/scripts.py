"""Our hooks as scripts that git starts by itself, beside whatever hooks there are."""

from collections.abc import Iterator
from pathlib import PurePath

from envctl.domain.hooks import BEFORE, DEFAULT, GIT_HOOKS, HOOKS, Hook, git_hooks, in_order
from envctl.domain.hooks.scripts import HookFile
from envctl.domain.hooks.state import Active
from envctl.emitters import git_hook
from envctl.errors import ProjectError
from envctl.usecases.hooked.doors import Doors


def install(doors: Doors, hooks: tuple[Hook, ...] | None) -> tuple[tuple[str, ...], list[str]]:
    """Write the scripts; return the paths of those that changed, and what a person should know.

    Raises ``ProjectError`` where the folder is not this repository's, or somebody's hook can be neither kept nor left.
    """
    _refuse_folder(doors)
    files = {name: doors.folder.look(name) for name in GIT_HOOKS}
    there = [each for file in files.values() for each in _ours(file) or ()]
    wanted = hooks or in_order(there or DEFAULT)
    names = git_hooks(wanted)
    texts = {name: _script(doors, name, wanted) for name in names}
    for name in names:
        _refuse(doors, files[name])
    changed, notes = [], []
    for name, text in texts.items():
        file = files[name]
        if file.text == text and file.runs:
            continue
        if file.there and _ours(file) is None:
            notes.append(_kept(file))
        doors.folder.put(name, text)
        changed.append(_seen(doors, file))
    for name, file in files.items():
        if name not in names and _ours(file) is not None:
            doors.folder.take(name)
            changed.append(_seen(doors, file))
    if changed and doors.folder.place == "tree":
        notes.append(f"{doors.folder.path} is the team's: commit what was written there")
    return tuple(changed), notes


def uninstall(doors: Doors) -> tuple[tuple[str, ...], list[str]]:
    """Take the scripts away and put back what was there before; return their paths, and what could not be done."""
    changed, notes = [], []
    for name in GIT_HOOKS:
        file = doors.folder.look(name)
        left = file.kept and (not file.there or file.same)
        if _ours(file) is not None or left:
            doors.folder.take(name)
            changed.append(_seen(doors, file))
        elif file.kept:
            notes.append(f"another hook has taken {name}'s place; {file.path}.{BEFORE} stays")
        elif file.legacy is not None and git_hook.named(file.legacy) is not None:
            notes.append(f"{file.path}.legacy is envctl's: pre-commit has put it there; remove it")
    return tuple(changed), notes


def active(doors: Doors) -> Iterator[Active]:
    """Yield the hooks that scripts of ours start."""
    files = {name: doors.folder.look(name) for name in GIT_HOOKS}
    there = {name: found for name, file in files.items() if (found := _within(file))}
    named = in_order(each for found in there.values() for each in found)
    for hook in named:
        mine = git_hooks([hook])
        started = tuple(
            each for each in mine if hook.name in there.get(each, ()) and files[each].runs
        )
        yield Active(
            hook=hook.name,
            means="git",
            where=str(doors.folder.path),
            started=started,
            lacking=tuple(each for each in mine if each not in started),
            current=all(_script(doors, each, named) in files[each].texts for each in started),
        )


def _script(doors: Doors, name: str, hooks: tuple[Hook, ...]) -> str:
    if doors.folder.place == "tree":
        return git_hook.script(name, hooks, python=None)
    python, flags = doors.python()
    return git_hook.script(name, hooks, python=python, flags=flags)


def _seen(doors: Doors, file: HookFile) -> str:
    """Return a script's path as the top of the repository sees it; whole where it lies elsewhere."""
    path, top = PurePath(file.path), doors.repository.top
    return str(path.relative_to(top)) if path.is_relative_to(top) else file.path


def _ours(file: HookFile) -> tuple[str, ...] | None:
    return None if file.text is None else git_hook.named(file.text)


def _within(file: HookFile) -> tuple[str, ...]:
    """Return what a script of ours starts, wherever git's start of the hook comes by it."""
    found = [named for each in file.texts if (named := git_hook.named(each))]
    return found[0] if found else ()


def _kept(file: HookFile) -> str:
    if file.runs:
        return f"the {file.name} hook that was there runs first, as {file.name}.{BEFORE}"
    return (
        f"the {file.name} hook that was there may not be executed, so git never ran it; "
        f"it is kept as {file.name}.{BEFORE}"
    )


def _refuse_folder(doors: Doors) -> None:
    path = doors.folder.path
    lines = " and ".join(
        f"`envctl hooks run {each.name}`" for each in HOOKS if each.name in DEFAULT
    )
    if doors.folder.place == "outside":
        raise ProjectError(
            "git's setting core.hooksPath names a folder that other repositories use as well",
            where=str(path),
            hint=f"add {lines} to its pre-commit and post-checkout yourself, "
            "or give this repository hooks of its own: `git config core.hooksPath .githooks`",
        )
    if doors.folder.place == "ignored":
        raise ProjectError(
            "another program writes the hooks of this repository",
            where=str(path),
            hint=f"add {lines} to the pre-commit and post-checkout that it starts, "
            "such as .husky/pre-commit",
        )


def _refuse(doors: Doors, file: HookFile) -> None:
    if not file.there or _ours(file) is not None:
        return
    if doors.folder.place == "tree":
        calls = [f"`envctl hooks run {each.name}`" for each in HOOKS if each.name in DEFAULT]
        call = calls[0] if file.name.startswith("pre-") else f"{calls[1]} with ` || :` behind it"
        raise ProjectError(
            f"the team's own {file.name} hook stands there",
            where=file.path,
            hint=f"add the line {call} to it",
        )
    if file.kept and not file.same:
        raise ProjectError(
            "two hooks of somebody else's stand there, and only one of them can be kept",
            where=file.path,
            hint=f"put them together in one file, and remove {file.path}.{BEFORE}",
        )
