"""This machine as a target: the interpreter that is used and what its markers and wheel tags are."""

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.tags import Tag

from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Slice, Target, take
from envctl.domain.platforms import Platform
from envctl.domain.resolution import Interpreter


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """The real marker environment and tags of one interpreter on this machine."""

    interpreter: Interpreter
    platform: Platform
    environment: Mapping[str, str]
    tags: tuple[Tag, ...]

    def slice_of(
        self,
        lock: Lock,
        *,
        groups: tuple[str, ...] = (),
        extras: tuple[str, ...] = (),
        where: str = "pylock.toml",
    ) -> Slice:
        """Select what this machine installs from the lock; raises ``LockError``."""
        return take(
            lock,
            Target(platform=self.platform, python=self.interpreter.version),
            groups=groups,
            extras=extras,
            environment=self.environment,
            tags=self.tags,
            where=where,
        )
