"""Questions put to a simulator, which is passed in as a function."""
