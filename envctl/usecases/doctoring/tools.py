"""The programs that envctl calls: which one, which version, and why that one."""

from collections.abc import Iterator

from envctl.domain.checkup.tools import Tool, Tools
from envctl.domain.diagnosis import Diagnosis, State
from envctl.usecases.doctoring.subject import Subject

_NAME = "tools"
_CONFIGS = (".pre-commit-config.yaml", ".pre-commit-config.yml", "prek.toml")
"""pre-commit reads the first only."""
_GIT = "install git (Debian, Ubuntu: `apt-get install git`)"

_ANEW = "install envctl anew, into an environment of its own (`uv tool install`, `pipx install`)"


def look(subject: Subject) -> Iterator[Diagnosis]:
    """Look at each program."""
    found = subject.checkup.tools()
    yield _envctl(found)
    yield _uv(found.named("uv"))
    yield _pip(found)
    yield _git(found.named("git"), subject)
    yield from _engines(found)
    yield from _hooks(found, subject)


def python(subject: Subject) -> Iterator[Diagnosis]:
    """Look for the interpreter that the project asks for."""
    manifest = subject.manifest()
    if manifest is None:
        return
    found = subject.interpreter(manifest)
    asked = manifest.python or manifest.requires_python
    why = f"asked for: {asked}" if asked else "the project names none"
    yield Diagnosis(
        check="python",
        state="ok",
        message=f"environments are made with Python {found.version} at {found.path} ({why})",
    )


def _envctl(found: Tools) -> Diagnosis:
    message = f"envctl {found.envctl} on Python {found.python} in {found.prefix}"
    if not found.unmet:
        return Diagnosis(check=_NAME, state="ok", message=message)
    lacking = ", ".join(found.unmet)
    return Diagnosis(
        check=_NAME,
        state="fail",
        message=f"{message}, without what it needs: {lacking}",
        mend=_ANEW,
    )


def _uv(uv: Tool) -> Diagnosis:
    if uv.problem or uv.path is None:
        return _broken(uv, "fail")
    beside = f"; not {', '.join(uv.others)}, which is first on PATH" if uv.others else ""
    message = f"uv {uv.version} at {uv.path}: the one that envctl was installed with{beside}"
    return Diagnosis(check=_NAME, state="ok", message=message)


def _pip(found: Tools) -> Diagnosis:
    pip, piptools = found.named("pip"), found.named("pip-tools")
    for each in (pip, piptools):
        if each.problem:
            return _broken(each, "warn")
    message = (
        f"pip {pip.version} with pip-tools {piptools.version} beside envctl, for "
        '`resolver = "pip-tools"`; no other pip is called, and uv installs'
    )
    return Diagnosis(check=_NAME, state="ok", message=message)


def _git(git: Tool, subject: Subject) -> Diagnosis:
    if git.problem:
        return _broken(git, "warn")
    if git.path:
        message = f"git {git.version or ''} at {git.path}: the first on PATH".replace("  ", " ")
        return Diagnosis(check=_NAME, state="ok", message=message)
    needed = subject.project() is not None
    message = "there is no git: hooks, and `diff` with a revision, need it"
    return Diagnosis(check=_NAME, state="warn" if needed else "ok", message=message, mend=_GIT)


def _engines(found: Tools) -> Iterator[Diagnosis]:
    docker, podman = found.named("docker"), found.named("podman")
    if docker.path:
        why = "the first that can build with BuildKit"
        if docker.problem:
            why = docker.problem
        elif docker.others:
            why += f"; not {', '.join(docker.others)}"
        yield Diagnosis(
            check=_NAME,
            state="warn" if docker.problem else "ok",
            message=f"docker {docker.version or ''} at {docker.path}: {why}".replace("  ", " "),
            mend=docker.mend,
        )
    elif docker.problem:
        yield _broken(docker, "warn")
    if podman.path:
        why = "used where no Docker engine answers, or with `--engine podman`"
        message = f"podman {podman.version or ''} at {podman.path}: {why}".replace("  ", " ")
        yield Diagnosis(check=_NAME, state="ok", message=message)
    elif podman.problem:
        yield _broken(podman, "warn")


def _hooks(found: Tools, subject: Subject) -> Iterator[Diagnosis]:
    """Look at what runs the commit hooks: pre-commit, or prek in its place."""
    config = next((each for each in _CONFIGS if subject.has(each)), None)
    able = ("pre-commit", "prek") if config in (None, _CONFIGS[0]) else ("prek",)
    tool = next((t for name in able if (t := found.named(name)).path), None)
    if config is None:
        if tool:
            message = (
                f"{tool.name} {tool.version or ''} at {tool.path}; this project does not use it"
            )
            yield Diagnosis(check=_NAME, state="ok", message=message.replace("  ", " "))
        return
    if tool is None:
        yield Diagnosis(
            check=_NAME,
            state="warn",
            message=f"the project has {config}, and there is no {able[0]} to run it",
            mend=f"`uv tool install {able[0]}`, then `{able[0]} install`",
        )
        return
    yield _installed(tool, subject)


def _installed(tool: Tool, subject: Subject) -> Diagnosis:
    project = subject.project()
    hook = subject.checkup.hook(project.root) if project else None
    installed = hook is None or hook.path is not None or hook.problem is not None
    said = (
        "" if installed else ", and its hook is not installed here: nothing is checked at a commit"
    )
    mend = f"`{tool.name} install`; `envctl hooks show` says which git hooks envctl's need"
    return Diagnosis(
        check=_NAME,
        state="ok" if installed else "warn",
        message=f"{tool.name} {tool.version or ''} at {tool.path}{said}".replace("  ", " "),
        mend=None if installed else mend,
    )


def _broken(tool: Tool, state: State) -> Diagnosis:
    message = f"{tool.name}: {tool.problem or 'not there'}"
    return Diagnosis(check=_NAME, state=state, message=message, mend=tool.mend or _ANEW)
