"""An empty environment, made by virtualenv as a library."""

import logging
import os
from pathlib import Path

from envctl.adapters import installed
from envctl.adapters.staging import refused
from envctl.adapters.venv import place
from envctl.domain.resolution import Interpreter
from envctl.errors import EnvironmentFailure


def make(path: Path, interpreter: Interpreter, *, prompt: str, named: str | None = None) -> None:
    """Make an environment without any package; its parent folders are made as well.

    ``named``: it is to lie at ``.venv`` itself and has no links in it, for a file system that has none. Raises
    ``ProjectError``, ``EnvironmentFailure``.
    """
    from virtualenv import session_via_cli  # noqa: PLC0415  # lazy: 80 ms

    _quiet("virtualenv")
    _spelled(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        session = session_via_cli(
            [
                *("--no-seed", "--no-venv-redirect", "--no-vcs-ignore"),
                *(["--copies"] if named else []),
                *("--python", interpreter.path, f"--prompt={prompt}", str(path)),
            ],
            setup_logging=False,
            env=_impersonal(),
        )
        session.run()
        _bare(path)
        with (path / "pyvenv.cfg").open("a", encoding="utf-8") as configuration:
            # Read by uv: launchers that name no path, so that scripts and RECORDs are the same everywhere.
            configuration.write("relocatable = true\n")
            if named:
                configuration.write(f"{place.NAME_KEY} = {named}\n")
    except OSError as error:
        raise refused(error, path, "made") from error
    except (RuntimeError, SystemExit) as error:
        raise EnvironmentFailure(
            f"virtualenv could not make an environment with {interpreter.path}: {error}",
            where=str(path),
            hint="check that this interpreter starts",
        ) from error


def _spelled(path: Path) -> None:
    if os.pathsep in str(path):
        raise EnvironmentFailure(
            f"no environment can be made in a folder with `{os.pathsep}` in its path: PATH could not name it",
            where=str(path),
            hint="rename that folder",
        )
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise EnvironmentFailure(
            "no environment can be made in a folder whose name this locale cannot spell",
            where=str(path),
            hint="rename that folder, or use a locale such as LC_ALL=C.UTF-8",
        ) from error


def _bare(path: Path) -> None:
    """Remove what virtualenv adds of its own: the image's environment has none of it."""
    (path / "CACHEDIR.TAG").unlink(missing_ok=True)
    for stray in ("_virtualenv.py", "_virtualenv.pth"):  # older virtualenv
        (installed.site_packages(path) or path).joinpath(stray).unlink(missing_ok=True)


def _quiet(name: str) -> None:
    """Keep a library's warnings to itself: where nothing handles them, Python prints them on stderr.

    virtualenv warns of scripts for shells that envctl has no part for, such as xonsh in a path with a ``$``.
    """
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _impersonal() -> dict[str, str]:
    """Return our variables without virtualenv's own: personal settings would change what is made."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VIRTUALENV_")}
    return kept | {"VIRTUALENV_CONFIG_FILE": os.devnull}
