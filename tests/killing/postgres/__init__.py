"""The shop's database backend, with a point on either side of each commit."""
