"""Published problems with their answers, run by `aquirecover verify`, the tests and the documentation."""
