"""``envctl`` and ``python -m envctl``."""

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Answer the commands of every moment at once where all agrees; else start the whole program."""
    try:
        from envctl import quick

        quick.answer(sys.argv)
        from envctl.cli import cli

        cli(prog_name="envctl")
    except KeyboardInterrupt:  # before the program had begun
        if sys.stderr:
            sys.stderr.write("interrupted\n")
        _leave()
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _leave()
        raise


def _leave() -> None:
    """End at once: Python would wait for its threads, and may end by the signal instead of with a code."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
