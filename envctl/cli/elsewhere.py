"""What uv, pip, poetry, conda and npm call a command or an option, and what it is called here."""

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "envctl install": "envctl sync",
        "envctl pip": "envctl add PACKAGE",
        "envctl uninstall": "envctl remove",
        "envctl delete": "envctl remove",
        "envctl update": "envctl lock --upgrade",
        "envctl upgrade": "envctl lock --upgrade",
        "envctl compile": "envctl lock",
        "envctl resolve": "envctl lock",
        "envctl check": "envctl verify",
        "envctl status": "envctl verify",
        "envctl list": "envctl tree",
        "envctl freeze": "envctl export requirements",
        "envctl why": "envctl tree --why",
        "envctl exec": "envctl run",
        "envctl venv": "envctl sync",
        "envctl build": "envctl image build",
        "envctl docker": "envctl dockerize",
        "envctl info": "envctl record",
        "envctl help": "envctl --help",
        "envctl version": "envctl --version",
        "envctl hooks remove": "envctl hooks uninstall",
        "envctl hooks add": "envctl hooks install",
        "envctl hooks status": "envctl hooks show",
        "envctl hooks list": "envctl hooks show",
    }
)
OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "envctl sync --frozen": "leave it out: `envctl sync` installs what the lock says and never changes it",
        "envctl sync --locked": "leave it out, after `envctl lock --check`, which says whether the lock is current",
        "envctl sync --no-dev": "did you mean `--no-default-groups`?",
        "envctl sync --dev": "did you mean `--group dev`?",
        "envctl sync --all-groups": "name each: `--group NAME`",
        "envctl sync --all-extras": "name each: `--extra NAME`",
        "envctl sync --upgrade": "run `envctl lock --upgrade`, then `envctl sync`",
        "envctl lock --dry-run": "commit first, then `envctl lock --upgrade` and `envctl diff HEAD`",
        "envctl add --dev": "did you mean `--group dev`?",
        "envctl add -r": "run `envctl init` where the requirements file is: it takes it over",
        "envctl remove --dev": "did you mean `--group dev`?",
        "envctl diff --md": "did you mean `--markdown`?",
    }
)
