"""``envctl diff``."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, report, say, show, step
from envctl.domain.difference import Comparison
from envctl.emitters import difference_markdown, difference_text
from envctl.emitters.printable import printable
from envctl.errors import UsageError
from envctl.usecases.diff import diff


@click.command(epilog="Example: envctl diff HEAD~1 --markdown")
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@options.profile
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    a: str | None,
    b: str | None,
    markdown: bool,
    profile: str | None,
    as_json: bool,
) -> None:
    """Rank what could explain that two things give different results.

    A and B are two of: a lock (pylock.toml), a git revision (HEAD~1,
    main...HEAD) or a file of one (HEAD~1:pylock.toml), an environment or
    project (.venv, ../other), an image, a machine's saved record, and what
    `envctl run` or `envctl describe --json` wrote about a run. Without B the
    project's locks are meant, and this machine for a record; without A the
    last commit.

    Exit 0: nothing differs; 1: something does.
    """
    if as_json and markdown:
        raise UsageError(
            "`--json` and `--markdown` are two formats",
            where="envctl diff",
            hint="give one of them: `envctl diff HEAD~1 --markdown`",
        )
    found = diff(services.diff_doors(profile, lambda what: step(f"{what} …")), a, b)
    same = not found.differences
    if as_json:
        show(envelope("diff", _table(found), ok=same))
    elif markdown:
        show(difference_markdown.emit(found))
    else:
        report(difference_text.emit(found))
    if not as_json:
        for remark in (f"A: {found.a}", f"B: {found.b}", *found.remarks):
            say(printable(remark))
    ctx.exit(0 if same else 1)


def _table(found: Comparison) -> dict[str, object]:
    return {
        "a": found.a,
        "b": found.b,
        "differences": [each.to_json() for each in found.differences],
        "remarks": list(found.remarks),
    }
