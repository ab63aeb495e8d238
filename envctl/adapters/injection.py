"""``_envctl.pth`` on disk: there with the variables where the project asks for it, and else not there."""

from pathlib import Path

from envctl.adapters import installed
from envctl.domain.environment.activation import Activation
from envctl.emitters import inject


def outdated(env_dir: Path, activation: Activation) -> bool:
    """Whether the file is missing or is another text, or is there without being asked for."""
    return bool(changes(env_dir, activation))


def changes(env_dir: Path, activation: Activation) -> dict[str, bytes | None]:
    """Return what is to be written, by path in the environment; ``None``: that file is to be removed."""
    site = installed.site_packages(env_dir)
    if site is None:
        return {}
    path = site / inject.NAME
    wanted = inject.text(activation).encode("ascii") if activation.inject else None
    return {} if _found(path) == wanted else {str(path.relative_to(env_dir)): wanted}


def _found(path: Path) -> bytes | None:
    """Return what stands there, ``None`` for nothing; whatever is no file of ours counts as empty."""
    try:
        return b"" if path.is_symlink() else path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""
