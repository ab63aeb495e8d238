"""The command line of Buildah, which ``podman build`` shares."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from envctl.adapters.build_failure import failed
from envctl.domain.image.order import Assembled, Listener, Order
from envctl.ports import Runner
from envctl.readers.build_log import OneByOne

_TAIL = 400  # lines of the log that say why it failed
# Its steps are told on stdout and what they write on both: one stream keeps their order.
_ONE_STREAM = ("sh", "-c", 'exec "$@" 1>&2', "sh")


def build(
    program: tuple[str, ...], order: Order, *, run: Runner, heard: Listener, workspace: Path
) -> Assembled:
    """Build; raises ``ContainerError`` and ``ToolMissingError``."""
    run([program[0], "--version"])  # raises where there is none: the shell would only say 127
    named = workspace / "image-id"
    argv = [*_ONE_STREAM, *program, f"--iidfile={named}", *_options(order)]
    argv += [*_secrets(order, workspace), str(order.context)]
    log, tail = OneByOne(), deque[str](maxlen=_TAIL)

    def hear(line: str) -> None:
        tail.append(line)
        for event in log.read(line):
            heard(event)

    done = run(argv, cwd=order.context, env=dict(os.environ), heard=hear)
    for event in log.end(failed=done.code != 0):
        heard(event)
    if done.code != 0:
        raise failed("\n".join(tail), log.failed)
    identity = named.read_text(encoding="utf-8").strip()
    return Assembled(identity=identity, dated="all" if order.epoch is not None else "nothing")


def _options(order: Order) -> Iterator[str]:
    yield f"--file={order.context / order.dockerfile}"
    yield "--layers"  # keep each step for the next build, as Docker does
    yield "--format=docker"  # OCI's format has no HEALTHCHECK
    yield from (f"--tag={tag}" for tag in order.tags)
    yield from (f"--build-arg={name}" for name in order.proxies)
    if order.epoch is not None:
        yield f"--timestamp={order.epoch}"
    if order.network:
        yield f"--network={order.network}"
    if order.target:
        yield f"--platform={order.target}"
    if order.fresh:
        yield "--no-cache"


def _secrets(order: Order, workspace: Path) -> Iterator[str]:
    """Name each file by a link: its own path may have a comma, at which Buildah would cut it."""
    for number, secret in enumerate(order.secrets):
        link = workspace / f"secret-{number}"
        link.symlink_to(secret.path.absolute())
        yield f"--secret=id={secret.name},src={link}"
