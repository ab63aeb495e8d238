"""The CA bundles that are named, the system's own, and the file of logins."""

import netrc
import os
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path

from envctl.adapters.checkup.reading import exists, is_file, real
from envctl.domain.checkup.network import BUNDLES, Bundle, Network


def look(environ: Mapping[str, str]) -> Network:
    """Look at them; what is secret in them is not kept."""
    problem, mend = _netrc(environ)
    return Network(
        bundles=tuple(_bundle(name, environ[name]) for name in BUNDLES if environ.get(name)),
        system=_system(),
        netrc=problem,
        netrc_mend=mend,
    )


def _bundle(variable: str, path: str) -> Bundle:
    followed = real(path)
    if exists(path) and not is_file(path):  # a pipe would be waited for
        return Bundle(variable=variable, real=followed, problem="is no plain file")
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        problem = "is no file of certificates in PEM form"
    except (OSError, ValueError) as error:
        problem = f"cannot be read ({(getattr(error, 'strerror', None) or 'no such name').lower()})"
    else:
        problem = "" if context.cert_store_stats()["x509"] else "holds no certificate"
    return Bundle(variable=variable, real=followed, problem=problem or None)


def _system() -> bool:
    """Whether Python finds the system's certificates: images without ``ca-certificates`` have none."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile and is_file(paths.cafile):
        return True
    try:
        return bool(paths.capath and os.listdir(paths.capath))  # noqa: PTH208  # names are enough
    except OSError:
        return False


def _netrc(environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    home = environ.get("HOME")
    named = environ.get("NETRC") or (f"{home}/.netrc" if home else "")
    if not named or not is_file(named):
        return None, None
    try:
        netrc.netrc(named)
        mode = Path(named).stat().st_mode
    except (
        OSError,
        netrc.NetrcParseError,
        UnicodeDecodeError,
    ):  # its message quotes what it could not read
        return f"{named} cannot be read, so no login of it is used", f"correct {named}"
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        return f"{named} can be read by others", f"`chmod 600 {named}`"
    return None, None
