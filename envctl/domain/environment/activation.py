"""An environment with its variables, as data: what each way of entering it sets, and whose word counts.

Two moments, two rules for a host variable (``CUDA_VISIBLE_DEVICES``) that has a value already:

- ``envctl run`` is one command in the caller's own surroundings: the caller's value is an explicit word and wins.
- Activation (``source``, ``envctl activate``, ``envctl shell``) is the request to be given the project's variables:
  the declared value is set, the value from before is kept aside and comes back on ``deactivate``.

Inside a scheduler's job both leave its device variables alone, set *or unset*. ``run`` from an activated shell
finds the activated value and keeps it, so the two never disagree.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from envctl.domain.variables import SCHEDULER_VARIABLES, classify, holds_login, scheduler
from envctl.errors import ManifestError

Source = Literal[
    "environment",
    "manifest",
    "profile",
    "env-file",
    "local",
    "caller",
    "scheduler",
    "command line",
    "lease",
]
SOURCES: tuple[Source, ...] = (
    "manifest",
    "profile",
    "env-file",
    "local",
    "caller",
    "scheduler",
    "command line",
    "lease",
)
"""Who may decide on a variable, weakest first. What belongs to the environment itself nobody else declares."""

_WHERE: Mapping[Source, str] = {
    "manifest": "tool.envctl.env",
    "profile": "tool.envctl.profiles",
    "env-file": ".envctl/local.toml: env-file",
    "local": ".envctl/local.toml: env",
}

# What activation itself sets or unsets: a declared value would break it, or be lost.
OWN_NAMES = frozenset({"PATH", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "PYTHONHOME"})
_OWN_PREFIXES = ("_ENVCTL_", "_OLD_VIRTUAL_")
# What a shell keeps for itself: read-only (an assignment ends the script), or with a meaning of its own. Those in
# lower case are zsh's and tcsh's: `export path=…` replaces PATH there.
_SHELL_NAMES = """
_ BASHOPTS BASHPID BASH_VERSINFO BASH_VERSION CURRENT_FILE DIRSTACK EGID ERRNO EUID FILE_PWD FISH_VERSION FUNCNAME GID
GROUPS HISTCMD IFS LINENO OLDPWD OPTARG OPTERR OPTIND PPID PROMPT PS1 PS2 PS3 PS4 PWD RANDOM SECONDS SHELLOPTS SHLVL
TTYIDLE UID USERNAME ZSH_VERSION aliases argv builtins cdpath commands cwd dirstack fignore fish_kill_signal
fish_killring fish_pid fpath functions histchars history home hostname jobstates mailpath manpath module_path modules
nameddirs options parameters path pipestatus prompt psvar saliases shell signals status status_generation term umask
user userdirs version watch zsh_eval_context
"""
SHELLS_OWN = frozenset(_SHELL_NAMES.split())


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """One variable and who decided on it; ``value`` is ``None`` where it stays unset.

    ``over``: the words that count less here, strongest first. The value is kept out of ``repr``: it may be a secret,
    and tracebacks are files.
    """

    name: str
    value: str | None = field(repr=False)
    source: Source
    over: tuple["Assignment", ...] = field(default=(), compare=False, repr=False)

    @property
    def host(self) -> bool:
        """Whether it means something on one machine only."""
        return classify(self.name) == "host"

    @property
    def scheduled(self) -> bool:
        """Whether a scheduler gives a job its devices with it, so that in a job it is the scheduler's."""
        return self.name in SCHEDULER_VARIABLES

    @property
    def secret(self) -> bool:
        """Whether it must not be written into any file, nor shown: all that an ``env-file`` sets is, and a login."""
        by_source = self.source == "env-file" or classify(self.name) == "secret"
        return by_source or holds_login(self.value or "")

    def instead_of(self, below: "Assignment | None") -> "Assignment":
        """Return this one as the stronger word than ``below`` and all that it is over."""
        return self if below is None else replace(self, over=(replace(below, over=()), *below.over))


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """The environment's real path (never the link ``.venv``: a ``sync`` swaps that) and its declared variables.

    ``env_files``: the absolute paths of the files that variables with the source ``env-file`` were read from.
    ``inject``: a Python of the environment that is started directly has the variables as well. ``foreign``: another
    tool made the environment, and its scripts carry nothing of envctl's. ``profile``: the one that is entered.
    """

    environment: str
    variables: tuple[Assignment, ...] = ()
    prompt: str = ""
    env_files: tuple[str, ...] = ()
    inject: bool = False
    foreign: bool = False
    profile: str | None = None

    @property
    def programs(self) -> str:
        """The folder of the environment's programs."""
        return f"{self.environment}/bin"

    @property
    def label(self) -> str:
        """What the prompt shows: without a name of the project's own, the folder's, as virtualenv does."""
        return self.prompt or self.environment.rpartition("/")[2]

    def public(self) -> tuple[Assignment, ...]:
        """Return the variables that may stand in a file."""
        return tuple(each for each in self.variables if not each.secret)

    def secrets(self) -> tuple[Assignment, ...]:
        """Return the variables that only a process may hold."""
        return tuple(each for each in self.variables if each.secret)

    def filed(self) -> frozenset[str]:
        """Return the names that an ``env-file`` sets, whoever's word counts in the end."""
        return frozenset(
            each.name
            for each in self.variables
            if any(word.source == "env-file" for word in (each, *each.over))
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """An interactive shell to start: its files by path (the last removes them all), command and environment."""

    files: Mapping[str, str]
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)


