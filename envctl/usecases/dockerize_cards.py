"""The team's cards, for the image's preflight: the recorded machines as they are when ``dockerize`` runs."""

from envctl.domain.fleet import fits
from envctl.domain.fleet.cards import Cards, cards
from envctl.domain.manifest import Manifest
from envctl.domain.profile import variants
from envctl.ports import Project
from envctl.usecases import fleet, load
from envctl.usecases.team import team


def of_team(project: Project, manifest: Manifest) -> Cards:
    """Return the cards of the machines that are to run this profile's image.

    A record that cannot be read is ``verify``'s to name: it stops no image.
    """
    records = team(project).records
    if not records:
        return {}
    every = variants(load.manifest(project))
    return cards(fits(fleet.choice(project, every, {}), records), manifest.profile)
