"""One hypothesis profile: the same examples on every machine and run."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=40, database=None)
settings.load_profile("fixed")
