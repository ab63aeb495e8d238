"""What a ``CUDA_VISIBLE_DEVICES`` means on one machine: the nouns, and how the list is read.

The rules and where they come from: ``docs/how-to/gpus.md``. What each word's verdict is, is settled here; in which
sentence it is said, in ``envctl.domain.devices.sentences``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from envctl.domain.devices.order import Order, cuda_order
from envctl.domain.devices.words import Word, words
from envctl.domain.record import Gpu, MigDevice

Why = Literal[
    "named",  # it names a device
    "repeated",  # it names a device a second time
    "negative",
    "no-number",
    "out-of-range",
    "no-such-uuid",
    "ambiguous",
    "other-kind",
    "after-the-end",
]
ENDS: tuple[Why, ...] = (
    "negative",
    "no-number",
    "out-of-range",
    "no-such-uuid",
    "ambiguous",
    "other-kind",
)
"""The reasons for which a word ends the list."""
_ANYWHERE: tuple[Why, ...] = ("negative", "no-number", "other-kind")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A device that a CUDA program can have: a GPU, or one part of a divided one."""

    gpu: Gpu
    mig: MigDevice | None = None

    @property
    def uuid(self) -> str | None:
        """Return the UUID by which the variable names it."""
        return self.mig.uuid if self.mig else self.gpu.uuid

    def to_json(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {
            "index": self.gpu.index,
            "name": self.gpu.name,
            "uuid": self.uuid,
            "mig_profile": self.mig.profile if self.mig else None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One word of the list, what it was found to be, and what it names; ``others``: what it could name as well."""

    word: Word
    why: Why
    target: Target | None = None
    others: tuple[Target, ...] = ()

    @property
    def malformed(self) -> bool:
        """Whether it ends the list on every machine."""
        return self.why in _ANYWHERE

    @property
    def foreign(self) -> bool:
        """Whether it is a UUID that no device here has."""
        return self.why == "no-such-uuid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A value on a machine. ``value`` ``None``: unset. ``devices`` in CUDA's order: the first is ``cuda:0``.

    ``dropped``: named and not visible all the same, because another one is a MIG device, or has no part to run on.
    """

    value: str | None
    order: Order
    tokens: tuple[Token, ...] = ()
    devices: tuple[Target, ...] = ()
    dropped: tuple[Target, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether a device is named twice, which hides all."""
        return any(token.why == "repeated" for token in self.tokens)

    @property
    def cut_by(self) -> Token | None:
        """Return the word that ends the list."""
        return next((token for token in self.tokens if token.why in ENDS), None)

    @property
    def ends_as_meant(self) -> bool:
        """Whether nothing is lost at the end: `-1` is how one writes "none", and a comma at the end does no harm."""
        last = self.tokens[-1] if self.tokens else None
        return last is not None and (
            last.why == "negative" or (last.why == "no-number" and not last.word.id)
        )

    @property
    def hidden(self) -> tuple[Gpu, ...]:
        """Return the machine's GPUs of which a program sees nothing."""
        seen = [device.gpu for device in self.devices]
        return tuple(gpu for gpu in self.order.gpus if gpu not in seen)

    @property
    def counts(self) -> bool:
        """Whether the order in which CUDA counts has a say: UUIDs mean the same in every order."""
        return self.value is None or any(token.word.kind == "index" for token in self.tokens[:1])


def read(value: str | None, gpus: Iterable[Gpu], *, order: str | None = None) -> Reading:
    """Return what a value means; ``order`` is the ``CUDA_DEVICE_ORDER`` (``None``: unset). Never raises."""
    counted = cuda_order(gpus, order)
    if value is None:
        tokens: tuple[Token, ...] = ()
        named = tuple(Target(gpu=gpu) for gpu in counted.gpus)
    else:
        tokens = _tokens(words(value), counted.gpus)
        named = tuple(token.target for token in tokens if token.why == "named" and token.target)
    reading = Reading(value=value, order=counted, tokens=tokens)
    if reading.repeats:
        return reading
    devices = _enumerated(named)
    kept = [device.gpu for device in devices]
    dropped = tuple(
        each for each in named if each not in devices and (each.mig or each.gpu not in kept)
    )
    return replace(reading, devices=devices, dropped=dropped)


def _tokens(listed: Sequence[Word], gpus: Sequence[Gpu]) -> tuple[Token, ...]:
    found: list[Token] = []
    named: list[Target] = []
    for number, word in enumerate(listed):
        token = _token(word, gpus)
        if number and word.is_uuid != listed[0].is_uuid and word.kind != "nothing":
            token = Token(word=word, why="other-kind")
        if token.target in named:
            token = replace(token, why="repeated")
        found.append(token)
        if token.why in ENDS:
            rest = listed[number + 1 :]
            return (*found, *(Token(word=each, why="after-the-end") for each in rest))
        if token.target:
            named.append(token.target)
    return tuple(found)


def _token(word: Word, gpus: Sequence[Gpu]) -> Token:
    if word.kind == "nothing":
        return Token(word=word, why="no-number")
    if word.kind == "index":
        if word.number < 0:
            return Token(word=word, why="negative")
        if word.number >= len(gpus):
            return Token(word=word, why="out-of-range")
        return Token(word=word, why="named", target=Target(gpu=gpus[word.number]))
    meant = _meant(word, gpus)
    if len(meant) == 1:
        return Token(word=word, why="named", target=meant[0])
    return Token(word=word, why="ambiguous" if meant else "no-such-uuid", others=tuple(meant))


def _meant(word: Word, gpus: Sequence[Gpu]) -> list[Target]:
    """Return the devices whose UUID begins so; one that is wholly so is meant alone."""
    if word.kind == "gpu":
        every = [Target(gpu=gpu) for gpu in gpus]
    else:
        every = [Target(gpu=gpu, mig=part) for gpu in gpus for part in gpu.mig_devices]
    exact = [each for each in every if each.uuid == word.id]
    if exact or word.place is None:
        return exact or [each for each in every if (each.uuid or "").startswith(word.id)]
    uuid, gpu_instance, compute_instance = word.place
    fits = [
        each
        for each in every
        if (each.gpu.uuid or "").startswith(uuid)
        and each.mig
        and (each.mig.gpu_instance, each.mig.compute_instance) == (gpu_instance, compute_instance)
    ]
    return [each for each in fits if each.gpu.uuid == uuid] or fits


def _enumerated(named: tuple[Target, ...]) -> tuple[Target, ...]:
    """Apply MIG's rules: one MIG device at most, and with one no whole GPU (MIG User Guide, constraints)."""
    for target in named:
        if target.mig:
            return (target,)
    for target in named:
        if target.gpu.mig and target.gpu.mig_devices:
            return (Target(gpu=target.gpu, mig=target.gpu.mig_devices[0]),)
    return tuple(target for target in named if not target.gpu.mig)
