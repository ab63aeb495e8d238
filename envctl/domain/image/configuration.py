"""``pyvenv.cfg``: where an environment takes its standard library from, and if it sees other packages (PEP 405)."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """``home``: the folder of the interpreter behind it; ``system``: packages of that one are seen."""

    home: str = ""
    version: str = ""
    system: bool = False


def read_configuration(text: str) -> Configuration:
    """Read it as CPython's ``getpath`` and ``site`` do: keys in any case, blanks around them, the last one counts."""
    table: dict[str, str] = {}
    first: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            table[key.strip().lower()] = value.strip()
            first.setdefault(key.strip().lower(), value.strip())
    return Configuration(
        # getpath takes the first `home`, site the last word on the system's packages.
        home=first.get("home", ""),
        version=table.get("version") or table.get("version_info", ""),
        system=table.get("include-system-site-packages", "true").lower() != "false",
    )
