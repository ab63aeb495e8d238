"""Ask the indexes what they have of the packages of a live environment."""

from collections.abc import Mapping

from envctl.domain.captured.packages import Captured
from envctl.domain.captured.standing import Standing, of_torch, standing
from envctl.domain.gpu import torch_builds
from envctl.domain.manifest import Index
from envctl.errors import IndexFailure
from envctl.ports import Catalogue
from envctl.usecases.capture.plan import is_known


def stand(
    packages: tuple[Captured, ...], indexes: tuple[Index, ...], catalogue: Catalogue
) -> tuple[dict[str, Standing], dict[str, tuple[str, ...]]]:
    """Ask the indexes for every package that may come from one.

    A manifest's ``indexes`` are all that there is. Where it names none, torch's own is asked for builds that the
    default one lacks: these come second, each with its packages. Raises ``IndexFailure``.
    """
    asked = {
        each.name: each
        for each in packages
        if not (each.origin.local or each.origin.kind in ("vcs", "archive"))
    }
    found = _stand(asked, catalogue, indexes)
    if indexes:
        return found, {}
    special = (p for p in asked.values() if not found[p.name].exact and p.origin.kind == "index")
    torch = of_torch(special)
    own = tuple(
        Index(name=f"pytorch-{build}", url=torch_builds.index_url(build), packages=names)
        for build, names in torch.items()
    )
    theirs = {name: asked[name] for names in torch.values() for name in names}
    try:
        return found | (_stand(theirs, catalogue, own) if theirs else {}), torch
    except IndexFailure as error:
        error.hint = (
            "it is the index of torch's builds: if you have a mirror of it, name that as an index in pyproject.toml "
            f"(`packages = {sorted(theirs)}`); else check the network, then run it again"
        )
        raise


def _stand(
    packages: Mapping[str, Captured], catalogue: Catalogue, indexes: tuple[Index, ...]
) -> dict[str, Standing]:
    offers = catalogue.versions(packages.keys(), indexes)
    return {
        name: standing(each, offers.get(name, {}), sure=is_known(each))
        for name, each in packages.items()
    }
