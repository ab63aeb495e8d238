"""``envctl verify --fix``: show the commands that mend what was found, run them, look again."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import click

from envctl.bootstrap import Services
from envctl.cli import verify_report
from envctl.cli.render import VERBOSE, say, show
from envctl.cli.verify_report import Format
from envctl.usecases.fixing import Fix, Left, Mended, mend, plan
from envctl.usecases.verify import Report


def fix(
    ctx: click.Context,
    services: Services,
    look: Callable[[], Report],
    *,
    strict: bool | None,
    form: Format,
) -> None:
    """Mend what commands can mend; exits with 0 if nothing is left, 1 if something is, or a failed command's code."""
    errors: list[Any] = []
    verbose = bool(ctx.meta.get(VERBOSE))

    def run(step: Fix) -> int:
        say(f"$ {step.command}")
        before = ["-C", str(services.project.root), *(["-v"] if verbose else [])]
        words = [*before, *step.words, *(["--json"] if form == "json" else [])]
        ended = services.itself(words, lambda line: say(line.rstrip("\n"), whole=True))
        if form == "json":
            with suppress(ValueError, AttributeError):
                errors[:] = [json.loads(ended.stdout).get("error")]
        elif ended.stdout:
            say(ended.stdout.rstrip("\n"), whole=True)
        return ended.code

    done = mend(look, run, _told)
    ran = [{"command": each.command, "codes": list(each.codes)} for each in done.ran]
    left = [{"command": each.fix.command, "why": each.why} for each in done.left]
    if done.failed:
        _stopped(done)
        if form == "json":
            error = errors[0] if errors else None
            more = {"ran": ran, "left": left}
            show(verify_report.as_json("verify", done.report, ok=False, error=error, **more))
        ctx.exit(done.failed if done.failed > 0 else 128 - done.failed)
    no = done.report.fails(strict=strict)
    verify_report.present(services, done.report, form, name="verify", ok=not no, ran=ran, left=left)
    _say_left(done.left)
    ctx.exit(1 if no else 0)


def preview(report: Report) -> None:
    """Say what ``--fix`` would run first, and what it would leave to a person."""
    found = plan(report.weighed)
    if found.fixes:
        _told(found.fixes, "would run these")
    else:
        say("there is nothing that a command would mend")
    _say_left(found.left)


def _told(fixes: Sequence[Fix], what: str = "runs these") -> None:
    say(f"{what}, in this order:")
    for each in fixes:
        counts = Counter(each.codes)
        codes = ", ".join(
            f"{code} ({count})" if count > 1 else code for code, count in counts.items()
        )
        say(f"  {each.command}  for {codes}")


def _stopped(done: Mended) -> None:
    say("`verify --fix` stops here: the command above failed, and nothing after it was run")
    _say_left(done.left)


def _say_left(left: Sequence[Left]) -> None:
    if left:
        say("not run, for a person to decide:")
    for each in left:
        say(f"  {each.fix.command}: {each.why}")
