"""What a build needs of this machine and no layer may keep: its CA bundle, and its logins for the project's indexes."""

import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from envctl.adapters.index.logins import Logins
from envctl.domain.image.order import Secret
from envctl.errors import ImageError

_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS
)
_LARGEST = 500 << 10  # bytes; BuildKit takes no larger secret


def secrets(
    asked: Collection[str],
    addresses: Collection[str],
    *,
    environ: Mapping[str, str],
    logins: Logins,
    workspace: Path,
) -> tuple[Secret, ...]:
    """Return those of ``asked`` (``ca``, ``netrc``) that this machine has; raises ``ImageError``.

    Of its logins only those for ``addresses`` are given, in a file of its own in ``workspace``: a netrc may hold many.
    """
    found = []
    if "ca" in asked and (bundle := _bundle(environ)):
        found.append(Secret(name="ca", path=bundle))
    if "netrc" in asked and (text := _netrc(addresses, logins)):
        path = workspace / "netrc"
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        found.append(Secret(name="netrc", path=path))
    return tuple(found)


def _bundle(environ: Mapping[str, str]) -> Path | None:
    name = next((name for name in _BUNDLES if environ.get(name)), None)
    if name is None:
        known = (ssl.get_default_verify_paths().cafile, *_SYSTEM)
        here = (Path(path) for path in known if path)
        return next((p for p in here if p.is_file() and p.stat().st_size <= _LARGEST), None)
    path = Path(environ[name]).absolute()
    if not path.is_file():
        raise ImageError(
            f"there is no CA bundle `{path}`", where=name, hint="correct or unset that variable"
        )
    if path.stat().st_size > _LARGEST:
        raise ImageError(
            f"the CA bundle `{path}` is too large for a build ({_LARGEST >> 10} KiB at most)",
            where=name,
            hint="name a smaller one, which has your company's certificates and those you need",
        )
    return path


def _netrc(addresses: Collection[str], logins: Logins) -> str:
    lines: dict[str, str] = {}
    for address in addresses:
        host, login = urlsplit(address).hostname, logins.known(address)
        if host and login and login.password:
            lines.setdefault(
                host, f"machine {host} login {_word(login.user)} password {_word(login.password)}"
            )
    return "".join(f"{line}\n" for line in lines.values())


def _word(text: str) -> str:
    """Quote only what needs it: not every reader of a netrc knows quotes."""
    if any(each.isspace() and each != " " for each in text):
        raise ImageError(
            "a login for an index holds a line end, which no netrc can say",
            where="netrc",
            hint="correct it where it comes from: the environment, ~/.netrc",
        )
    plain = not set(' "\\#') & set(text) and text
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
