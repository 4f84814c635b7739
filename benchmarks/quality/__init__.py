"""How much of a PDF's true text is found, and in which order, beside other programs."""
