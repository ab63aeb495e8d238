"""Describe what a run rests on: for ``run``, in words that its fast path only completes; in full for ``describe``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256

from envctl.domain import contract as contracts
from envctl.domain.environment import Current
from envctl.domain.environment.activation import Activation
from envctl.domain.record import Gpu, Record
from envctl.domain.runs.description import (
    Device,
    Entered,
    LockFile,
    Machine,
    RunDescription,
    settled_text,
)
from envctl.domain.variables import KNOWN, classify
from envctl.errors import EnvctlError
from envctl.ports import Environments, Project
from envctl.readers.run_file import read_run
from envctl.runs import facts
from envctl.usecases.load import LOCK
from envctl.usecases.record import load_all

_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


def about(project: Project, environments: Environments, activation: Activation) -> str:
    """Return what is known of a run before it starts (``envctl.runs.facts.pack``).

    What cannot be read is not told: a command must not fail for it.
    """
    current = environments.current()
    return facts.pack(
        root=str(project.root),
        kinds=" ".join(
            f"{name}={each.kind}" for name, each in KNOWN.items() if each.kind != "secret"
        ),
        declared=facts.pairs(_declared(activation)),
        machines=_machines(project),
        settled=settled_text(
            _lock(project, activation.profile), _entered(current, activation.profile)
        ),
    )


def describe(
    activation: Activation,
    env: Mapping[str, str],
    *,
    known: str,
    record: Record,
    dirty: Callable[[], bool | None],
    moment: str,
) -> RunDescription:
    """Describe what a command would run with: what ``run`` itself writes, and what only takes time to find out.

    ``known`` is what ``about`` returns, ``env`` all that the command would be given, ``moment`` is UTC (RFC 3339).
    ``dirty`` is asked only where there is a commit.
    """
    text = facts.text(known, dict(env), set(activation.filed()), None, moment)
    found = read_run(text, "envctl describe")
    return replace(
        found,
        dirty=dirty() if found.commit else None,
        machine=_machine(record, found.machine.name),
        driver=record.driver,
        gpus=tuple(_device(gpu) for gpu in record.gpus),
    )


def _declared(activation: Activation) -> dict[str, str]:
    """Return the variables that the committed files set and no table knows."""
    found = {}
    for each in activation.variables:
        words = (word for word in (each, *each.over) if word.source in ("profile", "manifest"))
        word = next(words, None)
        if word and word.value is not None and not word.secret and classify(word.name) is None:
            found[word.name] = word.value
    return found


def _machines(project: Project) -> str:
    try:
        records = load_all(project)
    except EnvctlError:  # `verify` says it
        return ""
    return " ".join(
        f"{each.machine_id}={each.name}"
        for each in records
        if each.name and each.machine_id and _PLAIN.fullmatch(each.name + each.machine_id)
    )


def _lock(project: Project, profile: str | None) -> LockFile | None:
    name = f"pylock.{profile}.toml" if profile else LOCK
    try:
        text = project.read(name)
    except EnvctlError:  # not UTF-8, or not to be read
        return None
    if text is None:
        return None
    return LockFile(name=name, digest=f"sha256:{sha256(text.encode()).hexdigest()}")


def _entered(current: Current, profile: str | None) -> Entered:
    stamp = current.stamp
    if stamp is None:
        return Entered(profile=profile, python=current.python or None)
    packages = ((name, version, ()) for name, version in stamp.packages.items())
    return Entered(
        profile=profile,
        python=stamp.python,
        slice=stamp.slice_digest,
        fingerprint=stamp.fingerprint or None,
        cuda=contracts.derive(packages).cuda,
        groups=stamp.groups,
        extras=stamp.extras,
        packages=stamp.versions,
    )


def _machine(record: Record, name: str | None) -> Machine:
    return Machine(
        id=record.machine_id,
        name=name,
        os=record.os.name,
        kernel=record.kernel,
        libc=record.libc,
        architecture=record.architecture,
        cpu=record.cpu.model,
    )


def _device(gpu: Gpu) -> Device:
    return Device(
        name=gpu.name,
        uuid=gpu.uuid,
        pci_bus_id=gpu.pci_bus_id,
        compute_capability=gpu.compute_capability,
        memory_bytes=gpu.memory_bytes,
        mig=gpu.mig,
        vendor=gpu.vendor,
    )
