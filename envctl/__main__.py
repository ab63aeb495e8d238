"""``envctl`` and ``python -m envctl``."""

import os
import sys

_INTERRUPTED = 130
_TOOL = 4


def main() -> None:
    """Answer the commands of every moment at once where all agrees; else start the whole program."""
    try:
        from envctl import quick

        quick.answer(sys.argv)
        try:
            from envctl.cli import cli
        except ImportError as error:
            raise SystemExit(_broken(error)) from None
        cli(prog_name="envctl")
    except KeyboardInterrupt:  # before the program had begun
        if sys.stderr:
            sys.stderr.write("interrupted\n")
        _leave()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _leave()
        raise


def _broken(error: ImportError) -> int:
    """Say that a part of envctl is missing, in the plainest way: who says it better may be what is missing."""
    if sys.stderr:
        sys.stderr.write(
            f"error: this envctl is not whole: {error}\n  where: {sys.prefix}\n"
            "  next:  install it anew, into an environment of its own\n"
        )
    return _TOOL


def _leave() -> None:
    """End at once: Python would wait for its threads, and may end by the signal instead of with a code."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            continue
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
