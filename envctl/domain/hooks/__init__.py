"""The hooks that keep a repository in order: what each looks at, and when git starts it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from envctl.domain.finding import Layer
from envctl.errors import UsageError

BEGIN = "# >>> envctl hooks: written by `envctl hooks install`, taken out by `uninstall` >>>"
END = "# <<< envctl hooks <<<"
BEFORE = "before-envctl"
"""What the name of a hook that was there before ends in, while ours starts it."""

GIT_HOOKS = ("pre-commit", "pre-merge-commit", "post-checkout", "post-merge", "post-rewrite")
COMMIT_HOOKS = ("pre-commit", "pre-merge-commit")

FILES = (
    r"^(.*/)?(pyproject\.toml|pylock(\.[^./]+)?\.toml|Dockerfile[^/]*|[^/]*\.dockerignore"
    r"|\.envctl/(image|machines)/.*)$"
)
"""Which files of a repository the hooks of a commit are about, as pre-commit's ``files`` has it."""
_FILES = re.compile(FILES.removesuffix("$"), re.DOTALL)
_OWN = re.compile(r"(.*?/)?\.envctl/(image|machines)/.*", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hook:
    """One hook. ``layers``: of ``verify``. ``mends``: the command that it calls where they disagree."""

    name: str
    title: str
    about: str
    layers: tuple[Layer, ...]
    stages: tuple[str, ...]
    mends: str | None = None

    @property
    def id(self) -> str:
        """Its name in pre-commit's files."""
        return f"envctl-{self.name}"

    @property
    def entry(self) -> str:
        """The command; names of files follow, and one may begin with a dash."""
        return f"envctl hooks run {self.name} --"

    @property
    def at_commit(self) -> bool:
        """Whether it can refuse a commit."""
        return "pre-commit" in self.stages


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where hooks come from: a repository of envctl's with a revision, or (both ``None``) this machine."""

    repo: str | None = None
    rev: str | None = None


_COMMIT = ("pre-commit", "pre-merge-commit", "manual")
HOOKS = (
    Hook(
        name="lock",
        title="envctl lock",
        about="Write the lock anew when it does not answer the manifest any more.",
        layers=("lock",),
        stages=_COMMIT,
        mends="lock",
    ),
    Hook(
        name="dockerfile",
        title="envctl dockerize",
        about="Write the Dockerfile anew when it does not match the lock any more.",
        layers=("image",),
        stages=_COMMIT,
        mends="dockerize",
    ),
    Hook(
        name="verify",
        title="envctl verify (lock, image, fleet)",
        about=(
            "Refuse a commit whose lock or Dockerfile does not match, or whose lock a recorded machine cannot run."
        ),
        layers=("lock", "image", "fleet"),
        stages=("pre-commit", "pre-merge-commit", "pre-push", "manual"),
    ),
    Hook(
        name="environment",
        title="envctl verify (environment)",
        about="Say after a checkout, merge or rebase that .venv is no longer what the lock says.",
        layers=("environment",),
        stages=("post-checkout", "post-merge", "post-rewrite", "manual"),
    ),
)
"""In the order in which they run: those that write come first."""
NAMES = tuple(each.name for each in HOOKS)
DEFAULT = ("verify", "environment")


def hook(name: str) -> Hook:
    """Return the hook of that name; raises ``UsageError``."""
    for each in HOOKS:
        if name in (each.name, each.id):
            return each
    raise UsageError(
        f"there is no hook `{name}`", where="hooks", hint=f"the hooks are: {', '.join(NAMES)}"
    )


def in_order(names: Iterable[str]) -> tuple[Hook, ...]:
    """Return the hooks of these names, each once, in the order in which they run."""
    wanted = {hook(name) for name in names}
    return tuple(each for each in HOOKS if each in wanted)


def git_hooks(hooks: Iterable[Hook]) -> tuple[str, ...]:
    """Return the git hooks that start these."""
    stages = {stage for each in hooks for stage in each.stages}
    return tuple(each for each in GIT_HOOKS if each in stages)


def folder_of(name: str) -> str | None:
    """Return the folder whose project a file of the repository belongs to; ``None``: no hook is about that file."""
    # First, for an image's folder holds locks of its own.
    found = _OWN.fullmatch(name) or _FILES.fullmatch(name)
    return None if found is None else (found[1] or "").removesuffix("/")
