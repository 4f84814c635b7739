"""`sync`: a folder, a prefix of an object store or a list of URLs into a collection.

`arguments` is what may be asked for, `places` lists what is there, `listing` finds out in Postgres what is new, changed
and gone, `taking` submits and removes.
"""

from typing import Any

from sqlalchemy import exists, select

from app.runtime import engine
from app.schedule.recurring import Run, recurring, refused
from docrelay.tables import Pipeline
from tasks.recurring.sync.arguments import Sync
from tasks.recurring.sync.listing import Listing
from tasks.recurring.sync.places import place_of
from tasks.recurring.sync.taking import Taking

NAMED = 20
"""Of the paths that a rehearsal names, and of problems, so many are kept."""


@recurring("sync", Sync)
def sync(run: Run, wanted: Sync) -> dict[str, Any]:
    """Bring the collection to what the source holds; in a rehearsal, say what would be done."""
    place = place_of(wanted)
    if not run.read(lambda c: c.scalar(select(exists().where(Pipeline.name == wanted.pipeline)))):
        raise refused("no_pipeline", f"there is no pipeline {wanted.pipeline!r}")
    with Listing(engine(), run.order.entry) as listing:
        for found in place.walk():
            run.check()
            listing.add(found)
            run.progress(listing.count, listing.count, "listed")
        listing.close()
        gone = listing.count_gone()
        _doubt(wanted, listing.count, listing.known(), gone)
        different = listing.count_different()
        taking = Taking(run, wanted, place)
        for differences in listing.differences():
            taking.take(differences)
            if taking.full:
                break
        if wanted.vanished == "remove":
            for paths in listing.gone():
                taking.remove(paths)
        report = {
            "listed": listing.count,
            "unchanged": listing.count - different,
            "gone": gone,
            "left_for_the_next_run": different - taking.looked_at,
            **taking.report(NAMED),
        }
        if place.skipped:
            report["skipped"] = place.skipped[:NAMED]
        return report


def _doubt(wanted: Sync, listed: int, known: int, gone: int) -> None:
    """An unmounted folder looks as if all had been removed."""
    if wanted.vanished != "remove" or not known:
        return
    if not listed:
        raise refused("source_empty", f"{wanted.source or 'urls'} is empty, and {known} are known: nothing was removed")
    if gone > wanted.remove_most * known:
        raise refused(
            "much_gone",
            f"{gone} of {known} are gone, more than remove_most = {wanted.remove_most} allows: nothing was removed",
        )
