"""The control: a plain Celery chain, set up with care, under the same faults.

It must lose documents, or the harness is blunt.
No Postgres decides here: what is done is what the tasks have written to a file.
"""
