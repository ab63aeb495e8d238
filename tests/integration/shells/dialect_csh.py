"""tcsh: `source`, and `eval` of a command in backquotes, which splits lines into words."""

from collections.abc import Sequence
from pathlib import Path

from envctl.emitters.shells.csh import quote
from tests.integration.shells.steps import Enter, Evaluate, Leave, Probe, Step


class Csh:
    """tcsh, which goes on after a command that failed."""

    NAME = "tcsh"
    FROM = "Debian"
    ANY_PATH = True

    def argv(self, body: Path) -> list[str]:
        return [self.NAME, "-f", str(body)]

    def script(self, steps: Sequence[Step], probe: Sequence[str]) -> str:
        head = f"alias probe {quote(' '.join(map(quote, probe)))}\n"
        return head + "".join(f"{self.say(step)}\nif ($status != 0) exit 9\n" for step in steps)

    def say(self, step: Step) -> str:
        match step:
            case Probe(label=label):
                return f"probe {label}"
            case Enter(link=link):
                return f"source {quote(f'{link}/bin/activate.csh')}"
            case Evaluate(file=file):
                return f'alias envctl {quote(f"cat {quote(str(file))}")}\neval "`envctl`"'
            case Leave():
                return "deactivate"
