"""``envctl`` and ``python -m envctl``."""

import sys


def main() -> None:
    """Answer the commands of every moment at once where all agrees; else start the whole program."""
    from envctl import quick  # noqa: PLC0415

    quick.answer(sys.argv)
    # One short run that keeps nearly all it allocates: looking for garbage is a tenth of a lock's own time.
    import gc  # noqa: PLC0415

    gc.disable()
    from envctl.cli import cli  # noqa: PLC0415

    cli(prog_name="envctl")


if __name__ == "__main__":
    main()
