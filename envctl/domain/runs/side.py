"""A run's description as one of two things that are compared, where the other one is no run."""

from collections import Counter

from envctl.domain import contract as contracts
from envctl.domain.difference.packages import Held
from envctl.domain.difference.side import Needs, Side
from envctl.domain.runs.description import RunDescription
from envctl.domain.runs.difference import settings


def side_of(run: RunDescription, name: str) -> Side:
    """Return what a run's description tells of packages, interpreter and machine."""
    entered, machine = run.environment, run.machine
    told = entered.slice is not None
    versions = ((key, version, ()) for key, version in entered.packages.items())
    gpus = None if run.gpus is None else Counter(gpu.name for gpu in run.gpus)
    return Side(
        kind="run",
        name=name,
        packages={
            key: Held(version=version, basis="installed")
            for key, version in entered.packages.items()
        }
        if told
        else None,
        needs=Needs(contract=contracts.derive(versions), basis="versions") if told else None,
        variables=settings(run),
        facts={
            "profile": entered.profile if told else None,
            "python": entered.python,
            "gpu": None
            if gpus is None
            else "; ".join(f"{gpus[each]} x {each}" for each in sorted(gpus)),
            "driver": run.driver,
            "architecture": machine.architecture,
            "cpu": machine.cpu,
            "os": machine.os,
            "libc": machine.libc,
            "kernel": machine.kernel,
        },
    )
