"""Take devices for one command: what it may have, what it is given, and the wait for it."""

from collections.abc import Callable, Mapping

from envctl.domain.devices import Usage
from envctl.domain.devices.lease import (
    Chosen,
    Demand,
    Lease,
    Refused,
    Waiter,
    awaited,
    choose,
    holder,
    possible,
)
from envctl.domain.devices.visible import read
from envctl.errors import LeaseError
from envctl.ports import Decide, Leases

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
_GIVEN_BY_VARIABLE = ("slurm", "pbs", "lsf")
_SOON_S, _LATER_S = 0.1, 10.0
_LEASED_S = 0.25
_WITHIN = "this command runs within its lease already"


def variables(devices: tuple[str, ...]) -> dict[str, str]:
    """Return what makes a command see these devices, in this order, and no other one."""
    return {VISIBLE: ",".join(devices)} | ({ORDER: "PCI_BUS_ID"} if devices else {})


def demand(
    usage: Usage,
    env: Mapping[str, str],
    *,
    job: str | None,
    wanted: int,
    min_free: int | None = None,
) -> Demand:
    """Return what is asked for, within what ``env`` (all words settled) leaves to the command.

    ``job``: the scheduler in whose job we are. Raises ``LeaseError`` where no device can be meant.
    """
    if not _ours(usage):
        raise LeaseError(
            usage.problem or "there is no NVIDIA GPU here",
            where="--gpus",
            hint="see `envctl record`" if usage.problem else "run it on a machine that has one",
        )
    if VISIBLE not in env:
        if job in _GIVEN_BY_VARIABLE:
            raise LeaseError(
                f"this job of {job} was given no GPU: {VISIBLE} is not set",
                where=VISIBLE,
                hint=f"ask {job} for GPUs; or name those of the job: `--env {VISIBLE}=…`",
            )
        return Demand(wanted=wanted, min_free=min_free)
    return Demand(wanted=wanted, limit=_limit(usage, env), min_free=min_free)


def foreseen(leases: Leases, usage: Usage, asked: Demand) -> tuple[str, ...]:
    """Return what ``take`` would take now, and take nothing; raises ``LeaseError``."""
    return _given(_decide(leases, usage, asked)(leases.held(), awaited(leases.waiting())), asked)


def take(leases: Leases, usage: Usage, asked: Demand, command: str) -> tuple[str, ...]:
    """Take the devices for the program that replaces this process; raises ``LeaseError`` that names who has them."""
    return _given(leases.take(_decide(leases, usage, asked), command), asked)


def wait(
    leases: Leases,
    usage: Usage,
    look: Callable[[], Usage],
    asked: Demand,
    command: str,
    *,
    say: Callable[[str], None],
    sleep: Callable[[float], None],
) -> tuple[str, ...]:
    """Take the devices, now or when our turn has come; raises ``LeaseError`` at once where that can never be.

    ``usage`` is how it is now, ``look`` looks again. In the line the kernel wakes us. The first in line looks a few
    times a second whether leases have ended, and asks the driver only where they have: seldom, when the devices are in
    use by others.
    """
    if leases.inherited():
        raise LeaseError(
            "a command that holds devices must not wait for more: two of them would wait for each other",
            where="--wait",
            hint="ask for all of them at once, outside; or leave `--wait` out",
        )
    choice = leases.take(_decide(leases, usage, asked), command)
    if isinstance(choice, Chosen) or choice.never:
        return _given(choice, asked)
    devices = possible(usage, leases.held(), asked)
    with leases.line(asked.wanted, devices, command) as turn:
        say(_waiting(asked, choice, turn.ahead()))
        turn.wait(devices)
        taken = _first_in_line(leases, look, asked, command, devices=devices, sleep=sleep)
    say(f"leased {', '.join(taken)}")
    return taken


def _first_in_line(
    leases: Leases,
    look: Callable[[], Usage],
    asked: Demand,
    command: str,
    *,
    devices: frozenset[str],
    sleep: Callable[[float], None],
) -> tuple[str, ...]:
    pause = _SOON_S
    while True:
        if len(devices - leases.held().keys()) < asked.wanted:
            pause = _SOON_S
            sleep(_LEASED_S)
            continue
        usage = look()
        if _ours(usage):  # else the driver does not answer for the moment
            choice = leases.take(_decide(leases, usage, asked), command)
            if isinstance(choice, Chosen) or choice.never:
                return _given(choice, asked)
        sleep(pause)
        pause = min(2 * pause, _LATER_S)


def _decide(leases: Leases, usage: Usage, asked: Demand) -> Decide:
    within = {uuid: Lease(uuid=uuid, problem=_WITHIN) for uuid in leases.inherited()}

    def decide(held: Mapping[str, Lease], ahead: frozenset[str] | None) -> Chosen | Refused:
        return choose(usage, {**held, **within}, asked, ahead=ahead)

    return decide


def _ours(usage: Usage) -> bool:
    return any(use.gpu.vendor == "nvidia" for use in usage.gpus)


def _limit(usage: Usage, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the devices that the variable names; a divided GPU stands for its parts."""
    found = read(env[VISIBLE], [use.gpu for use in usage.gpus], order=env.get(ORDER))
    named = [] if found.repeats else [each.target for each in found.tokens if each.target]
    if not named:
        raise LeaseError(
            f"{VISIBLE} limits the choice, and names no device here",
            where=VISIBLE,
            hint=f"`envctl run --explain` says who sets it, `--env {VISIBLE}=…` sets another",
        )
    uuids: list[str | None] = []
    for target in named:
        parts = [] if target.mig else target.gpu.mig_devices
        uuids += [part.uuid for part in parts] or [target.uuid]
    return tuple(uuid for uuid in uuids if uuid)


def _given(choice: Chosen | Refused, asked: Demand) -> tuple[str, ...]:
    if isinstance(choice, Chosen):
        return choice.devices
    hint = "wait for them with `--wait`, or ask for fewer"
    there = "none is free" if choice.free == 0 else f"{choice.free} free"
    if choice.never:
        hint = "ask for fewer, or for less memory; waiting would not help"
        there = f"{choice.most} at most can be given" if choice.most else "none can be given"
    limited = f" (of those in {VISIBLE})" if asked.limit is not None else ""
    lines = [f"{_gpus(asked.wanted)} asked for{limited}: {there}", *choice.reasons]
    raise LeaseError("\n  ".join(lines), where="--gpus", hint=hint)


def _waiting(asked: Demand, choice: Refused, before: tuple[Waiter, ...]) -> str:
    ahead = [f"before you: {holder(each)}" for each in before]
    lines = [f"waiting for {_gpus(asked.wanted)} (Ctrl-C gives up)", *choice.reasons, *ahead]
    return "\n  ".join(lines)


def _gpus(number: int) -> str:
    return "1 GPU" if number == 1 else f"{number} GPUs"
