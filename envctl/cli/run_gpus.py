"""``envctl run --gpus``: the devices that a command is leased."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from envctl.bootstrap import Services
from envctl.cli.render import say
from envctl.domain.variables import scheduler
from envctl.emitters.printable import printable
from envctl.errors import UsageError

if TYPE_CHECKING:
    from envctl.domain.devices import Usage
    from envctl.domain.devices.lease import Demand

F = TypeVar("F", bound=Callable[..., Any])


def _number(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Read how many GPUs; raises ``UsageError``."""
    if value is None or re.fullmatch(r"[0-9]{1,4}", value, re.ASCII):
        return None if value is None else int(value)
    raise UsageError(
        f"`{value}` is no number of GPUs",
        where="--gpus",
        hint="say how many: `--gpus 2`; which ones they may be: `--env CUDA_VISIBLE_DEVICES=0,1`",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What the options ask for: ``min_free`` in bytes."""

    gpus: int
    min_free: int | None = None
    wait: bool = False


def options(function: F) -> F:
    """Add the options."""
    for option in (
        click.option("--wait", is_flag=True, help="With --gpus: wait in line for them."),
        click.option(
            "--min-free",
            metavar="SIZE",
            help="With --gpus: this much free memory on each is enough (20GiB), whoever uses it.",
        ),
        click.option(
            "--gpus",
            callback=_number,
            metavar="N",
            help="Lease N idle GPUs while the command lives; 0 hides all.",
        ),
    ):
        function = option(function)
    return function


def asked(gpus: int | None, min_free: str | None, *, wait: bool) -> Asked | None:
    """Return what is asked for, ``None``: no lease; raises ``UsageError``."""
    if gpus is None:
        if wait or min_free is not None:
            raise UsageError(
                "that goes with `--gpus` only",
                where="--wait" if wait else "--min-free",
                hint="say how many: `envctl run --gpus 1 -- COMMAND`",
            )
        return None
    from envctl.domain.devices.lease import size  # noqa: PLC0415  # most commands lease nothing

    return Asked(gpus=gpus, min_free=None if min_free is None else size(min_free), wait=wait)


def foreseen(services: Services, env: dict[str, str], asked: Asked) -> dict[str, str]:
    """Return the variables that a lease would set now; none is taken."""
    from envctl.usecases import lease  # noqa: PLC0415  # most commands lease nothing

    if not asked.gpus:
        return lease.variables(())
    usage = services.gpu_usage()
    return lease.variables(lease.foreseen(services.leases, usage, _demand(usage, env, asked)))


def taken(
    services: Services, env: dict[str, str], argv: tuple[str, ...], asked: Asked
) -> dict[str, str]:
    """Take the devices for the command; return the variables that show them to it."""
    from envctl.usecases import lease  # noqa: PLC0415  # most commands lease nothing

    if not asked.gpus:
        return lease.variables(())
    if services.program(argv[0], env) is None:
        services.become(argv, env)  # says so: better now than after the wait
    usage = services.gpu_usage()
    demand = _demand(usage, env, asked)
    if not asked.wait:
        return lease.variables(lease.take(services.leases, usage, demand, argv[0], say=_say))
    devices = lease.wait(
        *(services.leases, usage, services.gpu_usage, demand, argv[0]), say=_say, sleep=time.sleep
    )
    return lease.variables(devices)


def devices(services: Services, env: dict[str, str], command: str, count: int) -> tuple[str, ...]:
    """Take idle devices for a command that lives within this process; return their UUIDs."""
    from envctl.usecases import lease  # noqa: PLC0415  # most commands lease nothing

    usage = services.gpu_usage()
    demand = _demand(usage, env, Asked(gpus=count))
    return lease.take(services.leases, usage, demand, command, say=_say)


def _demand(usage: "Usage", env: dict[str, str], asked: Asked) -> "Demand":
    from envctl.usecases import lease  # noqa: PLC0415  # most commands lease nothing

    job = scheduler(env)
    return lease.demand(usage, env, job=job, wanted=asked.gpus, min_free=asked.min_free)


def _say(text: str) -> None:
    """Print what names of other users' processes are part of."""
    for line in text.split("\n"):
        say(printable(line, names=True))
