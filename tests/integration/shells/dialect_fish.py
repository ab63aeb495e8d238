"""fish: `source`, and a pipe into `source`."""

from collections.abc import Sequence
from pathlib import Path

from envctl.emitters.shells.fish import quote
from tests.integration.shells.steps import Enter, Evaluate, Leave, Probe, Step


class Fish:
    """fish, which goes on after a command that failed."""

    NAME = "fish"
    FROM = "Debian"
    ANY_PATH = True

    def argv(self, body: Path) -> list[str]:
        return [self.NAME, "--no-config", str(body)]

    def script(self, steps: Sequence[Step], probe: Sequence[str]) -> str:
        head = f"function probe; {' '.join(map(quote, probe))} $argv; end\n"
        return head + "".join(f"{self.say(step)}; or exit 9\n" for step in steps)

    def say(self, step: Step) -> str:
        match step:
            case Probe(label=label):
                return f"probe {label}"
            case Enter(link=link):
                return f"source {quote(f'{link}/bin/activate.fish')}"
            case Evaluate(file=file):
                return f"cat {quote(str(file))} | source"
            case Leave():
                return "deactivate"
