"""A limit on how long something may take that has no limit of its own."""

import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def within(seconds: float, ask: Callable[[], _T]) -> _T:
    """Return what ``ask`` returns; raises ``TimeoutError`` when that takes longer, and leaves it to itself then.

    Resolving a name, and trying one address after the other, know no limit. The thread is none that Python waits for.
    """
    answers: list[_T] = []
    errors: list[BaseException] = []

    def answer() -> None:
        try:
            answers.append(ask())
        except BaseException as error:  # noqa: BLE001  # raised again, where it is waited for
            errors.append(error)

    thread = threading.Thread(target=answer, name="registry", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError
    return answers[0]
