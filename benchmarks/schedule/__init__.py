"""Whether recurring jobs keep their promises: Beats that die, a year's clocks, a sync of very many files."""
