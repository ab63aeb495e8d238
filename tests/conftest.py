"""What every test can rely on: nothing of this machine's or this user's settings, and no silent skip under CI.

The environment is changed for each test, never at import: ``tests/system/engine.py`` reads the machine's own.
"""

import itertools
import os
import re
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.variables import classify

# Whatever would colour a result: other tools' settings, an active environment, a scheduler's job, a git hook's folder.
_COLOURS = re.compile(
    r"(PIP|UV|VIRTUALENV|CONDA|POETRY|PIPENV|PDM|HATCH|ENVCTL|GIT|PRE_COMMIT|PREK"
    r"|CUDA|NVIDIA|SLURM|KUBERNETES|NOX|PIPX)_\w*"
    r"|(VIRTUAL_ENV|XDG_\w+|PYTHON\w*|PYENV_VERSION|SOURCE_DATE_EPOCH|SHELL|NO_COLOR|FORCE_COLOR|CLICOLOR\w*)"
)
# The way to the network and nothing more.
_TRANSPORT = re.compile(r"(PIP_(CERT|PROXY|TIMEOUT|DEFAULT_TIMEOUT|RETRIES)|GIT_SSL_CAINFO)")
_CLASSES = {"semantic", "host", "performance"}
# What CI's bare Debian machine cannot have: a second Python, a GPU.
_EXCUSED = re.compile(r"no (other )?(Python|GPU)\b")

_NAMES = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "A Test"), ("EMAIL", "test@example.invalid"))
}
_numbers = itertools.count()
_TOGETHER = (
    "tests/integration/test_ci.py",
    "tests/integration/test_every_code.py",
    "tests/integration/test_verify_fix.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the Docker tests on one worker: they share one engine, its build cache and what their modules build.

    So it is with modules whose projects take long to make. Not by ``xdist_group``: xdist 3.8 tells a group by the
    node's name, and with pytest 9.2 the name comes without it.
    """
    from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

    class Together(LoadScopeScheduling):  # type: ignore[misc]  # xdist tells no types
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file.startswith("tests/system/"):
                return "docker"
            return file if file in _TOGETHER else nodeid

    return Together(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI nothing that matters may skip: a skip is a failure that says what is missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not _EXCUSED.search(why):
            report.outcome = "failed"
            report.longrepr = f"under CI=true a test may not skip: {why}"
    return report


@pytest.fixture(scope="session")
def machine_environ() -> Mapping[str, str]:
    """Give this machine's own environment, for the few tests that are about it."""
    return dict(os.environ)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give one cache folder to all workers of this run.

    Not the user's own: envctl's tests alter installed files on purpose, and uv's hard links carry that into its cache.
    """
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "shared-cache"


@pytest.fixture(autouse=True)
def _isolated(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    shared_cache: Path,
    machine_environ: Mapping[str, str],
) -> None:
    """Give each test a home of its own and an environment without anyone's settings."""
    for name in os.environ:
        if _coloured(name):
            monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_numbers))
    home.mkdir(parents=True)
    settings: dict[str, Any] = {
        "HOME": home,
        "XDG_CACHE_HOME": shared_cache,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # A file of its own, never /dev/null: `git config --global` renames its lock over whatever is named here.
        "GIT_CONFIG_GLOBAL": home / ".gitconfig",
        "GIT_CONFIG_NOSYSTEM": "1",
        **_NAMES,
    }
    plugins = Path(machine_environ.get("HOME", "/")) / ".docker"
    if "DOCKER_CONFIG" not in machine_environ and plugins.is_dir():
        settings["DOCKER_CONFIG"] = plugins  # the client's plug-ins and contexts lie there
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))


def _coloured(name: str) -> bool:
    if _TRANSPORT.fullmatch(name) or name.startswith("LD_"):
        return False
    return bool(_COLOURS.fullmatch(name)) or classify(name) in _CLASSES
