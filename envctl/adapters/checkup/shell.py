"""The shell that started envctl: which environment is active in it, and whether it completes envctl's words."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from shutil import which

from envctl.adapters.checkup.reading import is_file, real, text
from envctl.domain.checkup.shell import ShellFacts

_WORDS = ("envctl completion", "_ENVCTL_COMPLETE")
_FILES: Mapping[str, tuple[str, ...]] = {
    "bash": (".bashrc", ".bash_profile", ".profile", ".bash_completion"),
    "zsh": (".zshrc", ".zprofile", ".zshenv"),
    "fish": (".config/fish/config.fish",),
}
_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "bash": (
        ".local/share/bash-completion/completions/envctl",
        "/usr/share/bash-completion/completions/envctl",
        "/etc/bash_completion.d/envctl",
    ),
    "zsh": (
        *(".zfunc/_envctl", ".zsh/completions/_envctl", ".zsh/completion/_envctl"),
        *("/usr/share/zsh/site-functions/_envctl", "/usr/local/share/zsh/site-functions/_envctl"),
    ),
    "fish": (
        ".config/fish/completions/envctl.fish",
        "/usr/share/fish/vendor_completions.d/envctl.fish",
    ),
}


def look(environ: Mapping[str, str], parent: str | None, environment: str | None) -> ShellFacts:
    """Look at it; start-up files are read for one word only."""
    named = parent or environ.get("SHELL") or ""
    shell = PurePath(named).name.removeprefix("-").partition("-")[0] or None
    active = environ.get("VIRTUAL_ENV") or None
    python = which("python", path=environ.get("PATH"))
    return ShellFacts(
        shell=shell,
        completes=bool(shell and _completes(shell, environ)),
        active=active,
        there=active is None or is_file(f"{active}/pyvenv.cfg"),
        same=bool(active and environment and _same(active, environment)),
        first=_same(PurePath(python).parent, f"{active}/bin") if python and active else None,
    )


def _completes(shell: str, environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("HOME") or "/")
    if any(is_file(home / path) for path in _SCRIPTS.get(shell, ())):
        return True
    zsh = environ.get("ZDOTDIR")
    folders = [Path(zsh)] if zsh and shell == "zsh" else []
    return any(
        word in found
        for folder in (home, *folders)
        for found in _texts(folder, _FILES.get(shell, ()))
        for word in _WORDS
    )


def _texts(folder: Path, names: tuple[str, ...]) -> Iterator[str]:
    for path in (folder / name for name in names):
        if is_file(path):
            with suppress(OSError, UnicodeDecodeError):
                yield text(path)


def _same(one: str | PurePath, other: str | PurePath) -> bool:
    return real(str(one)) == real(str(other))
