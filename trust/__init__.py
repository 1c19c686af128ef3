"""`make trust`: the promises of the project, measured at a smoke scale in temporary clones."""
