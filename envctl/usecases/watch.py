"""What an answer about the environment in use, the machine and the shell rests on, remembered while it is found out."""

from collections.abc import Callable, Iterator, Mapping

from envctl.disk import inputs
from envctl.domain.environment import Inspection, Stamp
from envctl.domain.environment.here import Here
from envctl.domain.manifest import Manifest
from envctl.domain.variables import classify, holds_login
from envctl.emitters import inject
from envctl.emitters.shells import FAMILIES
from envctl.ports import Environments

_SITE = "lib/python{}/site-packages"
Inputs = list[tuple[str, str, str]]


class Watch:
    """Looks at the environment for ``verify``, by every byte if ``full``; ``here`` finds the Python that is wanted.

    The inputs of a note are looked at before and after: what changes in between leaves none.
    """

    def __init__(
        self,
        root: str,
        environments: Environments,
        here: Callable[[Manifest], Here],
        *,
        full: bool = False,
    ) -> None:
        self._root = root
        self._environments = environments
        self._here = here
        self._full = full
        self._seen: tuple[str, str, str] | None = None
        self._python: str | None = None
        self._before = self._looked()
        self._devices = _devices()

    def here(self, manifest: Manifest) -> Here:
        """Return this machine as the manifest's Python sees it."""
        found = self._here(manifest)
        self._python = found.interpreter.path
        return found

    def inspect(self, path: str) -> Inspection:
        """Look at every file of an environment."""
        found = self._environments.inspect(path, full=self._full)
        self._seen = (*found.seen, path)
        return found

    def inputs(self) -> Inputs | None:
        """Return all that was looked at; ``None`` where it is no more as it was, or cannot all be named.

        The Python must be the one that the environment was made with: then nothing was searched for.
        """
        current = self._environments.current()
        stamp = current.stamp
        if self._seen is None or stamp is None or self._seen[2] != current.path:
            return None
        if self._python != stamp.base or self._before is None or self._looked() != self._before:
            return None
        return [*self._before, self._seen]

    def machine(self) -> Inputs | None:
        """Return what files tell of the machine; ``None`` where it has changed, or a driver must be asked."""
        return self._devices if self._devices == _devices() else None

    def _looked(self) -> Inputs | None:
        current = self._environments.current()
        if current.kind != "ours" or current.path is None or current.stamp is None:
            return None
        snapshot = f"{current.path}/envctl.files"
        names = [
            *standing(self._root, current.path, current.stamp),
            ("file", snapshot),
            ("stat", current.stamp.base),
            ("machine", "-"),
        ]
        try:
            found = [(kind, inputs.look(kind, name), name) for kind, name in names]
        except (OSError, ValueError):
            return None
        # Without a snapshot every byte is compared, which no note by sizes and times may stand for.
        return None if ("file", "-", snapshot) in found else found


def _devices() -> Inputs | None:
    try:
        return [(kind, inputs.look(kind, "-"), "-") for kind in ("machine", "devices")]
    except (OSError, ValueError):
        return None


class Heard(Mapping[str, str]):
    """The caller's variables, which remember what was asked of each: its value, or only whether it is set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._values: set[str] = set()
        self._names: set[str] = set()
        self._whole = False

    def __getitem__(self, name: str) -> str:
        self._values.add(name)
        return self._environ[name]

    def __contains__(self, name: object) -> bool:
        self._names.add(str(name))
        return name in self._environ

    def __iter__(self) -> Iterator[str]:
        self._whole = True
        return iter(self._environ)

    def __len__(self) -> int:
        self._whole = True
        return len(self._environ)

    def inputs(self) -> Inputs | None:
        """Return the variables; ``None`` where a digest of them would be one of a secret, or of all there are."""
        every = sorted(self._values | self._names)
        told = all(each.isascii() and each.isidentifier() for each in every)
        secret = any(
            classify(name) == "secret" or holds_login(self._environ.get(name, ""))
            for name in self._values
        )
        if self._whole or secret or not told:
            return None
        names = ",".join(name if name in self._values else f"{name}?" for name in every)
        return [("variables", inputs.look("variables", names), names)] if names else []


def standing(root: str, path: str, stamp: Stamp) -> list[tuple[str, str]]:
    """Return the inputs that say that an environment is in use and finished, with its packages and scripts."""
    site = f"{path}/{_SITE.format('.'.join(stamp.python.split('.')[:2]))}"
    scripts = [name for family in FAMILIES for name in family.SCRIPTS]
    return [
        ("link", f"{root}/.venv"),
        *intact(path),
        ("listing", site),
        *(("file", f"{path}/bin/{script}") for script in scripts),
        ("file", f"{site}/{inject.NAME}"),
    ]


def intact(path: str) -> list[tuple[str, str]]:
    """Return the inputs that say that an environment is finished and has its interpreter still."""
    return [
        ("file", f"{path}/envctl.json"),
        ("file", f"{path}/pyvenv.cfg"),
        ("stat", f"{path}/bin/python"),
    ]
