"""Every check of this repository, one session each; and, as a script, its own set-up.

``python3 noxfile.py tests`` needs Python 3.11 with ``venv`` and a package index, and nothing else: nox and uv are put
into ``.nox/bootstrap`` (the system's Python is never installed into), then nox runs the session.
"""

from __future__ import annotations

import os
import sys

BOOTSTRAP = ("nox>=2025.5.1", "uv>=0.11")
MINIMUM = (3, 11)


def main(arguments: list[str]) -> None:
    """Become nox: leading words are sessions (``noxfile.py lint types -- …``), the rest are nox's own options."""
    words = 0
    while words < len(arguments) and not arguments[words].startswith("-"):
        words += 1
    sessions = ["-s", *arguments[:words]] if words else []
    python, environ = bootstrap()
    argv = [python, "-m", "nox", "--noxfile", os.path.abspath(__file__)]  # noqa: PTH100
    sys.stdout.flush()
    os.execve(python, [*argv, *sessions, *arguments[words:]], environ)  # noqa: S606


def bootstrap() -> tuple[str, dict[str, str]]:
    """Return a Python that has nox and uv, and the environment to start it with; both are made once.

    The marker is written last and names all that the folder depends on, so one that was killed half-way, or was made
    by another Python or for another place, is made anew.
    """
    if sys.version_info < MINIMUM:
        sys.exit(f"noxfile.py needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    import fcntl  # noqa: PLC0415  # after the version has been judged
    import shutil  # noqa: PLC0415
    import subprocess  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    home = Path(__file__).absolute().parent / ".nox"
    folder, marker = home / "bootstrap", home / "bootstrap" / "complete"
    python = str(folder / "bin" / "python")
    wanted = "\n".join((sys.version, sys.executable, str(folder), *BOOTSTRAP))
    home.mkdir(exist_ok=True)
    with (home / "bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two sessions started at once make it once
        if not marker.is_file() or marker.read_text(encoding="utf-8") != wanted:
            _needs_venv()
            import venv  # noqa: PLC0415

            print(f"noxfile.py: installing {' and '.join(BOOTSTRAP)} into {folder}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True, symlinks=True)
            install = ["install", "--quiet", "--disable-pip-version-check", "--no-user", *BOOTSTRAP]
            if subprocess.run([python, "-m", "pip", *install], check=False).returncode != 0:
                sys.exit("noxfile.py: pip failed, see above; is a package index reachable?")
            marker.write_text(wanted, encoding="utf-8")
    told = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    return python, transport(told.stdout, dict(os.environ))


def _needs_venv() -> None:
    from importlib.util import find_spec  # noqa: PLC0415

    if find_spec("venv") is None or find_spec("ensurepip") is None:
        sys.exit(
            f"noxfile.py: {sys.executable} comes without the venv module\n"
            "  next: install it (Debian, Ubuntu: `apt-get install python3-venv`) and run this again"
        )


def transport(pip_config: str, environ: dict[str, str]) -> dict[str, str]:
    """Return the environment with the index and CA bundle that pip is told to use, for uv, which reads neither."""
    from ast import literal_eval  # noqa: PLC0415

    for line in pip_config.splitlines():
        name, _, value = line.partition("=")
        variable = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}.get(
            name.rpartition(".")[2]
        )
        if variable and "UV_INDEX_URL" not in environ:
            environ.setdefault(variable, str(literal_eval(value)))
    return environ


if __name__ == "__main__":
    main(sys.argv[1:])

import nox  # noqa: E402  # a script never comes here

PYPROJECT = nox.project.load_toml("pyproject.toml")
nox.needs_version = BOOTSTRAP[0].removeprefix("nox")
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "imports", "docs", "tests"]
nox.options.error_on_missing_interpreters = True


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install dependency groups and the project.

    Editable: pytest puts the checkout on the path in any case, and the processes that tests start must run the same
    code as the tests do. That the wheel holds every file is a test of its own; ``demo`` runs from a real wheel.
    """
    session.install(
        *nox.project.dependency_groups(PYPROJECT, *groups), *(["-e", "."] if project else [])
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite on the Python that nox runs with; a test builds the documentation."""
    install(session, "test", "imports", "docs")
    session.run("pytest", "-n", "2", *session.posargs)  # tests/conftest.py says what stays together


@nox.session
def docker(session: nox.Session) -> None:
    """Run only the tests that build and run real images."""
    install(session, "test", "imports")
    session.run("pytest", "-m", "docker", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """Run only the tests that need an NVIDIA driver; without one they are skipped."""
    install(session, "test", "imports")
    session.run("pytest", "-m", "gpu", "tests/gpu", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting; ``-- --fix`` mends what can be mended."""
    install(session, "lint", project=False)
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session, "types", "test")
    session.install("nox")
    session.run("mypy", *session.posargs)
    session.run("mypy", "examples/demo.py")


@nox.session
def imports(session: nox.Session) -> None:
    """Check the import contracts; the project is installed because they follow third-party imports too."""
    install(session, "imports")
    session.run("lint-imports", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, anew each time: pages are made of the program, too. Every warning is an error."""
    install(session, "docs")
    session.run(
        *("sphinx-build", "-E", "-W", "-n", "--keep-going", "-b", "html"),
        *("-d", "docs/_build/doctrees", "docs", "docs/_build/html"),
        *session.posargs,
    )


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure envctl against its peers: ratios within one run, in an environment as a user's tool has it."""
    session.install(".")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job on an example project, step by step, with envctl installed from its wheel."""
    pre_commit = [each for each in PYPROJECT["dependency-groups"]["test"] if "pre-commit" in each]
    session.install(".", *pre_commit)
    session.run("python", "examples/demo.py", *session.posargs)
