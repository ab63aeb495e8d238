"""Take devices for one command: what it may have, what it is given, and the wait for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
from envctl.ports import Decide, Leases, Turn

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
            hint="see `envctl doctor`" if usage.problem else "run it on a machine that has one",
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
    choice = _decide(leases, usage, asked)(leases.held(), awaited(leases.waiting()))
    return _given(choice, asked, usage)


def take(
    leases: Leases, usage: Usage, asked: Demand, command: str, *, say: Callable[[str], None]
) -> tuple[str, ...]:
    """Take the devices for the program that replaces this process; raises ``LeaseError`` that names who has them.

    What is wrong with the driver is said, if devices are taken all the same.
    """
    taken = _given(leases.take(_decide(leases, usage, asked), command), asked, usage)
    _warn(usage, say)
    return taken


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

    ``usage`` is how it is now, ``look`` looks again. In the line the kernel wakes us. The first in line, and who could
    have what those before him leave, look a few times a second whether leases have ended, and ask the driver only where
    they have: seldom, when the devices are in use by others.
    """
    if leases.inherited():
        raise LeaseError(
            "a command that holds devices must not wait for more: two of them would wait for each other",
            where="--wait",
            hint="ask for all of them at once, outside; or leave `--wait` out",
        )
    choice = leases.take(_decide(leases, usage, asked), command)
    if isinstance(choice, Chosen) or choice.never:
        taken = _given(choice, asked, usage)
        _warn(usage, say)
        return taken
    devices = possible(usage, leases.held(), asked)
    with leases.line(asked.wanted, devices, command) as turn:
        say(_waiting(asked, choice, turn.ahead(), usage.problems))
        turn.wait(devices, asked.wanted)
        first = _First(leases=leases, turn=turn, devices=devices, asked=asked, said=usage.problems)
        taken = first.take(look, command, say=say, sleep=sleep)
    say(f"leased {', '.join(taken)}")
    return taken


def _warn(usage: Usage, say: Callable[[str], None]) -> None:
    for problem in usage.problems:
        say(problem)


@dataclass(frozen=True, kw_only=True, slots=True)
class _First:
    """Who need not sleep for those before him: the first in line, or one to whom they leave enough."""

    leases: Leases
    turn: Turn
    devices: frozenset[str]
    asked: Demand
    said: tuple[str, ...]

    def take(
        self,
        look: Callable[[], Usage],
        command: str,
        *,
        say: Callable[[str], None],
        sleep: Callable[[float], None],
    ) -> tuple[str, ...]:
        """Take devices as soon as they can be had."""
        pause, said = _SOON_S, self.said
        while True:
            if self._unleased() < self.asked.wanted:
                pause = _SOON_S
                sleep(_LEASED_S)
                continue
            usage = look()
            if usage.problems != said:
                _warn(usage, say)
                said = usage.problems
            if _ours(usage):  # else the driver does not answer for the moment
                choice = self.leases.take(_decide(self.leases, usage, self.asked), command)
                # Of a driver that does not answer as it should, what is missing may be there.
                if isinstance(choice, Chosen) or (choice.never and not usage.problem):
                    return _given(choice, self.asked, usage)
            sleep(pause)
            pause = min(2 * pause, _LATER_S)

    def _unleased(self) -> int:
        """Count the devices that nobody holds and nobody before us waits for; one that cannot be held is looked at."""
        before = awaited(self.turn.ahead())
        held = {uuid for uuid, lease in self.leases.held().items() if not lease.problem}
        return 0 if before is None else len(self.devices - held - before)


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
            hint=f"`envctl gpus explain` says why, `envctl run --explain` who sets it;"
            f" `--env {VISIBLE}=…` sets another",
        )
    uuids: list[str | None] = []
    for target in named:
        parts = [] if target.mig else target.gpu.mig_devices
        uuids += [part.uuid for part in parts] or [target.uuid]
    return tuple(uuid for uuid in uuids if uuid)


def _given(choice: Chosen | Refused, asked: Demand, usage: Usage) -> tuple[str, ...]:
    if isinstance(choice, Chosen):
        return choice.devices
    hint = "wait for them with `--wait`, or ask for fewer"
    there = "none is free" if choice.free == 0 else f"{choice.free} free"
    if choice.never:
        hint = _instead(choice, asked)
        there = f"{choice.most} at most can be given" if choice.most else "none can be given"
    limited = f" (of those in {VISIBLE})" if asked.limit is not None else ""
    head = f"{_gpus(asked.wanted)} asked for{limited}: {there}"
    why = [*choice.reasons, *usage.problems]
    raise LeaseError(head, where="--gpus", why=why, hint=hint)


def _instead(choice: Refused, asked: Demand) -> str:
    """Return what to do where waiting would not help."""
    if choice.barred:
        return f"have `{choice.barred[0]}` removed, or ask for fewer"
    less = ", or for less memory" if asked.min_free is not None else ""
    return f"ask for fewer{less}; waiting would not help"


def _waiting(
    asked: Demand, choice: Refused, before: tuple[Waiter, ...], problems: tuple[str, ...]
) -> str:
    ahead = [f"before you: {holder(each)}" for each in before]
    head = f"waiting for {_gpus(asked.wanted)} (Ctrl-C gives up)"
    return "\n  ".join([head, *choice.reasons, *problems, *ahead])


def _gpus(number: int) -> str:
    return "1 GPU" if number == 1 else f"{number} GPUs"
