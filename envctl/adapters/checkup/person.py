"""Who and where we are: what no report that may be pasted somewhere is to hold."""

import os
import platform
import pwd
from collections.abc import Collection, Iterator, Mapping

from envctl.domain.checkup.redaction import Person, secrets


def look(environ: Mapping[str, str], more: Collection[str]) -> Person:
    """Return it from the variables and from the system, which need not agree."""
    homes = [environ.get("HOME", ""), *_account_home()]
    return Person(
        homes=tuple(dict.fromkeys(form for home in homes if home for form in _forms(home))),
        users=tuple(dict.fromkeys(name for name in _users(environ) if name)),
        hosts=tuple(dict.fromkeys(name for name in _hosts(environ) if name)),
        secrets=tuple(dict.fromkeys([*secrets(environ), *secrets(dict(_as_variables(more)))])),
    )


def _as_variables(addresses: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield addresses as if variables held them."""
    for number, address in enumerate(addresses):
        yield f"address {number}", address


def _forms(home: str) -> tuple[str, str]:
    return home, os.path.realpath(home)


def _account_home() -> list[str]:
    try:
        return [pwd.getpwuid(os.getuid()).pw_dir]
    except KeyError:  # a container's user has no account
        return []


def _users(environ: Mapping[str, str]) -> Iterator[str]:
    for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"):
        yield environ.get(name, "")
    try:
        yield pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return


def _hosts(environ: Mapping[str, str]) -> Iterator[str]:
    for name in (platform.node(), environ.get("HOSTNAME", ""), environ.get("HOST", "")):
        yield name
        yield name.partition(".")[0]
