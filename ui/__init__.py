"""Front doors: the command line and the shop chat."""
