"""Logins for registries, as ``docker login`` and ``podman login`` leave them: in a file, or with a credential helper.

They are kept in memory only, and shown to nobody but the registry they are for.
"""

import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envctl.domain.image.reference import HUB
from envctl.errors import RegistryFailure, ToolMissingError
from envctl.ports import Runner

if TYPE_CHECKING:
    from docker.auth import AuthConfig

_HUB_KEY = "https://index.docker.io/v1/"  # what docker login stores Docker Hub under
_HELPER_SECONDS = 60.0  # it may ask its user for a password
_TOKEN_USER = "<token>"  # noqa: S105  # what helpers answer as the user's name of an identity token


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Credentials:
    """What a registry knows somebody by: name and password, or an identity token (OAuth 2 refresh token)."""

    user: str = ""
    password: str = ""
    identity: str = ""


class RegistryLogins:
    """Finds logins; each registry's is looked for once, when the registry asks for it."""

    def __init__(self, environ: Mapping[str, str], *, run: Runner | None = None) -> None:
        self._environ = environ
        self._run = run
        self._found: dict[str, Credentials | None] = {}
        self.unanswered: str | None = None
        """A helper that is named in the configuration and could not be asked."""

    def of(self, registry: str) -> Credentials | None:
        """Return the login for a registry (``host[:port]``); ``None``: there is none.

        Raises ``RegistryFailure`` for a configuration that cannot be read.
        """
        if registry not in self._found:
            every = (self._in(path, registry) for path in _files(self._environ))
            self._found[registry] = next((each for each in every if each), None)
        return self._found[registry]

    def _in(self, path: Path, registry: str) -> Credentials | None:
        config = _config(path)
        if config is None:
            return None
        helper = config.get_credential_store(registry)
        found = self._from_helper(str(helper), registry) if helper else None
        return found or _from_file(config, registry)

    def _from_helper(self, helper: str, registry: str) -> Credentials | None:
        """Ask ``docker-credential-<helper>``: an address on stdin, JSON on stdout (docker-credential-helpers)."""
        program = f"docker-credential-{helper}"
        if self._run is None or "/" in helper:
            return None
        server = _HUB_KEY if registry == HUB else registry
        try:
            done = self._run(
                [program, "get"], env=self._environ, stdin=server, timeout=_HELPER_SECONDS
            )
        except ToolMissingError:
            self.unanswered = program
            return None
        if done.code:  # also its way to say that it has none
            return None
        try:
            answer = json.loads(done.stdout)
            user, secret = str(answer["Username"]), str(answer["Secret"])
        except (ValueError, KeyError, TypeError):
            self.unanswered = program
            return None
        if user == _TOKEN_USER:
            return Credentials(identity=secret)
        return Credentials(user=user, password=secret) if user or secret else None


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield where logins may lie: Docker's file, then Podman's (containers-auth.json(5))."""
    home = environ.get("HOME")
    folder = environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else None)
    if folder:
        yield Path(folder) / "config.json"
    if named := environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers/auth.json"
    own = environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)
    if own:
        yield Path(own) / "containers/auth.json"


def _config(path: Path) -> "AuthConfig | None":
    from docker.auth import AuthConfig  # noqa: PLC0415  # lazy: it brings requests
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return AuthConfig.load_config(None, table) if table else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    # The words of these errors may hold what they stumbled over.
    except (OSError, ValueError, TypeError, AttributeError, DockerException, binascii.Error):
        raise RegistryFailure(
            "the logins for registries cannot be read",
            where=str(path),
            hint="correct that file, or move it away and log in again (`docker login`)",
        ) from None


def _from_file(config: "AuthConfig", registry: str) -> Credentials | None:
    from docker.auth import AuthConfig  # noqa: PLC0415  # lazy: it brings requests

    # Without the helpers: those are asked through the one door to programs.
    entry = AuthConfig({"auths": config.auths}).resolve_authconfig(registry) or {}
    if identity := entry.get("IdentityToken"):
        return Credentials(identity=identity)
    user, password = entry.get("username") or "", entry.get("password") or ""
    # Docker on Windows ends the password with a NUL.
    return Credentials(user=user, password=password.rstrip("\0")) if user or password else None
