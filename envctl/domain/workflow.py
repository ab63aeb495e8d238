"""What a project's continuous integration does, as its workflow files are told of it (GitHub Actions, reference)."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from envctl.errors import ExportError

CHOICE = "# chosen: "
"""What stands before the choice in a file that remembers it, at the beginning of a line."""
OWN_PYTHON = (3, 11)
"""The oldest Python that runs envctl itself."""
_NEW_ENOUGH = "3.13"
_SECRET = re.compile(r"(?:^|,)id=([A-Za-z0-9_.-]+)(?:,|$)")
_ODD = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What the command line chose; a file remembers it, so that the next call need not repeat it.

    ``source``: where envctl comes from, as pip takes it; ``None``: a variable of the repository says it. ``branch``:
    the default one. ``runner``: labels; empty: what the lock's platforms ask for. ``python``: of the environment.
    ``profiles``: empty for all.
    """

    source: str | None = None
    branch: str | None = None
    runner: tuple[str, ...] = ()
    python: str | None = None
    profiles: tuple[str, ...] = ()

    def over(self, earlier: "Choice") -> "Choice":
        """Return this choice, and an earlier one where this one says nothing."""
        return Choice(
            source=self.source or earlier.source,
            branch=self.branch or earlier.branch,
            runner=self.runner or earlier.runner,
            python=self.python or earlier.python,
            profiles=self.profiles or earlier.profiles,
        )

    def line(self) -> str:
        """Return it as one line of a YAML comment."""
        table = {
            "branch": self.branch,
            "from": self.source,
            "profiles": list(self.profiles),
            "python": self.python,
            "runner": list(self.runner),
        }
        return CHOICE + json.dumps({name: value for name, value in table.items() if value})


def chosen(text: str | None) -> Choice:
    """Return the choice that a file remembers; of one that does not, or not any more, an empty one."""
    for line in (text or "").splitlines():
        if not line.startswith(CHOICE):
            continue
        try:
            table = json.loads(line.removeprefix(CHOICE))
            return Choice(
                source=_text(table.get("from")),
                branch=_text(table.get("branch")),
                runner=tuple(map(str, table.get("runner", ()))),
                python=_text(table.get("python")),
                profiles=tuple(map(str, table.get("profiles", ()))),
            )
        except (ValueError, AttributeError, TypeError):
            return Choice()
    return Choice()


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """What is done for one profile, or for the project that has none.

    ``dockerfile``: ``None``, where no image is described. ``runner``: labels. ``blind``: the profile needs a GPU, and
    that runner has none. ``hermetic``: the image's wheels are fetched before it is built. ``secrets``: those that the
    user's own steps of the Dockerfile ask for, by their ids.
    """

    profile: str | None
    lock: str
    dockerfile: str | None
    folder: str
    runner: tuple[str, ...]
    blind: bool = False
    hermetic: bool = False
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """``folder``: the project's, as seen from the repository's top, empty for the top itself.

    ``logins``: the variables that hold a login for an index, without ``_USERNAME`` and ``_PASSWORD``. ``managed``:
    envctl makes the environment; else another tool does, and what it makes is not looked at.
    """

    folder: str
    branch: str
    python: str
    variants: tuple[Variant, ...]
    logins: tuple[str, ...]
    choice: Choice
    managed: bool = True

    @property
    def pythons(self) -> tuple[str, ...]:
        """The environment's Python, and where that is too old, one for envctl itself: the last is the default one."""
        minor = tuple(int(number) for number in self.python.split(".")[:2])
        return (self.python,) if minor >= OWN_PYTHON else (self.python, _NEW_ENOUGH)

    @property
    def suffix(self) -> str:
        """What tells this project's files and branches from those of another project in the repository."""
        return suffix(self.folder)

    @property
    def titled(self) -> str:
        """The folder in brackets, for people to read."""
        return f" ({self.folder})" if self.folder else ""

    def path(self, name: str) -> str:
        """Return a file of the project as seen from the repository's top."""
        return f"{self.folder}/{name}" if self.folder else name


def suffix(folder: str) -> str:
    """Return a project's folder as a part of names for files and branches: another one for each; empty for the top."""
    if not folder:
        return ""
    steps = folder.split("/")
    named = [_ODD.sub("-", step).strip("-") or "x" for step in steps]
    name = ".".join(named)
    if named != steps or steps[-1].lower() == "lock":  # git refuses a branch `….lock`
        name += f"-{hashlib.sha256(folder.encode()).hexdigest()[:6]}"
    return name


def build_secrets(dockerfile: str) -> tuple[str, ...]:
    """Return the ids of the secrets that a Dockerfile's steps ask for, less those that envctl gives by itself."""
    mounts = re.findall(r"--mount=(\S*\btype=secret\b\S*)", dockerfile)
    ids = (found[1] for mount in mounts if (found := _SECRET.search(mount)))
    return tuple(dict.fromkeys(each for each in ids if each not in ("ca", "netrc")))


def secret_variable(name: str) -> str:
    """Return what a secret is called in GitHub's settings ("Naming your secrets")."""
    plain_name = re.sub(r"[^A-Z0-9_]", "_", name.upper())
    return plain_name if re.match(r"(?!GITHUB_)[A-Z_]", plain_name) else f"SECRET_{plain_name}"


def plain(text: str, where: str) -> str:
    """Return a text that a workflow can hold; raises ``ExportError`` for one in which GitHub would replace something.

    There is no way to write ``${{`` in a key that takes no expression, nor a line end in a path.
    """
    if text and text.isprintable() and "${{" not in text:
        return text
    raise ExportError(
        f"a workflow cannot name {text!r}" if text else "a workflow cannot do without it",
        where=where,
        hint="use a name without line ends, control characters and `${{`",
    )


def filter_pattern(text: str) -> str:
    """Return a pattern of ``on.push.paths`` or ``branches`` that is just this text ("Filter pattern cheat sheet")."""
    return re.sub(r"[\\*?+\[\]!]", r"\\\g<0>", text)


def hash_pattern(path: str) -> str:
    """Return a pattern of ``hashFiles`` that is just this file, by the rules of ``@actions/glob``."""
    escaped = re.sub(r"[\[?*]", r"[\g<0>]", path.replace("\\", "\\\\"))
    # At its beginning a space is cut off, `#` makes a comment, `!` an exclusion and `~` the home folder.
    return f"./{escaped}" if escaped[:1] in " #!~" else escaped


def literal(text: str) -> str:
    """Return a text as an expression writes it ("Evaluate expressions", Literals)."""
    return "'" + text.replace("'", "''") + "'"


def runner_of(platforms: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the label of a machine of GitHub's that one of the platforms (system, processor) is; empty: of none."""
    there = set(platforms)
    if not there:
        return ("ubuntu-latest",)
    return next((label for platform, label in _LABELS if platform in there), ())


_LABELS = (
    (("linux", "x86_64"), ("ubuntu-latest",)),
    (("linux", "aarch64"), ("ubuntu-24.04-arm",)),
    (("macos", "arm64"), ("macos-latest",)),
)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
