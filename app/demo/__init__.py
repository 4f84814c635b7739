"""`python -m app demo`: the whole service on a dozen documents, some of them broken, and what became of each."""
