"""nushell: `overlay use`, `deactivate`, and JSON instead of code to evaluate."""

from collections.abc import Sequence
from pathlib import Path

from envctl.emitters.shells.nu import LOAD, quote
from tests.integration.shells.steps import Enter, Evaluate, Leave, Probe, Step


class Nu:
    """nushell, which parses a whole script before it runs it."""

    NAME = "nu"
    FROM = "npm: nushell"
    ANY_PATH = True

    def argv(self, body: Path) -> list[str]:
        return [self.NAME, "--no-config-file", str(body)]

    def script(self, steps: Sequence[Step], probe: Sequence[str]) -> str:
        program, *arguments = map(quote, probe)
        head = f"def probe [label: string] {{ ^{program} {' '.join(arguments)} $label }}\n"
        return head + "".join(self.say(step) for step in steps)

    def say(self, step: Step) -> str:
        match step:
            case Probe(label=label):
                return f"probe {label}\n"
            case Enter(link=link):
                return f"overlay use {quote(f'{link}/bin/activate.nu')}\n"
            case Evaluate(file=file, link=link):
                return (
                    f"overlay use {quote(f'{link}/bin/activate.nu')}\n"
                    f"^cat {quote(str(file))} | {LOAD}\n"
                )
            case Leave():
                return "deactivate\n"
