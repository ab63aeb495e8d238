"""Who and where we are: what no report that may be pasted somewhere is to hold."""

import os
import platform
import pwd
from collections.abc import Collection, Iterator, Mapping

from envctl.adapters.checkup.patience import together
from envctl.adapters.checkup.reading import real
from envctl.domain.checkup.redaction import Person, secrets

_USERS = ("USER", "LOGNAME", "USERNAME", "SUDO_USER")
_MOMENT = 3.0  # seconds: accounts may be asked of a server


def look(environ: Mapping[str, str], more: Collection[str]) -> Person:
    """Return it from the variables and from the system, which need not agree."""
    account = together({"account": lambda: pwd.getpwuid(os.getuid())}, _MOMENT)["account"]
    known = (
        account if isinstance(account, pwd.struct_passwd) else None
    )  # a container's user may have none
    homes = [environ.get("HOME", ""), known.pw_dir if known else ""]
    users = [*(environ.get(name, "") for name in _USERS), known.pw_name if known else ""]
    return Person(
        homes=tuple(dict.fromkeys(form for home in homes if home for form in _forms(home))),
        users=tuple(dict.fromkeys(name for name in users if name)),
        hosts=tuple(dict.fromkeys(name for name in _hosts(environ) if name)),
        secrets=tuple(dict.fromkeys([*secrets(environ), *secrets(dict(_as_variables(more)))])),
    )


def _as_variables(addresses: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield addresses as if variables held them."""
    for number, address in enumerate(addresses):
        yield f"address {number}", address


def _forms(home: str) -> tuple[str, str]:
    return home, real(home)


def _hosts(environ: Mapping[str, str]) -> Iterator[str]:
    for name in (platform.node(), environ.get("HOSTNAME", ""), environ.get("HOST", "")):
        yield name
        yield name.partition(".")[0]
