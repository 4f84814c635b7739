"""The benchmark of the embed stage runs, and embeds anew in each round."""

from benchmarks.embed_stage import BARE, SERVICE, Wanted, measure


def test_both_sides_embed_the_same() -> None:
    report = measure(Wanted(documents=2, paragraphs=6, rounds=2, seed=1, broker="embedded"))
    for name in (SERVICE, BARE):
        assert len(report.rounds[name]) == 2
        assert all(measured["tokens/s"] > 0 for measured in report.rounds[name])
    # What is found again costs next to nothing.
    assert all(measured["embedded"] > 0 for measured in report.rounds[SERVICE])
