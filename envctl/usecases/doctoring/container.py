"""Container engines: does one answer, can it build, and can it give GPUs to a container?"""

from collections.abc import Iterator

from envctl.domain.checkup.engines import EngineFacts, Engines
from envctl.domain.diagnosis import Diagnosis, State
from envctl.usecases.doctoring.subject import Subject

_NAME = "container"
_DOCKERFILE = "Dockerfile"
_INSTALL = (
    "install Docker, or Podman, which needs no daemon and no right (`apt-get install podman`)"
)
_BUILDX = (
    "install the plug-in buildx (Debian, Ubuntu: `apt-get install docker-buildx`), "
    'or set `build = "hermetic"` in tool.envctl.image'
)
_TOOLKIT = "install nvidia-container-toolkit, then "
_GPU = {
    "docker": (
        f"{_TOOLKIT}`sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker`"
    ),
    "podman": f"{_TOOLKIT}`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`",
}


def look(subject: Subject) -> Iterator[Diagnosis]:
    """Look at each engine that is there."""
    found = subject.checkup.engines()
    needed = subject.has(_DOCKERFILE)
    there = [each for each in found.engines if each.there]
    if not there:
        message = "there is no container engine: only `image build`, `image run` and `image verify` need one"
        state: State = "warn" if needed else "ok"
        yield Diagnosis(check=_NAME, state=state, message=message, mend=_INSTALL)
    serving = any(each.problem is None for each in there)
    for each in there:
        if each.problem:
            yield _refusing(each, needed=needed, serving=serving)
        else:
            yield from _serving(each, found)


def _refusing(each: EngineFacts, *, needed: bool, serving: bool) -> Diagnosis:
    """Return a failure where somebody chose this engine, or the project needs one and has no other."""
    bad = each.chosen or (needed and not serving)
    message = f"{each.name}{_reached(each)}: {each.problem}"
    return Diagnosis(check=_NAME, state="fail" if bad else "warn", message=message, mend=each.mend)


def _serving(each: EngineFacts, found: Engines) -> Iterator[Diagnosis]:
    if each.where == "ssh":
        message = "docker: the engine is reached over ssh and was not asked; `docker info` asks it"
        yield Diagnosis(check=_NAME, state="ok", message=message)
        return
    kind = "rootless" if each.rootless else "with root's rights"
    if not each.local:
        kind += ", on another machine"
    built = ", with BuildKit" if each.buildkit else ""
    message = f"{each.name} {each.version or ''}{_reached(each)} answers ({kind}{built})"
    yield Diagnosis(check=_NAME, state="ok", message=message.replace("  ", " "))
    if each.buildkit is False:
        message = "no docker command here reaches BuildKit, so only hermetic images can be built"
        yield Diagnosis(check=_NAME, state="warn", message=message, mend=_BUILDX)
    yield from _gpus(each, found)


def _gpus(each: EngineFacts, found: Engines) -> Iterator[Diagnosis]:
    if each.gpu:
        message = f"{each.name} gives GPUs to containers through {' and '.join(each.gpu)}"
        yield Diagnosis(check=_NAME, state="ok", message=message)
    elif found.nvidia and each.local:
        message = f"there is an NVIDIA driver here, and {each.name} has no way to give its GPUs to a container"
        yield Diagnosis(check=_NAME, state="warn", message=message, mend=_GPU[each.name])


def _reached(each: EngineFacts) -> str:
    return f" at {each.where}" if each.where else ""
