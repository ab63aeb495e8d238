"""``Start`` → the arguments with which Docker or Podman starts that container. Pure: nothing is started here."""

import csv
import io
from collections.abc import Iterator

from envctl.domain.image.starting import Gpus, Mount, Start


def docker(start: Start) -> tuple[str, ...]:
    """Return Docker's arguments, without the program (20.10 and newer)."""
    return (*_common(start), *_docker_gpus(start.gpus), "--", start.image, *start.argv)


def podman(start: Start) -> tuple[str, ...]:
    """Return Podman's arguments, without the program; GPUs are CDI's names (Podman 4.1 and newer)."""
    own = ("--userns=keep-id",) if start.keep_id else ()
    return (*_common(start), *own, *_podman_gpus(start.gpus), "--", start.image, *start.argv)


def _common(start: Start) -> Iterator[str]:
    yield from ("run", "--rm", "--pull=never")
    switches = {"--interactive": start.stdin, "--tty": start.terminal, "--init": start.init}
    yield from (name for name, on in switches.items() if on)
    if start.user:
        yield f"--user={start.user}"
    if start.own_ids:
        yield "--userns=host"
    if start.network:
        yield f"--network={start.network}"
    if start.shared_memory:
        yield f"--shm-size={start.shared_memory}"
    yield from (f"--mount={_mount(each)}" for each in start.mounts)
    yield from (f"--publish={port}" for port in start.ports)
    yield from (f"--env={name}" for name in start.passed)
    yield from (f"--env={name}={value}" for name, value in start.env.items())


def _mount(mount: Mount) -> str:
    """Both engines read the value as one line of CSV, where a comma or quote in a path must be quoted."""
    fields = ["type=bind", f"source={mount.source}", f"target={mount.target}"]
    return csv_line([*fields, *(("readonly",) if mount.readonly else ())])


def _docker_gpus(gpus: Gpus | None) -> Iterator[str]:
    if gpus is None:
        return
    if (
        gpus.devices
    ):  # a field of CSV again: without quotes the second device would be another option
        yield "--gpus=" + csv_line([f"device={','.join(gpus.devices)}"])
    elif gpus.every or gpus.count:
        yield f"--gpus={'all' if gpus.every else gpus.count}"


def _podman_gpus(gpus: Gpus | None) -> Iterator[str]:
    if gpus is None:
        return
    names = gpus.devices or (("all",) if gpus.every else tuple(map(str, range(gpus.count))))
    yield from (f"--device=nvidia.com/gpu={name}" for name in names)


def csv_line(fields: list[str]) -> str:
    """Return fields as one line of CSV, which is how engines read options of several parts."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
