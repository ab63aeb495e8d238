"""Keep the descriptions of the newest runs, and those of commands that still live."""

import fcntl
import os

KEPT = 200
_LENGTH = len("20261121T101112Z-4f2a9c1b.json")


def prune(folder: str) -> None:
    """Remove the oldest files beyond ``KEPT``, and nothing that envctl did not write."""
    names = sorted(name for name in os.listdir(folder) if _ours(name))  # noqa: PTH208
    for name in names[:-KEPT]:
        try:
            opened = os.open(
                f"{folder}/{name}", os.O_RDWR | os.O_NOFOLLOW
            )  # NFS locks by what may be written
        except OSError:
            continue
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(f"{folder}/{name}")  # noqa: PTH108
        except OSError:
            continue
        finally:
            os.close(opened)


def _ours(name: str) -> bool:
    moment, dash, rest = name.partition("-")
    digits = moment[:8] + moment[9:15]
    marks = (moment[8:9], moment[15:], dash, rest[8:])
    return (
        len(name) == _LENGTH
        and marks == ("T", "Z", "-", ".json")
        and digits.isascii()
        and digits.isdigit()
    )
