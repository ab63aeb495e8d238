"""The final stage: what is copied from the others, and how the image is started. The same in every flavour."""

from collections.abc import Iterable

from envctl.domain.image import Image
from envctl.emitters import image_metadata as metadata
from envctl.emitters.dockerfile.steps import DATE, run
from envctl.emitters.quoting import value, words

# By hand, because useradd writes today's date: the same layer whenever and wherever it is made.
_USER = (
    "echo 'app:x:10001:0::/var/cache/app:/bin/sh' >> /etc/passwd",
    "install -d -m 1777 /var/cache/app",
    f"{DATE} /etc/passwd /etc /var/cache/app /var/cache",
)
_PREFLIGHT = ("/opt/venv/bin/python", "-I", "-S", "/opt/envctl/preflight.py", "--phase")


def stage(image: Image, system_packages: Iterable[str]) -> Iterable[str]:
    """Put first what changes least, so that a change re-makes only the layers after it."""
    folder = image.names.folder
    yield from ("", "FROM base AS final")
    copies = [f"COPY --from={part} /opt/venv /opt/venv" for part in image.stages]
    yield from copies[:-1]
    yield from system_packages
    yield from run([], _USER)
    yield copies[-1]
    yield _labels(image)
    yield from _environment(image)
    yield "COPY --chmod=0444 " + words(
        [f"{folder}/contract.json", f"{folder}/preflight.py", "/opt/envctl/"], folder
    )
    yield "RUN " + words([*_PREFLIGHT, "build"], "RUN")
    for path in image.source:
        # 0555: readable whatever the umask was under which the files were checked out.
        yield "COPY --chmod=0555 " + words([path, f"/app/{path}"], "tool.envctl.image.source")
    yield "WORKDIR /app"
    yield "USER 10001:0"
    yield "ENTRYPOINT " + words([*_PREFLIGHT, "start", "--"], "ENTRYPOINT")
    yield "CMD " + words(image.command, "tool.envctl.image.command")


def _labels(image: Image) -> str:
    pairs = (f"{name}={value(text, name)}" for name, text in metadata.labels(image).items())
    return "LABEL " + " \\\n      ".join(pairs)


def _environment(image: Image) -> Iterable[str]:
    """Write what the image itself needs, then the declared variables, which have the last word."""
    own = [f"{name}={value(text, name)}" for name, text in metadata.variables(image).items()]
    yield "ENV " + " \\\n    ".join(["PATH=/opt/venv/bin:$PATH", *own])
    for name, text in image.variables.env.items():
        yield f"ENV {name}={value(text, f'tool.envctl.env.{name}')}"
