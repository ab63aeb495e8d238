"""What the lock says, in another tool's format."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from packaging.pylock import Package
from packaging.specifiers import SpecifierSet

from envctl.domain.export import Excerpt, Settings, indexes_of, packages_of
from envctl.domain.lock import Lock, inputs_of
from envctl.domain.lock.slices import Target
from envctl.domain.lock.state import answers
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import parse_platform
from envctl.domain.variables import classify
from envctl.emitters.exports import Format
from envctl.errors import ExportError, ManifestError, UsageError
from envctl.ports import Project
from envctl.readers.addresses import public
from envctl.usecases import load
from envctl.usecases import output as outputs

_PYTHON = re.compile(r"3\.\d+(\.\d+)?")
_ONE_MINOR = re.compile(r"==(3\.\d+(?:\.\d+)?)(?:\.\*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What of the lock is wanted, by normalised names, and the format's own options.

    ``words``: the command line that said so, after ``envctl export``.
    """

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    platform: str | None = None
    python: str | None = None
    settings: Settings = field(default_factory=dict)
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOutcome:
    """The text, what came of it in a file (``None``: there is none), and what a person should know."""

    text: str
    packages: int
    delivery: outputs.Delivery | None
    warnings: tuple[str, ...]
    stale: bool


def export(
    project: Project,
    manifest: Manifest,
    form: Format,
    *,
    choice: Choice,
    pip_index: str,
    output: str | None = None,
    lock_name: str = load.LOCK,
) -> ExportOutcome:
    """Write the chosen part of a lock; into the project's file ``output``, if there is one.

    ``pip_index``: the index that pip asks when nobody names one. Raises ``LockError`` for a group, extra or platform
    that the lock does not have, ``ExportError`` for what the format cannot say, ``UsageError``.
    """
    if output is not None:
        _check_name(output, manifest, form, lock_name)
    lock = load.required_lock(project, lock_name)
    excerpt = _excerpt(project, manifest, lock, choice, pip_index.rstrip("/"), lock_name)
    made = form.emit(excerpt, choice.settings)
    warnings = made.warnings
    delivery: outputs.Delivery | None = None
    if output is not None:
        if "/" in output:
            warnings += tuple(_relative(excerpt.packages))
        with project.locked("export"):
            delivery = outputs.write(project, output, made.text)
    return ExportOutcome(
        text=made.text,
        packages=len(excerpt.packages),
        delivery=delivery,
        warnings=warnings,
        stale=lock.ours and not answers(lock, manifest),
    )


def _excerpt(
    project: Project,
    manifest: Manifest,
    lock: Lock,
    choice: Choice,
    pip_index: str,
    lock_name: str,
) -> Excerpt:
    target = _target(manifest, lock, choice)
    packages = packages_of(
        lock, target, groups=choice.groups, extras=choice.extras, where=lock_name
    )
    _no_credentials(packages, lock_name)
    env = lock.env if lock.ours else manifest.env
    return Excerpt(
        project=manifest.name or project.root.name,
        lock=lock,
        lock_name=lock_name,
        packages=packages,
        groups=choice.groups,
        extras=choice.extras,
        target=target,
        indexes=indexes_of(packages, manifest, pip_index),
        pip_index=pip_index,
        python=manifest.python,
        env={name: text for name, text in sorted(env.items()) if classify(name) != "secret"},
        inputs=lock.inputs or inputs_of(manifest),
        words=choice.words,
    )


def _target(manifest: Manifest, lock: Lock, choice: Choice) -> Target | None:
    """Return the one platform that was asked for; ``None``: all of the lock's."""
    if choice.platform is None:
        if choice.python is not None:
            raise UsageError(
                "a Python alone chooses nothing",
                where="--python",
                hint="name the platform as well, for example `--platform linux-x86_64`",
            )
        return None
    try:
        platform = parse_platform(choice.platform, "--platform")
    except ManifestError as error:
        raise UsageError(error.message, where=error.where, hint=error.hint) from error
    if platform.libc is None:
        # The declared one has the libc that the lock was made for.
        same = (p for p in manifest.platforms if replace(p, libc=None) == platform)
        platform = next(same, platform)
    return Target(platform=platform, python=_python(manifest, lock, choice.python))


def _python(manifest: Manifest, lock: Lock, asked: str | None) -> str:
    wanted = lock.pylock.requires_python or SpecifierSet()
    only = _ONE_MINOR.fullmatch(str(wanted))
    python = asked or manifest.python or (only[1] if only else None)
    if python is None or not _PYTHON.fullmatch(python):
        what = f"`{python}` is not a Python version" if python else "which Python is it for?"
        raise UsageError(
            what,
            where="--python",
            hint=f"name one that the lock serves ({wanted or 'any'}), for example `--python 3.12`",
        )
    full = python if python.count(".") == 2 else f"{python}.0"
    if python == asked and not wanted.contains(full, prereleases=True):
        raise UsageError(
            f"the lock is for Python {wanted}, not {python}",
            where="--python",
            hint="leave it out, or change the manifest's Python and run `envctl lock`",
        )
    return python


def _check_name(output: str, manifest: Manifest, form: Format, lock_name: str) -> None:
    name = output.rpartition("/")[2]
    own = {lock_name, *(f"pylock.{profile}.toml" for profile in manifest.profiles)}
    outputs.check(output, example=form.FILE, own=own)
    if not re.fullmatch(form.FILES, name):
        raise UsageError(
            f"`{name}` cannot name such a file",
            where="--output",
            hint=f"name it like `{form.FILE}`; PEP 751 allows no further dot",
        )


def _no_credentials(packages: Iterable[Package], lock_name: str) -> None:
    """Refuse what another tool may have written into its lock: nothing of it is passed on."""
    for package in packages:
        for address in _addresses(package):
            if public(address) != address:
                raise ExportError(
                    f"the address of `{package.name}` holds what may be a credential",
                    where=lock_name,
                    hint="run `envctl lock`, and keep credentials in your keyring or ~/.netrc",
                )


def _addresses(package: Package) -> Iterator[str]:
    if package.index:
        yield package.index
    for file in (package.vcs, package.archive, package.sdist, *(package.wheels or ())):
        if file is not None and file.url:
            yield file.url


def _relative(packages: Iterable[Package]) -> Iterator[str]:
    """Warn of paths: they are read from where the file lies, or from where pip is started."""
    for package in packages:
        source = package.directory or package.archive
        if source is not None and source.path and not source.path.startswith("/"):
            yield f"`{package.name}` lies at a path seen from the project's folder: use the file there"