def declared(
    manifest: Mapping[str, str],
    *,
    profile: Mapping[str, str] | None = None,
    env_file: Mapping[str, str] | None = None,
    local: Mapping[str, str] | None = None,
) -> tuple[Assignment, ...]:
    """Return what the project's files declare, sorted by name; ``ManifestError`` for a name that no file may set."""
    found: dict[str, Assignment] = {}
    sources: tuple[tuple[Source, Mapping[str, str]], ...] = (
        ("manifest", manifest),
        ("profile", profile or {}),
        ("env-file", env_file or {}),
        ("local", local or {}),
    )
    for source, values in sources:
        for name, value in values.items():
            refuse_name(name, f"{_WHERE[source]}.{name}")
            each = Assignment(name=name, value=value, source=source)
            found[name] = each.instead_of(found.get(name))
    return tuple(found[name] for name in sorted(found))


def precedence(
    variables: Iterable[Assignment],
    *,
    caller: Mapping[str, str],
    cli: Mapping[str, str] | None = None,
    leased: Mapping[str, str] | None = None,
) -> tuple[Assignment, ...]:
    """Settle each variable for one command: lease, command line, scheduler, caller (host variables), files.

    Variables that nobody declares are not listed: they stay as the caller has them.
    """
    job = scheduler(caller) is not None
    settled = {each.name: _settle(each, caller, job=job) for each in variables}
    given: tuple[tuple[Source, Mapping[str, str]], ...] = (
        ("command line", cli or {}),
        ("lease", leased or {}),
    )
    for source, values in given:
        for name, value in values.items():
            each = Assignment(name=name, value=value, source=source)
            settled[name] = each.instead_of(settled.get(name) or _undeclared(name, caller, job=job))
    return tuple(settled[name] for name in sorted(settled))


def _settle(each: Assignment, caller: Mapping[str, str], *, job: bool) -> Assignment:
    found = _undeclared(each.name, caller, job=job)
    if job and each.scheduled:
        return (found or _unset(each.name)).instead_of(each)
    if found is None or each.source == "environment":
        return each
    # Set and empty is a word too: CUDA_VISIBLE_DEVICES= means "no GPU".
    if each.host:
        return found.instead_of(each)
    # Where the environment is active already, the caller's value is the declared one.
    return each if found.value == each.value else replace(each, over=(*each.over, found))


def _undeclared(name: str, caller: Mapping[str, str], *, job: bool) -> Assignment | None:
    """Return the word that is there before any file is asked."""
    if name not in caller:
        return None
    source: Source = "scheduler" if job and name in SCHEDULER_VARIABLES else "caller"
    return Assignment(name=name, value=caller[name], source=source)


def _unset(name: str) -> Assignment:
    return Assignment(name=name, value=None, source="scheduler")


def refuse_name(name: str, where: str) -> None:
    """Raise ``ManifestError`` for a name that activation or a shell keeps for itself; ``where`` it stands."""
    owner = ""
    if name in OWN_NAMES or name.startswith(_OWN_PREFIXES):
        owner = "the environment sets it itself"
    elif name in SHELLS_OWN:
        owner = "shells keep it for themselves"
    if owner:
        raise ManifestError(
            f"`{name}` cannot be declared: {owner}",
            where=where,
            hint="take it out; for one command, `envctl run --env K=V` can set it",
        )
