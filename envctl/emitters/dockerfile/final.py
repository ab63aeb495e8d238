"""The final stage: what is copied from the others, and how the image is started. The same in every flavour."""

from collections.abc import Callable, Iterable

from envctl.domain.blocks import CUT
from envctl.domain.image import Image, Service
from envctl.emitters import image_metadata as metadata
from envctl.emitters.dockerfile.steps import DATE, Added, run
from envctl.emitters.quoting import value, words

# By hand, because useradd writes today's date: the same layer whenever and wherever it is made.
_USER = (
    "echo 'app:x:10001:0::/var/cache/app:/bin/sh' >> /etc/passwd",
    "install -d -m 1777 /var/cache/app",
    f"{DATE} /etc/passwd /etc /var/cache/app /var/cache",
)
# Where nothing is copied to it: WORKDIR would make it with today's date.
_EMPTY = ("install -d -m 0755 /app", f"{DATE} /app")
_OWN = "/opt/envctl"
PREFLIGHT = ("/opt/venv/bin/python", "-I", "-S", "-B", f"{_OWN}/preflight.py", "--phase")


def proof(image: Image) -> Added:
    """Return the files by which an image checks itself."""
    names, folder = ("contract.json", "preflight.py"), image.names.folder
    return Added(
        stage="proof",
        folder=_OWN,
        mode="0444",
        copies=((*(f"{folder}/{name}" for name in names), f"{_OWN}/"),),
        made=tuple(f"{_OWN}/{name}" for name in names),
        where=folder,
    )


def source(image: Image) -> Added | None:
    """Return the project's own files. 0555: readable whatever the umask was under which they were checked out."""
    if not image.source:
        return None
    made = tuple(f"/app/{path}" for path in image.source)
    return Added(
        stage="source",
        folder="/app",
        mode="0555",
        copies=tuple(zip(image.source, made, strict=True)),
        made=made,
        where="tool.envctl.image.source",
    )


def added(image: Image) -> tuple[Added, ...]:
    """Return all that is added to the environment."""
    return tuple(each for each in (proof(image), source(image)) if each)


def stage(
    image: Image,
    system_packages: Iterable[str],
    add: Callable[[Added], Iterable[str]],
) -> Iterable[str]:
    """Put first what changes least, so that a change re-makes only the layers after it."""
    yield from (CUT, "FROM base AS final")
    copies = [f"COPY --from={part} /opt/venv /opt/venv" for part in image.stages]
    yield from copies[:-1]
    yield from system_packages
    yield from run([], _USER if image.source else (*_USER, *_EMPTY))
    yield copies[-1]
    yield _labels(image)
    yield from _environment(image)
    yield from add(proof(image))
    if image.built.project:
        yield "COPY --from=project /opt/venv /opt/venv"
    yield "RUN " + words([*PREFLIGHT, "build"], "RUN")
    if own := source(image):
        yield from add(own)
    yield "WORKDIR /app"
    yield "USER 10001:0"
    yield from _service(image.service)
    yield "ENTRYPOINT " + words([*PREFLIGHT, "start", "--"], "ENTRYPOINT")
    yield "CMD " + words(image.command, "tool.envctl.image.command")


def _service(service: Service) -> Iterable[str]:
    """Say how others deal with what runs. A slow start fails no health check: success ends that time at once."""
    if service.ports:
        yield "EXPOSE " + " ".join(map(str, service.ports))
    if service.stop_signal:
        yield f"STOPSIGNAL {service.stop_signal}"
    if service.healthcheck:
        asked = words(service.healthcheck, "tool.envctl.image.healthcheck")
        yield (
            "HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \\\n"
            f"    CMD {asked}"
        )


def _labels(image: Image) -> str:
    pairs = (f"{name}={value(text, name)}" for name, text in metadata.labels(image).items())
    return "LABEL " + " \\\n      ".join(pairs)


def _environment(image: Image) -> Iterable[str]:
    """Write what the image itself needs, then the declared variables, which have the last word."""
    own = [f"{name}={value(text, name)}" for name, text in metadata.variables(image).items()]
    yield "ENV " + " \\\n    ".join(["PATH=/opt/venv/bin:$PATH", *own])
    for name, text in image.variables.env.items():
        yield f"ENV {name}={value(text, f'tool.envctl.env.{name}')}"
